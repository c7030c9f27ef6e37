/**
 * The store on Redis (one server, Sentinel, Cluster; Valkey too): for nodes on several machines. What it must be
 * configured with is in docs/adr/redis-store.md. Three connections, so that a lease never waits behind snapshots and
 * nothing waits behind a WAIT of another kind.
 */
import { profiles } from '../../../src/limits.ts';
import type { Done } from '../../store-access.ts';
import { StoreError } from '../../store-ports.ts';
import type { WriteBatch } from '../../store-ports.ts';
import type { ControlOperation, ControlParameters, ControlResult } from '../protocol.ts';
import { asStoreError } from '../served.ts';
import type { Loading, ServedStore, WriteOutcome } from '../served.ts';
import { Asking } from './asking.ts';
import { connect } from './connection.ts';
import type { RedisConnection } from './connection.ts';
import { RedisCoordination } from './coordination.ts';
import type { VoteTimes } from './coordination.ts';
import { keysOf } from './keys.ts';
import { readScripts } from './scripts.ts';
import { RedisSnapshots } from './snapshots.ts';
import { parseRedisUrl } from './url.ts';
import { RedisUsers } from './users.ts';
import { numberOf } from './values.ts';

export interface RedisStoreOptions extends Partial<VoteTimes> {
  /** Lua text that defines `now()`, for tests. */
  readonly clock?: string;
}

/** The layout of keys and values that this build reads and writes. */
export const redisSchema = 1;

/** @throws StoreError when Redis cannot be reached, does not let us in, or is not fit to be the store */
export async function openRedisStore(url: string, options: RedisStoreOptions = {}): Promise<RedisStore> {
  const target = parseRedisUrl(url);
  const opened: RedisConnection[] = [];
  try {
    for (let i = 0; i < 3; i++) opened.push(await connect(target));
    const [control, writes, loads] = opened as [RedisConnection, RedisConnection, RedisConnection];
    const [keys, scripts] = [keysOf(target.prefix), readScripts(options.clock)];
    const asking = new Asking(control, scripts, keys);
    for (const info of await control.info()) checkServer(info, target.text);
    await checkSchema(asking, target.text);
    return new RedisStore(asking, new Asking(writes, scripts, keys), new Asking(loads, scripts, keys), {
      voteTtlMs: options.voteTtlMs ?? profiles.default.voteTtlMs,
      voteIssueWindowMs: options.voteIssueWindowMs ?? profiles.default.voteIssueWindowMs,
    });
  } catch (error) {
    for (const connection of opened) connection.close();
    throw error;
  }
}

type Operations = { readonly [O in ControlOperation]: (...p: ControlParameters<O>) => Promise<ControlResult<O>> };

export class RedisStore implements ServedStore {
  readonly #asking: readonly Asking[];
  readonly #operations: Operations;
  readonly #writes: RedisSnapshots;
  readonly #loads: RedisSnapshots;
  #isClosed = false;

  constructor(control: Asking, writes: Asking, loads: Asking, times: VoteTimes) {
    this.#asking = [control, writes, loads];
    // Larger than any number of an earlier process, in case an owner's name comes back.
    this.#writes = new RedisSnapshots(writes, Date.now() * 1_000);
    this.#loads = new RedisSnapshots(loads, 0);
    const coordination = new RedisCoordination(control, times, (...sealed) => this.#writes.sealed(...sealed));
    const users = new RedisUsers(control);
    this.#operations = {
      nowMs: () => coordination.nowMs(),
      lease: (...p) => coordination.lease(...p),
      vote: (...p) => coordination.vote(...p),
      release: (...p) => coordination.release(...p),
      members: () => coordination.members(),
      readTable: () => coordination.readTable(),
      casTable: (...p) => coordination.casTable(...p),
      seal: (...p) => coordination.seal(...p),
      owners: (...p) => coordination.owners(...p),
      putUser: (...p) => users.putUser(...p),
      putUsers: (...p) => users.putUsers(...p),
      removeUser: (...p) => users.removeUser(...p),
      user: (...p) => users.user(...p),
      users: (...p) => users.users(...p),
    };
  }

  call(operation: ControlOperation, parameters: readonly unknown[], done: Done<unknown>): void {
    const method = this.#operations[operation] as (...parameters: readonly unknown[]) => Promise<unknown>;
    this.#settle(operation, () => method(...parameters), done);
  }

  commit(batches: readonly WriteBatch[], durable: boolean, done: (outcomes: readonly WriteOutcome[]) => void): void {
    this.#settle(
      'writeBatch',
      () => this.#writes.writeBatch(batches, durable),
      (error, outcomes) => done(error === undefined ? outcomes : batches.map(() => error)),
    );
  }

  load(partitions: readonly number[]): Loading {
    const piece = this.#loads.load(partitions);
    return { next: (done) => this.#settle('load', piece, done) };
  }

  close(done: () => void): void {
    this.#isClosed = true;
    for (const { connection } of this.#asking) connection.close();
    done();
  }

  #settle<T>(operation: string, work: () => Promise<T>, done: Done<T>): void {
    if (this.#isClosed) return done(new StoreError('closed', `The store was closed before ${operation}.`), undefined);
    work().then(
      (result) => done(undefined, result),
      (error: unknown) => done(asStoreError(error, operation), undefined),
    );
  }
}

/** @throws StoreError when this server would lose what it is given */
function checkServer(info: string, target: string): void {
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1] ?? '';
  const policy = field('maxmemory_policy');
  if (policy.startsWith('allkeys-')) {
    throw new StoreError(
      'unsupported',
      `The store ${target} throws keys away when its memory is full (maxmemory-policy ${policy}): calls would be lost. ` +
        'Set maxmemory-policy noeviction.',
    );
  }
  if (field('role') === 'slave') {
    throw new StoreError(
      'unsupported',
      `The store ${target} is a replica and takes no writes. Name its master, or write redis+sentinel:// so that the master ` +
        'is found.',
    );
  }
}

async function checkSchema(asking: Asking, target: string): Promise<void> {
  const stored = numberOf(
    await asking.one('schema', [asking.keys.schema], [redisSchema], 'reading its schema version'),
  );
  if (stored <= redisSchema) return;
  throw new StoreError(
    'newer-version',
    `The store ${target} has schema version ${stored}; this Carillon knows versions up to ${redisSchema}. It was left as it ` +
      'is. Start the newer Carillon that wrote it, or choose another database or ?prefix=NAME.',
  );
}
