/**
 * Calls at a steady rate on one server: how long an INVITE takes through it, how long turns of its event loops are, and how
 * its memory goes. A minute of it is the case `latency`, ten are `soak`. The rate is a part of the highest that it can do
 * (`bench/highest.ts`), or `--rate`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SteadyCase } from './cases.ts';
import { Caller } from './generator/caller.ts';
import { Many } from './generator/many.ts';
import { highestRate } from './highest.ts';
import { fileName, type Run } from './support/case-run.ts';
import { type Figures, percentile, type Row, type Series, slopeOf } from './support/figures.ts';
import { metricsOf, turnsOver } from './support/metrics.ts';
import { domain, type Server } from './support/server.ts';

const users = 1_000;
const sampleMs = 5_000;
const talkMs = 500;

export async function measureSteady(each: SteadyCase, run: Run): Promise<Figures> {
  const rows: Row[] = [];
  for (const contender of each.contenders) {
    const port = run.nextPort();
    run.progress(`${each.name}: ${contender.name} starts`);
    const server = await contender.start(`${run.folder}/${fileName(contender.name)}`, port);
    const many = await Many.open(port, port + 50, domain);
    const registered = await many.register({ users });
    many.close();
    if (registered.ok < users) throw new Error(`${contender.name}: ${registered.ok} of ${users} users registered`);
    const caller = await Caller.open(port, port + 50, domain);
    try {
      const highest = run.rate > 0 ? run.rate / each.part : await highestRate(caller, users, run.progress);
      rows.push({ name: contender.name, ...(await steady(each, run, server, caller, highest)) });
    } finally {
      await caller.close();
      await server.stop();
    }
  }
  return { name: each.name, about: each.about, rows };
}

async function steady(
  each: SteadyCase,
  run: Run,
  server: Server,
  caller: Caller,
  highest: number,
): Promise<Omit<Row, 'name'>> {
  const perSecond = Math.max(1, Math.round(highest * each.part));
  const seconds = Math.max(10, Math.round(each.seconds * run.share));
  // Compilers, and calls in every state.
  await caller.run({ perSecond, seconds: Math.min(30, seconds), users, talkMs });
  const [before, cost] = [await metricsOf(server), server.cost()];
  const heap: [number, number][] = [];
  const resident: [number, number][] = [];
  const startMs = performance.now();
  let isOver = false;
  const sampling = (async () => {
    while (!isOver) {
      const metrics = await metricsOf(server);
      const at = (performance.now() - startMs) / 1_000;
      heap.push([at, [...metrics.threads('carillon_heap_used_bytes').values()].reduce((sum, one) => sum + one, 0)]);
      resident.push([at, metrics.value('carillon_resident_bytes')]);
      await sleep(sampleMs);
    }
  })();
  run.progress(`${each.name}: ${seconds} s of ${perSecond} calls a second`);
  const called = await caller.run({ perSecond, seconds, users, talkMs });
  const cpuMs = server.cost().cpuMs - cost.cpuMs;
  isOver = true;
  const after = await metricsOf(server);
  await sampling;
  // The first quarter is when the heap finds its size.
  const settled = <T>(points: readonly T[]): readonly T[] => points.slice(points.length >> 2);
  const series: Series[] = [
    { name: 'heaps', unit: 'MiB', points: heap.map(([at, bytes]) => [at, bytes / 2 ** 20]) },
    { name: 'resident', unit: 'MiB', points: resident.map(([at, bytes]) => [at, bytes / 2 ** 20]) },
  ];
  return {
    figures: {
      'calls a second': perSecond,
      'seconds': seconds,
      'calls': called.asked,
      'not ended well': called.asked - called.ok,
      'INVITE through it, p50 ms': percentile(called.inviteMs, 0.5),
      'INVITE through it, p99 ms': percentile(called.inviteMs, 0.99),
      'INVITE through it, longest ms': called.inviteMs.at(-1) ?? 0,
      'first response, p50 ms': percentile(called.firstMs, 0.5),
      'first response, p99 ms': percentile(called.firstMs, 0.99),
      'turns over 20 ms': turnsOver(after, 0.02) - turnsOver(before, 0.02),
      'turns over 50 ms': turnsOver(after, 0.05) - turnsOver(before, 0.05),
      'CPU of a call, µs': (cpuMs * 1_000) / called.asked,
      'resident at the end, MiB': (resident.at(-1)?.[1] ?? 0) / 2 ** 20,
      'resident grows, KiB a minute': (slopeOf(settled(resident)) * 60) / 1_024,
    },
    series,
  };
}
