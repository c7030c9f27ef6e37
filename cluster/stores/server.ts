/**
 * Serves one store to many ports. At each wake-up: first the control operations (a lease must never wait behind
 * snapshots), then every write that waits, of all ports, as one commit, then one piece of one load. Work that is left
 * over waits for the next turn of the loop, so that new control operations come in between.
 */
import { receiveMessageOnPort } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { limits } from '../../src/limits.ts';
import { StoreError } from '../store-ports.ts';
import type { LoadPosition, Store } from '../store-ports.ts';
import { Packer, unpackWrites } from './packed.ts';
import type { NumberedWrite } from './packed.ts';
import { acknowledged } from './protocol.ts';
import type { ControlOperation, Failure, Request, Response } from './protocol.ts';

interface WaitingWrite extends NumberedWrite {
  readonly port: MessagePort;
}

interface WaitingLoad {
  readonly port: MessagePort;
  readonly id: number;
  readonly partitions: readonly number[];
  position: LoadPosition;
}

interface WaitingControl {
  readonly port: MessagePort;
  readonly request: Extract<Request, { kind: 'control' }>;
}

export class StoreServer {
  readonly #store: Store;
  readonly #ports = new Set<MessagePort>();
  #control: WaitingControl[] = [];
  #writes: WaitingWrite[] = [];
  #loads: WaitingLoad[] = [];
  #scheduled = false;
  #commits = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  connect(port: MessagePort): void {
    this.#ports.add(port);
    port.on('message', (request: Request) => this.#receive(port, request));
    port.on('close', () => this.#disconnect(port));
  }

  /** Finish everything that was sent before this call, then close the ports and the store. */
  close(): void {
    for (const port of this.#ports) {
      for (let left = receiveMessageOnPort(port); left !== undefined; left = receiveMessageOnPort(port)) {
        this.#receive(port, left.message as Request);
      }
    }
    while (this.#hasWork()) this.#work();
    for (const port of this.#ports) port.close();
    this.#store.close();
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
        this.#loads.push({
          port,
          id: request.id,
          partitions: request.partitions,
          position: { index: 0, afterKey: undefined },
        });
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

  #hasWork(): boolean {
    return this.#control.length > 0 || this.#writes.length > 0 || this.#loads.length > 0;
  }

  #work(): void {
    const control = this.#control;
    this.#control = [];
    for (const { port, request } of control) this.#answer(port, request);
    if (this.#writes.length > 0) this.#commit();
    this.#loadPiece();
  }

  #answer(port: MessagePort, { id, operation, parameters }: WaitingControl['request']): void {
    try {
      const method = this.#store[operation] as (this: Store, ...parameters: readonly unknown[]) => unknown;
      post(port, { kind: 'result', id, result: method.apply(this.#store, [...parameters]) });
    } catch (error) {
      post(port, { kind: 'failure', id, failure: failureOf(error, operation) });
    }
  }

  #commit(): void {
    const writes = this.#takeWrites();
    this.#commits++;
    let failure: Failure | undefined;
    let replies: ReturnType<Store['writeBatch']> = [];
    try {
      replies = this.#store.writeBatch(
        writes.map((write) => write.batch),
        writes.some((write) => write.durable),
      );
    } catch (error) {
      failure = failureOf(error, 'writeBatch');
    }
    const pairsByPort = new Map<MessagePort, number[]>();
    for (const [i, { port, id }] of writes.entries()) {
      let pairs = pairsByPort.get(port);
      if (pairs === undefined) pairsByPort.set(port, (pairs = []));
      const reply = replies[i] ?? 'ok';
      pairs.push(id, reply === 'ok' ? acknowledged : reply.fencedBy);
    }
    for (const [port, pairs] of pairsByPort) post(port, { kind: 'acks', pairs: Float64Array.from(pairs), failure });
  }

  /** As many whole batches, in order of arrival, as one commit may hold; at least one. */
  #takeWrites(): WaitingWrite[] {
    let rows = 0;
    let count = 0;
    for (const { batch } of this.#writes) {
      rows += batch.rows.length;
      if (count > 0 && rows > limits.storeBatchRowsMax) break;
      count++;
    }
    return this.#writes.splice(0, count);
  }

  #loadPiece(): void {
    const load = this.#loads.shift();
    if (load === undefined) return;
    const { port, id, partitions, position } = load;
    try {
      const { rows, next } = this.#store.loadChunk(
        partitions,
        position,
        limits.storeLoadChunkRows,
        limits.storeLoadChunkBytes,
      );
      const packer = new Packer();
      for (const row of rows) packer.row(row);
      const packed = packer.take();
      post(port, { kind: 'rows', id, packed, last: next === undefined }, packed.buffer);
      // To the back of the queue: loads of several ports take turns.
      if (next !== undefined) this.#loads.push({ ...load, position: next });
    } catch (error) {
      post(port, { kind: 'failure', id, failure: failureOf(error, 'load') });
    }
  }
}

function post(port: MessagePort, response: Response, transfer?: ArrayBuffer): void {
  port.postMessage(response, transfer === undefined ? [] : [transfer]);
}

function failureOf(error: unknown, operation: ControlOperation | 'writeBatch' | 'load'): Failure {
  if (error instanceof StoreError) return { code: error.code, message: error.message };
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'io', message: `The store failed in ${operation} in a way it should not: ${detail}` };
}
