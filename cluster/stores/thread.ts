/** Entry of the store thread: opens the store and serves it to every port that the parent sends. See spawn.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { openServed } from './open.ts';
import type { Failure } from './protocol.ts';
import { StoreServer } from './server.ts';

/** `workerData` of the thread. */
export interface ThreadData {
  readonly url: string;
  readonly busyMs?: number;
  readonly pagesMax?: number;
  readonly voteTtlMs?: number;
  readonly voteIssueWindowMs?: number;
}

export type ParentMessage = { readonly kind: 'connect'; readonly port: MessagePort } | { readonly kind: 'close' };
export type ThreadMessage = { readonly kind: 'open' } | { readonly kind: 'refused'; readonly failure: Failure };

function serve(parent: MessagePort, { url, ...options }: ThreadData): void {
  const say = (message: ThreadMessage): void => parent.postMessage(message);
  openServed(url, options, (error, store) => {
    if (error !== undefined) return say({ kind: 'refused', failure: { code: error.code, message: error.message } });
    const server = new StoreServer(store);
    parent.on('message', (message: ParentMessage) => {
      if (message.kind === 'connect') return server.connect(message.port);
      server.close(() => parent.close());
    });
    say({ kind: 'open' });
  });
}

if (parentPort !== null) serve(parentPort, workerData as ThreadData);
