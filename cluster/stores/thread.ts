/** Entry of the store thread: opens the store and serves it to every port that the parent sends. See spawn.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { StoreError } from '../store-ports.ts';
import { openStore } from './open.ts';
import type { Failure } from './protocol.ts';
import { StoreServer } from './server.ts';

/** `workerData` of the thread. */
export interface ThreadData {
  readonly url: string;
  readonly busyMs?: number;
  readonly pagesMax?: number;
}

export type ParentMessage = { readonly kind: 'connect'; readonly port: MessagePort } | { readonly kind: 'close' };
export type ThreadMessage = { readonly kind: 'open' } | { readonly kind: 'refused'; readonly failure: Failure };

function serve(parent: MessagePort, { url, ...options }: ThreadData): void {
  const say = (message: ThreadMessage): void => parent.postMessage(message);
  try {
    const server = new StoreServer(openStore(url, options));
    parent.on('message', (message: ParentMessage) => {
      if (message.kind === 'connect') return server.connect(message.port);
      server.close();
      parent.close();
    });
    say({ kind: 'open' });
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    say({ kind: 'refused', failure: { code: error.code, message: error.message } });
  }
}

if (parentPort !== null) serve(parentPort, workerData as ThreadData);
