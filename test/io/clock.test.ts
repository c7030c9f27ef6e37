/** The real clock: what callers rely on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { SystemClock } from '../../src/io/clock.ts';

test('cluster time starts as the wall clock and follows the store', () => {
  const clock = new SystemClock();
  assert(Math.abs(clock.clusterMs() - Date.now()) < 50);
  const now = clock.monotonicMs();
  clock.adjust(5_000_000, now - 10, now + 10);
  assert(clock.clusterMs() >= 5_000_000 && clock.clusterMs() < 5_000_200);
  const follower = new SystemClock(clock.share());
  assert(Math.abs(follower.clusterMs() - clock.clusterMs()) <= 2);
});

test('both times are the same in a worker thread', async () => {
  const clock = new SystemClock();
  clock.adjust(9_000_000, clock.monotonicMs(), clock.monotonicMs());
  const url = new URL('../../src/io/clock.ts', import.meta.url).href;
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     import(workerData.url).then(({ SystemClock }) => { const c = new SystemClock(workerData.clock); parentPort.postMessage([c.monotonicMs(), c.clusterMs()]); });`,
    { eval: true, workerData: { url, clock: clock.share() } },
  );
  const [before, beforeCluster] = [clock.monotonicMs(), clock.clusterMs()];
  const [monotonic, cluster] = await new Promise<[number, number]>((resolve, reject) =>
    worker.once('message', resolve).once('error', reject),
  );
  assert(monotonic >= before && monotonic <= clock.monotonicMs());
  assert(cluster >= beforeCluster && cluster <= clock.clusterMs());
  await worker.terminate();
});
