/** The worker threads of a node, as its main thread sees them. */
import { MessageChannel, Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import type { Target } from '../../../cluster/data-frame.ts';
import type { StoreThread } from '../../../cluster/stores/spawn.ts';
import type { Config } from '../../config/config.ts';
import { BatchPort } from '../../io/batch-port.ts';
import { limits } from '../../limits.ts';
import type { Log, LogLevel } from '../../outside.ts';
import { ExitError, exitCodes } from '../exit.ts';
import type { FromWorker, ToWorker, WorkerData, WorkerQuery } from '../worker/messages.ts';

export interface WorkersPorts {
  onUp(worker: number): void;
  /** The thread has ended without being asked. */
  onDown(worker: number): void;
  onMessage(worker: number, message: FromWorker): void;
  /** From a worker, for a partition or for a worker of `node` ('' for partitions: wherever they are). */
  onItem(node: string, target: Target, payload: Uint8Array): void;
}

interface Handle {
  readonly thread: Worker;
  readonly hub: BatchPort;
  isUp: boolean;
  /** Told when its sockets are open, or the error why not. */
  listening: ((refusal: Error | undefined) => void) | undefined;
}

export class Workers {
  readonly #config: Config;
  readonly #incarnation: number;
  readonly #logLevel: LogLevel;
  readonly #clock: SharedArrayBuffer;
  readonly #serveUntil: SharedArrayBuffer;
  readonly #places: SharedArrayBuffer;
  readonly #store: StoreThread;
  readonly #log: Log;
  readonly #ports: WorkersPorts;
  readonly #handles: (Handle | undefined)[] = [];
  readonly #asked = new Map<number, (value: unknown) => void>();
  readonly #startedMs = performance.now();
  #lastId = 0;
  #closing = false;
  #listens = false;

  constructor(
    config: Config,
    { incarnation, logLevel }: { readonly incarnation: number; readonly logLevel: LogLevel },
    clock: SharedArrayBuffer,
    serveUntil: SharedArrayBuffer,
    places: SharedArrayBuffer,
    store: StoreThread,
    log: Log,
    ports: WorkersPorts,
  ) {
    this.#config = config;
    this.#incarnation = incarnation;
    this.#logLevel = logLevel;
    this.#clock = clock;
    this.#serveUntil = serveUntil;
    this.#places = places;
    this.#store = store;
    this.#log = log;
    this.#ports = ports;
  }

  get count(): number {
    return this.#config.node.workers;
  }

  /** Starts all; resolves when every one can take partitions. Nobody listens yet. */
  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.count }, (_, worker) => this.#start(worker)));
  }

  /** Opens the SIP sockets; resolves when all are open, rejects with the system's error when one cannot be had. */
  async listen(): Promise<void> {
    this.#listens = true;
    await Promise.all(this.#handles.map(async (handle, worker) => handle && this.#listen(handle, worker)));
  }

  #listen(handle: Handle, worker: number): Promise<void> {
    return new Promise((resolve, reject) => {
      handle.listening = (refusal) => (refusal === undefined ? resolve() : reject(refusal));
      this.tell(worker, { type: 'listen' });
    });
  }

  #start(worker: number): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    const store = this.#store.connect();
    const data: WorkerData = {
      config: this.#config,
      incarnation: this.#incarnation,
      processAgeMs: performance.now() - this.#startedMs,
      logLevel: this.#logLevel,
      worker,
      clock: this.#clock,
      serveUntil: this.#serveUntil,
      store,
      hub: port2,
      places: this.#places,
    };
    const thread = new Worker(new URL('../worker.ts', import.meta.url), {
      workerData: data,
      transferList: [store, port2],
      name: `worker-${worker}`,
    });
    const handle: Handle = { thread, hub: this.#openHub(port1), isUp: false, listening: undefined };
    this.#handles[worker] = handle;
    return new Promise((resolve, reject) => {
      thread.on('message', (message: FromWorker) => {
        if (message.type === 'up') {
          handle.isUp = true;
          this.#ports.onUp(worker);
          // One that takes the place of another.
          if (this.#listens)
            this.#listen(handle, worker).catch((error: unknown) =>
              this.#log.write('error', 'worker-listen', { worker, error }),
            );
          resolve();
        } else if (message.type === 'listening') {
          handle.listening?.(undefined);
        } else if (message.type === 'refused') {
          const { code, message: text, address, port } = message;
          handle.listening?.(Object.assign(new Error(text), { code, address, port }));
        } else if (message.type === 'answer') this.#answered(message.id, message.value);
        else this.#ports.onMessage(worker, message);
      });
      thread.on('error', (error) => {
        if (error instanceof Error && error.name === 'RoutesError') {
          reject(new ExitError(exitCodes.config, `routes: ${error.message}`));
          return;
        }
        this.#log.write('error', 'worker-error', { worker, error });
        reject(error);
      });
      thread.on('exit', (code) => this.#ended(worker, handle, code));
    });
  }

  #openHub(port: MessagePort): BatchPort {
    return new BatchPort(port, (node, target, payload) => this.#ports.onItem(node, target, payload), {
      onError: (error) => this.#log.write('error', 'item-failed', { error }),
    });
  }

  #ended(worker: number, handle: Handle, code: number): void {
    if (this.#handles[worker] !== handle) return;
    this.#handles[worker] = undefined;
    if (this.#closing || !handle.isUp) return;
    this.#log.write('error', 'worker-ended', { worker, code });
    this.#ports.onDown(worker);
    setTimeout(() => {
      if (!this.#closing)
        this.#start(worker).catch((error: unknown) => this.#log.write('error', 'worker-restart', { worker, error }));
    }, limits.workerRestartMs);
  }

  tell(worker: number, message: ToWorker): void {
    this.#handles[worker]?.thread.postMessage(message);
  }

  tellAll(message: ToWorker): void {
    for (let worker = 0; worker < this.count; worker += 1) this.tell(worker, message);
  }

  send(worker: number, target: Target, payload: Uint8Array): boolean {
    const handle = this.#handles[worker];
    if (handle === undefined) return false;
    return handle.hub.send('', target, payload);
  }

  /**
   * Octets of items that can be taken for the workers now. Of all workers together: one that is stuck must not hold up what
   * is for the others.
   */
  get roomBytes(): number {
    let room = 0;
    for (const handle of this.#handles)
      if (handle !== undefined) room += limits.batchPortBytesMax - handle.hub.heldBytes;
    return Math.max(0, room / this.count);
  }

  /** Asks every worker; those that do not answer in time are left out. */
  async askAll(query: WorkerQuery): Promise<unknown[]> {
    const answers = await Promise.all(
      this.#handles.map(async (handle) => (handle?.isUp === true ? this.#ask(handle, query) : undefined)),
    );
    return answers.filter((answer) => answer !== undefined);
  }

  #ask(handle: Handle, query: WorkerQuery): Promise<unknown> {
    const id = (this.#lastId += 1);
    return new Promise((resolve) => {
      const timeout = setTimeout(() => this.#answered(id, undefined), limits.adminAskMs);
      this.#asked.set(id, (value) => {
        clearTimeout(timeout);
        resolve(value);
      });
      handle.thread.postMessage({ type: 'query', id, query } satisfies ToWorker);
    });
  }

  #answered(id: number, value: unknown): void {
    const done = this.#asked.get(id);
    this.#asked.delete(id);
    done?.(value);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#handles.map(async (handle) => handle && this.#close(handle)));
  }

  async #close({ thread }: Handle): Promise<void> {
    const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
    thread.postMessage({ type: 'close' } satisfies ToWorker);
    const forced = setTimeout(() => void thread.terminate(), limits.workerCloseMs);
    await ended;
    clearTimeout(forced);
  }
}
