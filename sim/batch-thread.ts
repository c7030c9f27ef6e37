/** A thread of sim/batch.ts: plays one seed after the other until it is told that there are no more. */
import { parentPort, workerData } from 'node:worker_threads';
import type { SeedTold } from './batch.ts';
import { draw } from './options.ts';
import type { SimWishes } from './options.ts';
import { simulate } from './simulate.ts';

parentPort?.on('message', (seed: number | undefined) => {
  if (seed === undefined) return parentPort?.close();
  const { failure, virtualMs, events, reached } = simulate(draw(seed, workerData as SimWishes));
  const told: SeedTold = { seed, virtualMs, events, reached: [...reached], failure };
  parentPort?.postMessage(told);
});
