/**
 * The store as seen from a thread that must not block: the operations of `store-ports.ts` with a callback each, over a
 * MessagePort to the store thread. To wake another thread costs more than a small commit, so the first write after a pause
 * goes at the end of its turn of the loop, and what comes within `limits.storeGatherMs` after a message goes with the next
 * one. Control operations may overtake writes and loads: seal or release only after the writes before it were acknowledged.
 */
import type { MessagePort } from 'node:worker_threads';
import { limits } from '../../src/limits.ts';
import type { CoordinationAccess, Done, Ended, SnapshotAccess } from '../store-access.ts';
import { StoreError } from '../store-ports.ts';
import type {
  CasParameters,
  CasReply,
  LeaseReply,
  LoadedRow,
  MemberInfo,
  MemberRow,
  PartitionOwner,
  SnapshotRow,
  StoredTable,
  StoredUser,
  UserRecord,
  VoteReply,
  WriteReply,
} from '../store-ports.ts';
import { rowsFault } from './checks.ts';
import { Packer, unpackRows } from './packed.ts';
import { acknowledged } from './protocol.ts';
import type { ControlOperation, ControlParameters, Failure, Request, Response } from './protocol.ts';

interface WaitingWrite {
  readonly done: Done<WriteReply>;
  readonly rows: number;
  readonly bytes: number;
}

interface WaitingLoad {
  readonly onRows: (rows: LoadedRow[]) => void;
  readonly done: Ended;
}

export class StoreClient implements CoordinationAccess, SnapshotAccess {
  readonly #port: MessagePort;
  readonly #control = new Map<number, Done<unknown>>();
  readonly #writes = new Map<number, WaitingWrite>();
  readonly #loads = new Map<number, WaitingLoad>();
  readonly #packer = new Packer();
  #flushing = false;
  readonly #gatherMs: number;
  #flushedMs = Number.NEGATIVE_INFINITY;
  #lastId = 0;
  #rowsWaiting = 0;
  #bytesWaiting = 0;
  #closed = false;

