/**
 * Cases of memory: how much a server grows by very many registrations or held calls, which a generator of our own brings
 * about (bench/generator), since SIPp would need more memory for them than the servers do.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Contender, MemoryCase } from './cases.ts';
import { openCallee } from './generator/callee.ts';
import type { Outcome } from './generator/asker.ts';
import { Many } from './generator/many.ts';
import { fileName, type Run } from './support/case-run.ts';
import type { Measured, Sample } from './support/output.ts';
import { domain } from './support/server.ts';

/** Registered before the first look at the memory: code, caches and tables are there then. Called later. */
const warmUsers = 1_000;
/** Transactions end, entities fall asleep, what is young is collected. */
const settleMs = 40_000;

export async function measureMemory(each: MemoryCase, run: Run): Promise<Measured> {
  const samples: Sample[][] = each.contenders.map(() => []);
  for (let round = 1; round <= run.rounds; round++) {
    for (const [index, contender] of each.contenders.entries()) {
      run.progress(`${each.name}: round ${round} of ${run.rounds}, ${contender.name}`);
      samples[index]!.push(await grown(each, contender, run, round));
    }
  }
  return {
    name: each.name,
    about: each.about,
    unit: 'bytes',
    contenders: each.contenders.map(({ name, isReference }, index) => ({
      name,
      isReference: isReference === true,
      samples: samples[index]!,
    })),
  };
}

async function grown(each: MemoryCase, contender: Contender, run: Run, round: number): Promise<Sample> {
  const port = run.nextPort();
  const server = await contender.start(`${run.folder}/${fileName(contender.name)}-${round}`, port);
  const many = await Many.open(port, port + 50, domain);
  const callee = await openCallee(port + 51, domain);
  try {
    const warm = await many.register({ users: warmUsers });
    if (warm.ok < warmUsers) throw new Error(`${contender.name}: ${warm.ok} of ${warmUsers} users registered`);
    await sleep(5_000);
    const before = server.cost();
    const count = Math.round(each.count * run.share);
    const outcome = await brought(each, many, count);
    await sleep(settleMs);
    const after = server.cost();
    return {
      value: (after.rssBytes - before.rssBytes) / Math.max(1, outcome.ok),
      ok: outcome.ok,
      failed: outcome.failed,
      retransmissions: outcome.repeated,
      p50Ms: outcome.timesMs[outcome.timesMs.length >> 1] ?? 0,
      p99Ms: outcome.timesMs[Math.floor(outcome.timesMs.length * 0.99)] ?? 0,
      rssBytes: after.rssBytes,
    };
  } finally {
    many.close();
    callee.close();
    await server.stop();
  }
}

function brought(each: MemoryCase, many: Many, count: number): Promise<Outcome> {
  if (each.of === 'calls') return many.hold({ calls: count, users: warmUsers });
  return many.register({ users: count, from: warmUsers });
}
