/**
 * Random operations on stores, each applied to the memory store and to the one that is held to it. Used by
 * `differential.test.ts`.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { MemoryStore } from '../../../cluster/stores/memory.ts';
import type { LoadChunk, LoadPosition, LoadedRow, Store, VoteReply } from '../../../cluster/store-ports.ts';

/** The world that both stores live in, and what a sensible caller would know. */
export interface Model {
  ms: number;
  epoch: number;
  nonce: string;
}

export const partitions = [0, 1, 2, 4095];
export const ttlMs = 1_000;

/** Of votes: how long one counts, and how late it may come. */
export interface VoteTimes {
  readonly voteTtlMs: number;
  readonly voteIssueWindowMs: number;
}

const nodes: fc.Arbitrary<string> = fc.constantFrom('a', 'b', 'c', 'd');
const incarnations = fc.integer({ min: 1, max: 3 });
const epochs = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constantFrom(2 ** 40, 2 ** 52 + 1));
const owners = fc.constantFrom('a.1', 'a.2', 'b.1');
const keys = fc.oneof(
  fc.constantFrom('call:1', 'call:2', 'aor:sip:é@x', 'aor:a\0b', '', 'ÿ'),
  fc.string({ maxLength: 4 }),
);
const rows = fc.array(fc.tuple(keys, fc.option(fc.uint8Array({ maxLength: 8 }), { nil: null, freq: 3 })), {
  maxLength: 5,
});
const some = fc.array(fc.constantFrom(...partitions), { maxLength: 4 });
const voters = fc.array(nodes, { maxLength: 4 });
const aors = fc.constantFrom('sip:1@x', 'sip:2@x', 'sip:10@x', 'sip:é@x');
const batches = fc.array(fc.record({ partition: fc.constantFrom(...partitions), epoch: epochs, owner: owners, rows }), {
  maxLength: 4,
});
const user = fc.record({ aor: aors, realm: fc.string(), ha1Md5: fc.string(), ha1Sha256: fc.string() });

/** The same operations, answered at once or later. */
export type Answering<S> = {
  readonly [K in keyof S]: S[K] extends (...p: infer P) => infer R ? (...p: P) => R | Promise<R> : never;
};

/** What operations are done to. */
export type Subject = Answering<Omit<Store, 'loadChunk' | 'close'>> & {
  /** Absent where the store cuts its loads itself. */
  readonly loadChunk?: Store['loadChunk'];
};

type Apply = (store: Subject, model: Model) => unknown;

/** One operation, applied to both stores with the same arguments; its replies are compared. */
class Operation implements fc.AsyncCommand<Model, Pair> {
  readonly #text: string;
  readonly #apply: Apply;
  readonly #after: (model: Model) => void;

