/**
 * Serves one store to many ports. At each wake-up: first the control operations (a lease must never wait behind
 * snapshots), then every write that waits, of all ports, as one commit, then one piece of one load. Work that is left
 * over waits for the next turn of the loop, so that new control operations come in between. Of commits and of pieces one
 * is under way at a time: what arrives meanwhile goes together into the next.
 */
import { receiveMessageOnPort } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { limits } from '../../src/limits.ts';
import { StoreError } from '../store-ports.ts';
import { Packer, unpackWrites } from './packed.ts';
import type { NumberedWrite } from './packed.ts';
import { acknowledged } from './protocol.ts';
import type { Request, Response } from './protocol.ts';
import type { Loading, ServedStore, WriteOutcome } from './served.ts';

interface WaitingWrite extends NumberedWrite {
  readonly port: MessagePort;
}

interface WaitingLoad {
  readonly port: MessagePort;
  readonly id: number;
  readonly loading: Loading;
}

interface WaitingControl {
  readonly port: MessagePort;
  readonly request: Extract<Request, { kind: 'control' }>;
}

export class StoreServer {
  readonly #store: ServedStore;
  readonly #ports = new Set<MessagePort>();
  #control: WaitingControl[] = [];
  #writes: WaitingWrite[] = [];
  #loads: WaitingLoad[] = [];
  #scheduled = false;
  #committing = false;
  /** Pieces of loads under way. */
  #reading = 0;
  /** Control operations under way. */
  #asked = 0;
  #commits = 0;
  #closed: (() => void) | undefined;

  constructor(store: ServedStore) {
    this.#store = store;
  }

  connect(port: MessagePort): void {
    this.#ports.add(port);
    port.on('message', (request: Request) => this.#receive(port, request));
    port.on('close', () => this.#disconnect(port));
  }

  /** Finish everything that was sent before this call, then close the ports and the store. */
  close(done: () => void = () => undefined): void {
    for (const port of this.#ports) {
      for (let left = receiveMessageOnPort(port); left !== undefined; left = receiveMessageOnPort(port)) {
        this.#receive(port, left.message as Request);
      }
    }
    this.#closed = done;
    while (this.#hasWork()) this.#work();
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    const done = this.#closed;
    if (done === undefined || this.#hasWork() || this.#committing || this.#reading + this.#asked > 0) return;
    this.#closed = undefined;
    for (const port of this.#ports) port.close();
    this.#store.close(done);
  }

  describe(): string {
    const { length } = this.#writes;
    return `store server: ${this.#ports.size} ports, ${this.#commits} commits, waiting ${this.#control.length} control, ${length} writes, ${this.#loads.length} loads`;
  }

  #receive(port: MessagePort, request: Request): void {
    switch (request.kind) {
      case 'control':
        this.#control.push({ port, request });
        break;
      case 'write':
        for (const write of unpackWrites(request.packed)) this.#writes.push({ ...write, port });
        break;
      case 'load':
        this.#loads.push({ port, id: request.id, loading: this.#store.load(request.partitions) });
        break;
    }
    this.#schedule();
  }

  /** Writes of a port that is gone are still committed: their sender may have died after others saw their effects. */
  #disconnect(port: MessagePort): void {
    this.#ports.delete(port);
    this.#loads = this.#loads.filter((load) => load.port !== port);
  }

  #schedule(): void {
    if (this.#scheduled || !this.#hasWork()) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#work();
      this.#schedule();
    });
  }

  /** Something could be begun now. */
  #hasWork(): boolean {
    return (
      this.#control.length > 0 ||
      (this.#writes.length > 0 && !this.#committing) ||
      (this.#loads.length > 0 && this.#reading < limits.storeLoadsUnderWayMax)
    );
  }

  #work(): void {
    const control = this.#control;
    this.#control = [];
    for (const { port, request } of control) this.#answer(port, request);
    if (this.#writes.length > 0 && !this.#committing) this.#commit();
    if (this.#reading < limits.storeLoadsUnderWayMax) this.#loadPiece();
  }

  /** An answer that came later may have made room for more work. */
  #ended(): void {
    this.#schedule();
    this.#closeIfDone();
  }

  #answer(port: MessagePort, { id, operation, parameters }: WaitingControl['request']): void {
    this.#asked++;
    this.#store.call(operation, parameters, (error, result) => {
      this.#asked--;
      if (error === undefined) post(port, { kind: 'result', id, result });
      else post(port, { kind: 'failure', id, failure: { code: error.code, message: error.message } });
      this.#ended();
    });
  }

  #commit(): void {
    const writes = this.#takeWrites();
    const isDurable = writes.some((write) => write.durable);
    this.#commits++;
    this.#committing = true;
    this.#store.commit(
      writes.map((write) => write.batch),
      isDurable,
      (outcomes) => {
        this.#committing = false;
        acknowledge(writes, outcomes);
        this.#ended();
      },
    );
  }

  /** As many whole batches, in order of arrival, as one commit may hold; at least one. */
  #takeWrites(): WaitingWrite[] {
    let rows = 0;
    let bytes = 0;
    let count = 0;
    for (const { batch } of this.#writes) {
      rows += batch.rows.length;
      for (const [, value] of batch.rows) bytes += value?.length ?? 0;
      if (count > 0 && (rows > limits.storeBatchRowsMax || bytes > limits.storeCommitBytesMax)) break;
      count++;
    }
    return this.#writes.splice(0, count);
  }

  #loadPiece(): void {
    const load = this.#loads.shift();
    if (load === undefined) return;
    const { port, id, loading } = load;
    this.#reading++;
    loading.next((error, piece) => {
      this.#reading--;
      if (error === undefined) {
        const packer = new Packer();
        for (const row of piece.rows) packer.row(row);
        const packed = packer.take();
        post(port, { kind: 'rows', id, packed, last: piece.last }, packed.buffer);
        // To the back of the queue: loads of several ports take turns.
        if (!piece.last && this.#ports.has(port)) this.#loads.push(load);
      } else post(port, { kind: 'failure', id, failure: { code: error.code, message: error.message } });
      this.#ended();
    });
  }
}

/** One message per port for all that was stored or fenced, and one for each error. */
function acknowledge(writes: readonly WaitingWrite[], outcomes: readonly WriteOutcome[]): void {
  const byPort = new Map<MessagePort, Map<StoreError | undefined, number[]>>();
  for (const [i, { port, id }] of writes.entries()) {
    const outcome = outcomes[i] ?? 'ok';
    const error = outcome instanceof StoreError ? outcome : undefined;
    const byError = byPort.get(port) ?? new Map<StoreError | undefined, number[]>();
    byPort.set(port, byError);
    const pairs = byError.get(error) ?? [];
    byError.set(error, pairs);
    pairs.push(id, outcome === 'ok' || outcome instanceof StoreError ? acknowledged : outcome.fencedBy);
  }
  for (const [port, byError] of byPort) {
    for (const [error, pairs] of byError) {
      const failure = error && { code: error.code, message: error.message };
      post(port, { kind: 'acks', pairs, failure });
    }
  }
}

function post(port: MessagePort, response: Response, transfer?: ArrayBuffer): void {
  port.postMessage(response, transfer === undefined ? [] : [transfer]);
}
