/** Questions of one node's admin API to the main threads of the others, with a time limit. */
import { limits } from '../../limits.ts';
import type { WorkerQuery } from '../worker/messages.ts';
import type { NodeAnswer } from './admin-port.ts';
import type { PeerItem } from '../../../cluster/peer-items.ts';

type Done = (values: readonly unknown[] | undefined) => void;

export class PeerAsks {
  readonly #send: (peer: string, item: PeerItem) => boolean;
  readonly #answer: (query: WorkerQuery) => Promise<readonly unknown[]>;
  readonly #waiting = new Map<number, { readonly peer: string; readonly done: Done }>();
  #lastId = 0;

  /** @param answer gives this node's own share of an answer. */
  constructor(
    send: (peer: string, item: PeerItem) => boolean,
    answer: (query: WorkerQuery) => Promise<readonly unknown[]>,
  ) {
    this.#send = send;
    this.#answer = answer;
  }

  /** Undefined when the node cannot be reached or does not answer in time. */
  ask(peer: string, query: WorkerQuery): Promise<NodeAnswer | undefined> {
    const id = (this.#lastId += 1);
    return new Promise((resolve) => {
      if (!this.#send(peer, { kind: 'ask', id, question: query })) return resolve(undefined);
      const timeout = setTimeout(() => this.#settle(id, peer, undefined), limits.adminAskMs);
      this.#waiting.set(id, {
        peer,
        done: (values) => {
          clearTimeout(timeout);
          resolve(values === undefined ? undefined : { node: peer, values });
        },
      });
    });
  }

  tellDrain(peer: string): boolean {
    return this.#send(peer, { kind: 'ask', id: 0, question: { what: 'drain' } });
  }

  onAsk(peer: string, id: number, question: unknown, drain: () => void): void {
    if (typeof question === 'object' && question !== null && Reflect.get(question, 'what') === 'drain') return drain();
    const query = readQuery(question);
    if (query === undefined) return;
    this.#answer(query).then(
      (values) => this.#send(peer, { kind: 'answer', id, value: values }),
      () => undefined, // The one who asked goes on without us.
    );
  }

  onAnswer(peer: string, id: number, value: unknown): void {
    this.#settle(id, peer, Array.isArray(value) ? value : undefined);
  }

  #settle(id: number, peer: string, values: readonly unknown[] | undefined): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || waiting.peer !== peer) return;
    this.#waiting.delete(id);
    waiting.done(values);
  }
}

/** A query as it came over the link: only what this version can answer. */
function readQuery(question: unknown): WorkerQuery | undefined {
  if (typeof question !== 'object' || question === null) return undefined;
  const { what, after, limit, aor, name } = question as Readonly<Record<string, unknown>>;
  if (what === 'load' || what === 'counters' || what === 'lag' || what === 'links') return { what };
  if (typeof after !== 'string' || typeof limit !== 'number') return undefined;
  if (what === 'calls') return { what, after, limit };
  if (what === 'limits') return typeof name === 'string' ? { what, after, limit, name } : undefined;
  return what === 'registrations' && typeof aor === 'string' ? { what, after, limit, aor } : undefined;
}
