/** Clients and server of the store with answers in any order; and proof that the model sees mistakes. */
import { checkModel } from './check.ts';

const client = 'cluster/stores/client.ts';
const server = 'cluster/stores/server.ts';

checkModel('store', [
  {
    file: server,
    line: 'if (this.#writes.length > 0 && !this.#committing) this.#commit();',
    instead: 'if (this.#writes.length > 0) this.#commit();',
  },
  {
    file: server,
    line: 'return this.#writes.splice(0, count);',
    instead: 'return this.#writes.splice(0, count).reverse();',
  },
  {
    file: server,
    line: 'for (const [error, pairs] of byError) {',
    instead: 'for (const [error, pairs] of [...byError].slice(0, 1)) {',
  },
  { file: server, line: 'const outcome = outcomes[i] ??', instead: 'const outcome = outcomes[0] ??' },
  { file: client, line: 'this.#rowsWaiting -= write.rows;', instead: '' },
  { file: client, line: "fencedBy === acknowledged ? 'ok' : { fencedBy }", instead: "'ok'" },
  { file: client, line: 'if (response.last) load?.done(undefined);', instead: '' },
]);