  /** @param gatherMs see above; 0: every turn of the loop sends what it wrote */
  constructor(port: MessagePort, gatherMs: number = limits.storeGatherMs) {
    this.#port = port;
    this.#gatherMs = gatherMs;
    port.on('message', (response: Response) => this.#receive(response));
    port.on('close', () => this.#fail());
  }

  nowMs(done: Done<number>): void {
    this.#call('nowMs', [], done);
  }
  lease(id: string, incarnation: number, ttlMs: number, info: MemberInfo, done: Done<LeaseReply>): void {
    this.#call('lease', [id, incarnation, ttlMs, info], done);
  }
  vote(target: string, targetIncarnation: number, voter: string, issuedAtMs: number, done: Done<VoteReply>): void {
    this.#call('vote', [target, targetIncarnation, voter, issuedAtMs], done);
  }
  release(id: string, incarnation: number, done: Done<boolean>): void {
    this.#call('release', [id, incarnation], done);
  }
  members(done: Done<MemberRow[]>): void {
    this.#call('members', [], done);
  }
  readTable(done: Done<StoredTable | undefined>): void {
    this.#call('readTable', [], done);
  }
  casTable(...parameters: [...CasParameters, done: Done<CasReply>]): void {
    const [expectEpoch, expectNonce, epoch, nonce, bytes, currentVoters, nextVoters, done] = parameters;
    this.#call('casTable', [expectEpoch, expectNonce, epoch, nonce, bytes, currentVoters, nextVoters], done);
  }
  seal(partitions: readonly number[], epoch: number, owner: string, done: Done<number[]>): void {
    this.#call('seal', [partitions, epoch, owner], done);
  }
  owners(partitions: readonly number[], done: Done<PartitionOwner[]>): void {
    this.#call('owners', [partitions], done);
  }
  putUser(user: UserRecord, done: Ended): void {
    this.#call('putUser', [user], (error, _result) => done(error));
  }
  putUsers(users: readonly UserRecord[], done: Ended): void {
    this.#call('putUsers', [users], (error, _result) => done(error));
  }
  removeUser(aor: string, done: Done<boolean>): void {
    this.#call('removeUser', [aor], done);
  }
  user(aor: string, done: Done<StoredUser | undefined>): void {
    this.#call('user', [aor], done);
  }
  users(afterAor: string, limit: number, done: Done<StoredUser[]>): void {
    this.#call('users', [afterAor, limit], done);
  }

  /**
   * Write one fenced batch; the rows are copied before this returns. `done` gets `overloaded` when too much waits
   * already, and after `closed` it is unknown whether the batch was written.
   */
  write(
    partition: number,
    epoch: number,
    owner: string,
    rows: readonly SnapshotRow[],
    durable: boolean,
    done: Done<WriteReply>,
  ): void {
    const bytes = bytesOf(rows);
    const refusal = this.#closedError() ?? rowsFault(partition, rows) ?? this.#overload(rows.length, bytes);
    if (refusal !== undefined) {
      setImmediate(done, refusal, undefined);
      return;
    }
    const id = this.#nextId();
    this.#writes.set(id, { done, rows: rows.length, bytes });
    this.#rowsWaiting += rows.length;
    this.#bytesWaiting += bytes;
    this.#packer.write(id, durable, partition, epoch, owner, rows);
    if (this.#flushing) return;
    this.#flushing = true;
    const waitMs = this.#flushedMs + this.#gatherMs - performance.now();
    if (waitMs < 1) setImmediate(this.#flush);
    else setTimeout(this.#flush, waitMs);
  }

  /** All rows of the partitions at once. For many partitions rather use `loadPieces`. */
  load(partitions: readonly number[], done: Done<LoadedRow[]>): void {
    const all: LoadedRow[] = [];
    const onRows = (rows: LoadedRow[]): void => {
      for (const row of rows) all.push(row);
    };
    this.loadPieces(partitions, onRows, (error) =>
      error === undefined ? done(undefined, all) : done(error, undefined),
    );
  }

  /** The rows of the partitions in pieces as the store reads them, ordered as asked and by key. */
  loadPieces(partitions: readonly number[], onRows: (rows: LoadedRow[]) => void, done: Ended): void {
    const refusal = this.#closedError();
    if (refusal !== undefined) {
      setImmediate(done, refusal);
      return;
    }
    const id = this.#nextId();
    this.#loads.set(id, { onRows, done });
    this.#post({ kind: 'load', id, partitions });
  }

  /** Let go of the port. Whatever still waits gets `closed`. */
  close(): void {
    this.#flush();
    this.#port.close();
  }

  /** Rows that wait for their commit. */
  get rowsWaiting(): number {
    return this.#rowsWaiting;
  }

  describe(): string {
    const state = this.#closed ? 'closed' : 'open';
    return `store client ${state}: waiting ${this.#rowsWaiting} rows in ${this.#writes.size} writes, ${this.#control.size} control, ${this.#loads.size} loads`;
  }

  #call<O extends ControlOperation, T>(operation: O, parameters: ControlParameters<O>, done: Done<T>): void {
    const refusal = this.#closedError();
    if (refusal !== undefined) {
      setImmediate(done, refusal, undefined);
      return;
    }
    const id = this.#nextId();
    this.#control.set(id, done as Done<unknown>);
    this.#post({ kind: 'control', id, operation, parameters });
  }

  readonly #flush = (): void => {
    this.#flushing = false;
    if (this.#packer.length === 0 || this.#closed) return;
    this.#flushedMs = performance.now();
    const packed = this.#packer.takeShort();
    this.#post({ kind: 'write', packed }, typeof packed === 'string' ? undefined : packed.buffer);
  };

  #post(request: Request, transfer?: ArrayBuffer): void {
    this.#port.postMessage(request, transfer === undefined ? [] : [transfer]);
  }

  #receive(response: Response): void {
    switch (response.kind) {
      case 'result': {
        const done = this.#control.get(response.id);
        this.#control.delete(response.id);
        done?.(undefined, response.result);
        return;
      }
      case 'failure': {
        const { id } = response;
        const error = errorOf(response.failure);
        const control = this.#control.get(id);
        const load = this.#loads.get(id);
        this.#control.delete(id);
        this.#loads.delete(id);
        control?.(error, undefined);
        load?.done(error);
        return;
      }
      case 'acks':
        return this.#acknowledge(response.pairs, response.failure);
      case 'rows': {
        const load = this.#loads.get(response.id);
        if (response.last) this.#loads.delete(response.id);
        load?.onRows(unpackRows(response.packed));
        if (response.last) load?.done(undefined);
      }
    }
  }

  #acknowledge(pairs: readonly number[], failure: Failure | undefined): void {
    const error = failure === undefined ? undefined : errorOf(failure);
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const id = pairs[i] ?? 0;
      const write = this.#writes.get(id);
      if (write === undefined) continue;
      this.#writes.delete(id);
      this.#rowsWaiting -= write.rows;
      this.#bytesWaiting -= write.bytes;
      const fencedBy = pairs[i + 1] ?? 0;
      if (error !== undefined) write.done(error, undefined);
      else write.done(undefined, fencedBy === acknowledged ? 'ok' : { fencedBy });
    }
  }

  #overload(rows: number, bytes: number): StoreError | undefined {
    const fits =
      this.#rowsWaiting + rows <= limits.storeQueueRowsMax && this.#bytesWaiting + bytes <= limits.storeQueueBytesMax;
    if (fits) return undefined;
    return new StoreError(
      'overloaded',
      `The store does not keep up: ${this.#rowsWaiting} rows (${this.#bytesWaiting} octets) of this worker wait for it, so this ` +
        'batch was not written. Offer less load, or put the store on a faster disk.',
    );
  }

  #closedError(): StoreError | undefined {
    if (!this.#closed) return undefined;
    return new StoreError(
      'closed',
      'The connection to the store is closed. If nobody closed it, the log says why the store thread ended.',
    );
  }

  #fail(): void {
    if (this.#closed) return;
    this.#closed = true;
    const control = [...this.#control.values()];
    const writes = [...this.#writes.values()];
    const loads = [...this.#loads.values()];
    this.#control.clear();
    this.#loads.clear();
    this.#writes.clear();
    this.#rowsWaiting = 0;
    this.#bytesWaiting = 0;
    const error = new StoreError(
      'closed',
      'The store thread ended or the connection to it was closed; whether this was done is unknown.',
    );
    for (const done of control) done(error, undefined);
    for (const { done } of writes) done(error, undefined);
    for (const { done } of loads) done(error);
  }

  /** Ids go around at 2^32, long after the one before was answered. */
  #nextId(): number {
    this.#lastId = (this.#lastId + 1) >>> 0;
    return this.#lastId;
  }
}

function bytesOf(rows: readonly SnapshotRow[]): number {
  let bytes = 0;
  for (const [key, value] of rows) bytes += key.length + (value?.length ?? 0);
  return bytes;
}

function errorOf({ code, message }: Failure): StoreError {
  return new StoreError(code, message);
}
