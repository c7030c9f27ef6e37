/**
 * The parent's side of the store thread: one per process, since a SQLite connection blocks whoever uses it. Give each
 * worker thread a port of its own and wrap it there in a StoreClient.
 */
import { MessageChannel, Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { StoreError } from '../store-ports.ts';
import type { Done } from '../store-access.ts';
import type { ParentMessage, ThreadData, ThreadMessage } from './thread.ts';

export interface StoreThread {
  /** A new way to the store; transfer it to the thread that will use it. */
  connect(): MessagePort;
  /** Finish what was sent, close the store, end the thread. Clients then get `closed`. */
  close(done: () => void): void;
  /** Called once if the thread ends without having been asked to. */
  onDeath(listener: (error: StoreError) => void): void;
}

/** Start the thread and open the store in it; `done` is called once, with a StoreError of openStore when that failed. */
export function startStoreThread(data: ThreadData, done: Done<StoreThread>): void {
  const worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData: data, name: 'store' });
  const send = (message: ParentMessage, transfer: MessagePort[]): void => worker.postMessage(message, transfer);
  let cause = 'it ended by itself';
  let isOpen = false;
  let onExit: (() => void) | undefined;
  let onDeath: ((error: StoreError) => void) | undefined;

  const thread: StoreThread = {
    connect() {
      const { port1, port2 } = new MessageChannel();
      send({ kind: 'connect', port: port2 }, [port2]);
      return port1;
    },
    close(listener) {
      onExit = listener;
      send({ kind: 'close' }, []);
    },
    onDeath(listener) {
      onDeath = listener;
    },
  };

  let refusal: StoreError | undefined;
  worker.on('message', (message: ThreadMessage) => {
    if (message.kind === 'open') {
      isOpen = true;
      done(undefined, thread);
    } else {
      refusal = new StoreError(message.failure.code, message.failure.message);
      void worker.terminate();
    }
  });
  worker.on('error', (error) => {
    cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
  });
  worker.on('exit', () => {
    if (onExit !== undefined) return onExit();
    const error = refusal ?? new StoreError('closed', `The thread of the store ${data.url} ended: ${cause}.`);
    if (isOpen) onDeath?.(error);
    else done(error, undefined);
  });
}
