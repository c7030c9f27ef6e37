/**
 * Loads of a store that answers later, as Redis does: several are under way at once, so that partitions which are handed over
 * in small lots do not wait for each other; each load gets its rows in order.
 * Seen failing with: one at a time; no bound.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { StoreClient } from '../../../cluster/stores/client.ts';
import { StoreServer } from '../../../cluster/stores/server.ts';
import type { LoadedPiece, ServedStore } from '../../../cluster/stores/served.ts';
import type { Done } from '../../../cluster/store-access.ts';
import { limits } from '../../../src/limits.ts';

test('several loads are under way at once, each in order', async () => {
  const waiting: (() => void)[] = [];
  let most = 0;
  const store: ServedStore = {
    call: (_operation, _parameters, done) => done(undefined, undefined),
    commit: (_batches, _durable, done) => done([]),
    load: ([partition = 0]) => {
      let piece = 0;
      return {
        next(done: Done<LoadedPiece>) {
          const key = `${piece++}`;
          const rows = [{ partition, key, value: new Uint8Array() }];
          waiting.push(() => done(undefined, { rows, last: piece === 3 }));
          most = Math.max(most, waiting.length);
        },
      };
    },
    close: (done) => done(),
  };
  const server = new StoreServer(store);
  const { port1, port2 } = new MessageChannel();
  server.connect(port2);
  const client = new StoreClient(port1);
  const count = 3 * limits.storeLoadsUnderWayMax;
  const loads = Array.from({ length: count }, (_, partition) => {
    const keys: string[] = [];
    return new Promise<string>((resolve, reject) =>
      client.loadPieces(
        [partition],
        (rows) => keys.push(...rows.map((row) => `${row.partition}:${row.key}`)),
        (error) => (error === undefined ? resolve(keys.join(' ')) : reject(error)),
      ),
    );
  });
  const ended = Promise.all(loads);
  let isOver = false;
  void ended.then(() => (isOver = true));
  for (let turn = 0; !isOver && turn < 100_000; turn++) {
    // As many as may be are under way before any is answered.
    if (turn % 50 === 49) for (const answer of waiting.splice(0)) answer();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(
    await ended,
    loads.map((_, partition) => `${partition}:0 ${partition}:1 ${partition}:2`),
  );
  assert.equal(most, limits.storeLoadsUnderWayMax);
  client.close();
  await new Promise<void>((resolve) => server.close(resolve));
});
