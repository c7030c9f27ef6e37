/**
 * Threads with native sockets that end in each way a thread can end, with packets on their way: no crash, nothing that stays.
 * Seen failing with: no cleanup hook (the process aborts with open handles); memory of the thread not freed (2 MiB each).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { until } from '../until.ts';
import { testAddon, testAddonFile } from './test-addon.ts';

const found = testAddon();
const skip = typeof found === 'string' ? found : false;
const thread = new URL('udp-thread.ts', import.meta.url);

/** Gives what it said. */
async function live(end: 'exit' | 'close' | 'terminate', throwing = false): Promise<string[]> {
  const heard: string[] = [];
  const worker = new Worker(thread, { workerData: { file: testAddonFile(), throwing } });
  worker.on('message', (message: string) => heard.push(message));
  const ended = new Promise<void>((resolve, reject) => {
    worker.once('exit', () => resolve());
    worker.once('error', reject);
  });
  await until(() => heard.includes('going'));
  if (end === 'terminate') await worker.terminate();
  else worker.postMessage(end);
  await ended;
  return heard;
}

test('fifty threads one after the other leave nothing behind', { skip }, async () => {
  const ends = ['exit', 'close', 'terminate'] as const;
  let before = 0;
  for (let round = 0; round < 50; round++) {
    if (round === 15) before = process.memoryUsage.rss();
    await live(ends[round % ends.length]!);
  }
  const grown = (process.memoryUsage.rss() - before) / 2 ** 20;
  assert.ok(grown < 30, `${grown.toFixed(1)} MiB more after 35 threads`);
});

test('what a receiver throws is what nobody caught; the packets after it are received', { skip }, async () => {
  const heard = await live('close', true);
  assert.ok(heard.includes('packet 3') && heard.includes('packet 6') && heard.includes('packet 99'), heard.join());
});
