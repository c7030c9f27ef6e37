/** Names and records that are looked up, with answers in any order; and proof that the model sees mistakes. */
import { checkModel } from './check.ts';

const names = 'src/io/dns.ts';
const users = 'cluster/directory.ts';

checkModel('lookup', [
  { file: names, line: 'for (const done of waiting) done(addresses);', instead: 'waiting[0]?.(addresses);' },
  { file: names, line: 'if (known.untilMs > this.#clock.monotonicMs()) {', instead: 'if (false) {' },
  { file: names, line: 'waiting.push(done);\n      return;', instead: 'waiting.push(done);' },
  { file: names, line: 'this.#waiting.delete(key);', instead: '' },
  { file: users, line: 'if (this.#asked.has(aor)) return;', instead: '' },
  { file: users, line: 'this.#asked.delete(aor);', instead: '' },
  { file: users, line: 'entry.untilMs > this.#clock.monotonicMs()', instead: 'entry.untilMs < 0' },
]);