  constructor(text: string, apply: Apply, after: (model: Model) => void = () => undefined) {
    this.#text = text;
    this.#apply = apply;
    this.#after = after;
  }
  check(): boolean {
    return true;
  }
  async run(model: Model, { memory, held, setTime }: Pair): Promise<void> {
    model.ms = await setTime(model.ms);
    const expected = plain(await this.#apply(memory, model));
    assert.deepEqual(plain(await this.#apply(held, model)), expected, this.#text);
    this.#after(model);
    const table = memory.readTable();
    if (table !== undefined) ({ epoch: model.epoch, nonce: model.nonce } = table);
  }
  toString(): string {
    return this.#text;
  }
}

export interface Pair {
  readonly memory: MemoryStore;
  readonly held: Subject;
  /** Sets both clocks, or lets them go on a little further: the answer is what they show. */
  readonly setTime: (ms: number) => Promise<number>;
}

/** The same value with octets as one type. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

function operation<T extends readonly unknown[]>(
  name: string,
  apply: (store: Subject, parameters: T, model: Model) => unknown,
  ...parameters: { [I in keyof T]: fc.Arbitrary<T[I]> }
): fc.Arbitrary<Operation> {
  const all = fc.tuple(...parameters) as unknown as fc.Arbitrary<T>;
  return all.map(
    (values) => new Operation(`${name}(${fc.stringify(values)})`, (store, model) => apply(store, values, model)),
  );
}

/** Steps that meet the edges of leases and votes. */
function waits({ voteTtlMs, voteIssueWindowMs }: VoteTimes): fc.Arbitrary<Operation> {
  return fc.constantFrom(1, voteIssueWindowMs, voteIssueWindowMs + 1, voteTtlMs - 1, voteTtlMs, ttlMs - 1, ttlMs).map(
    (ms) =>
      new Operation(
        `wait(${ms})`,
        (store) => store.nowMs(),
        (model) => (model.ms += ms),
      ),
  );
}

/** Votes that are young, just in time, just too late, or from the future. */
function votes({ voteIssueWindowMs }: VoteTimes): fc.Arbitrary<Operation> {
  return operation<[string, number, string, number]>(
    'vote',
    (store, [target, incarnation, voter, age], { ms }) => store.vote(target, incarnation, voter, ms - age),
    nodes,
    incarnations,
    nodes,
    fc.constantFrom(0, 0, 0, 1, voteIssueWindowMs, voteIssueWindowMs + 1, -voteIssueWindowMs, -voteIssueWindowMs - 1),
  );
}

export function operationsOf(times: VoteTimes): fc.Arbitrary<Operation>[] {
  return [waits(times), votes(times), ...others];
}

const others = [
  operation<[string, number, number, string, boolean]>(
    'lease',
    async (store, [id, incarnation, ttl, link, draining]) => {
      const reply = await store.lease(id, incarnation, ttl, { link, workers: 1, schema: 1, draining });
      // Each store names its life in its own way.
      return { ...reply, storeLife: undefined };
    },
    nodes,
    incarnations,
    fc.constantFrom(0, ttlMs),
    fc.string(),
    fc.boolean(),
  ),
  // Most random votes meet another incarnation or a live lease; these come when the lease is over, from several voters.
  operation<[string, string[]]>(
    'suspect',
    async (store, [target, by], { ms }) => {
      const member = (await store.members()).find(({ id }) => id === target);
      const replies: VoteReply[] = [];
      for (const voter of by) replies.push(await store.vote(target, member?.incarnation ?? 0, voter, ms));
      return replies;
    },
    nodes,
    voters,
  ),
  operation<[string, number]>(
    'release',
    (store, [id, incarnation]) => store.release(id, incarnation),
    nodes,
    incarnations,
  ),
  operation<[]>('members', (store) => store.members()),
  operation<[]>('readTable', (store) => store.readTable()),
  operation<[boolean, number, string, Uint8Array, string[], string[]]>(
    'casTable',
    (store, [right, step, nonce, bytes, current, next], { epoch, nonce: known }) =>
      store.casTable(right ? epoch : step, right ? known : nonce, epoch + step, nonce, bytes, current, next),
    fc.boolean(),
    fc.integer({ min: 0, max: 2 }),
    fc.constantFrom('', 'n', 'm'),
    fc.uint8Array({ maxLength: 6 }),
    voters,
    fc.oneof(fc.constant<string[]>([]), voters),
  ),
  operation<[number[], number, string]>(
    'seal',
    (store, [which, epoch, owner]) => store.seal(which, epoch, owner),
    some,
    epochs,
    owners,
  ),
  operation<[number[]]>('owners', (store, [which]) => store.owners(which), some),
  operation<[{ partition: number; epoch: number; owner: string; rows: [string, Uint8Array | null][] }[], boolean]>(
    'writeBatch',
    (store, [list, durable]) => store.writeBatch(list, durable),
    batches,
    fc.boolean(),
  ),
  // Most random writes are fenced; these are by the owner, so that there is something to load.
  operation<[number, [string, Uint8Array | null][]]>(
    'writeAsOwner',
    async (store, [partition, list]) => {
      const [sealed] = await store.owners([partition]);
      return store.write(partition, sealed?.epoch ?? 0, sealed?.owner ?? '', list);
    },
    fc.constantFrom(...partitions),
    rows,
  ),
  operation<[number[]]>('load', (store, [which]) => store.load(which), some),
  operation<[number[], number, number]>(
    'loadChunks',
    async (store, [which, rowsMax, bytesMax], _model) => chunks(store, which, rowsMax, bytesMax),
    some,
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 12 }),
  ),
  operation<[{ aor: string; realm: string; ha1Md5: string; ha1Sha256: string }[]]>(
    'putUsers',
    (store, [list]) => store.putUsers(list),
    fc.array(user, { maxLength: 3 }),
  ),
  operation<[string]>('removeUser', (store, [aor]) => store.removeUser(aor), aors),
  operation<[string]>('user', (store, [aor]) => store.user(aor), aors),
  operation<[string, number]>(
    'users',
    (store, [after, limit]) => store.users(after, limit),
    fc.oneof(fc.constant(''), aors),
    fc.integer({ min: 0, max: 3 }),
  ),
];

/** The pieces of a load, which together must be the load. */
async function chunks(
  store: Subject,
  which: readonly number[],
  rowsMax: number,
  bytesMax: number,
): Promise<LoadedRow[]> {
  const all = await store.load(which);
  const pieces: LoadedRow[][] = [];
  let position: LoadPosition | undefined = { index: 0, afterKey: undefined };
  while (position !== undefined && store.loadChunk !== undefined) {
    const { rows: piece, next }: LoadChunk = store.loadChunk(which, position, rowsMax, bytesMax);
    assert.ok(piece.length <= rowsMax);
    pieces.push(piece);
    position = next;
  }
  if (store.loadChunk !== undefined) assert.deepEqual(pieces.flat(), all);
  return all;
}
