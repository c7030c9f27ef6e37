/**
 * The highest rate of calls that a server keeps up with: more and more until calls fail or take too long, then in between.
 * Where the generator has no core of its own, it is the rate of both together.
 */
import { cpus } from 'node:os';
import type { RateCase } from './cases.ts';
import { Caller } from './generator/caller.ts';
import { Many } from './generator/many.ts';
import { fileName, type Run } from './support/case-run.ts';
import { type Figures, percentile, type Row } from './support/figures.ts';
import { holdWorkers } from './support/quota.ts';
import { domain } from './support/server.ts';

const users = 1_000;
const firstRate = 100;
const stepSeconds = 5;
const warmUpSeconds = 15;
/** More of them have not ended, or took longer: it does not keep up. */
const lostShareMax = 0.001;
const p99MsMax = 100;

export async function highestRate(caller: Caller, among: number, progress: (text: string) => void): Promise<number> {
  const keepsUp = async (perSecond: number): Promise<boolean> => {
    const called = await caller.run({ perSecond, seconds: stepSeconds, users: among, talkMs: 500 });
    const p99 = percentile(called.inviteMs, 0.99);
    progress(`${perSecond} calls a second: ${called.ok} of ${called.asked}, p99 ${p99.toFixed(1)} ms`);
    return called.asked - called.ok <= called.asked * lostShareMax && p99 <= p99MsMax;
  };
  let good = 0;
  let bad = firstRate;
  while (await keepsUp(bad)) [good, bad] = [bad, Math.round(bad * 1.5)];
  while (bad - good > Math.max(20, good * 0.08)) {
    const middle = Math.round((good + bad) / 2);
    if (await keepsUp(middle)) good = middle;
    else bad = middle;
  }
  return good;
}

export async function measureRate(each: RateCase, run: Run): Promise<Figures> {
  const rows: Row[] = [];
  for (const contender of each.contenders) {
    const port = run.nextPort();
    const server = await contender.start(`${run.folder}/${fileName(contender.name)}`, port);
    const many = await Many.open(port, port + 50, domain);
    await many.register({ users });
    many.close();
    const caller = await Caller.open(port, port + 50, domain);
    // Compilers first, with all the processor they want.
    await caller.run({ perSecond: firstRate, seconds: warmUpSeconds, users, talkMs: 500 });
    const quota = holdWorkers(server.pid, each.workerShare);
    if (quota === undefined)
      run.progress('workers cannot be held to a part of a core here: the generator may be the limit');
    try {
      const highest = await highestRate(caller, users, run.progress);
      const before = server.cost();
      const startMs = performance.now();
      const called = await caller.run({ perSecond: highest, seconds: stepSeconds * 2, users, talkMs: 500 });
      const cpuMs = server.cost().cpuMs - before.cpuMs;
      rows.push({
        name: contender.name,
        figures: {
          'calls a second': highest,
          'CPU of a call, µs': (cpuMs * 1_000) / called.asked,
          'cores used': cpuMs / (performance.now() - startMs),
          'cores of the machine': cpus().length,
          ...(quota !== undefined && { 'of a core for each worker': each.workerShare }),
        },
      });
    } finally {
      await caller.close();
      await server.stop();
      quota?.release();
    }
  }
  return { name: each.name, about: each.about, rows };
}
