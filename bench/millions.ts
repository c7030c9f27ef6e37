/**
 * Millions of registrations in a store: how long a node takes to start with them, what memory they need, how fast a user is
 * found (an INVITE through the server to a user chosen at random), and whether those whose time has come are forgotten, in
 * the node and in the store. They are put into the store by `support/stored.ts`.
 */
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MillionsCase } from './cases.ts';
import { Caller } from './generator/caller.ts';
import { fileName, type Run } from './support/case-run.ts';
import { type Figures, percentile, type Row } from './support/figures.ts';
import { type Metrics, metricsOf } from './support/metrics.ts';
import { startRedis } from './support/redis.ts';
import { domain, type Server, startCarillon } from './support/server.ts';
import { fill } from './support/stored.ts';

/** Every so many-eth user expires while we look. */
const soonEvery = 50;
/** These expire within one minute, spread evenly, so long after the store is filled. */
const soonSpreadMs = 60_000;
/** To start with few, and to look some up. */
const readsWithinMs = 120_000;
const startsWithinMs = 600_000;
const progressEvery = 4_096 * 64;
/** Coprime to any count that is likely: all users, in no order. */
const step = 7_919;

export async function measureMillions(each: MillionsCase, run: Run): Promise<Figures> {
  const rows: Row[] = [];
  for (const store of each.stores) rows.push(await withStore(each, store, run));
  return { name: each.name, about: each.about, rows };
}

async function withStore(each: MillionsCase, store: 'SQLite' | 'Redis', run: Run): Promise<Row> {
  const port = run.nextPort();
  const folder = `${run.folder}/${fileName(store)}`;
  mkdirSync(folder, { recursive: true });
  const redis = store === 'Redis' ? await startRedis(folder, port + 30) : undefined;
  const url = redis === undefined ? `sqlite:${folder}/carillon.db` : redis.url;
  const count = Math.round(each.count * run.share);
  const soon = Math.ceil(count / soonEvery);
  try {
    const startMs = performance.now();
    // Late enough that all are read before the first expires.
    const soonFromMs = Date.now() + readsWithinMs + (count / 1_000_000) * each.secondsPerMillion * 1_000;
    await fill(
      {
        ...{ url, count, port: port + 51, expiresAtMs: Date.now() + 7_000_000, soonEvery },
        soonAtMs: (user) => soonFromMs + (user / count) * soonSpreadMs,
      },
      (done) => {
        if (done % progressEvery === 0) run.progress(`${each.name}: ${store}, ${done} of ${count} written`);
      },
    );
    const filledMs = performance.now() - startMs;
    const start = (): Promise<Server> =>
      startCarillon({
        ...{ name: store, folder, port, nodes: 1, workers: each.workers },
        ...{ config: { cluster: { store: url } }, readyMs: startsWithinMs },
      });
    run.progress(`${each.name}: ${store}, first start`);
    const first = await started(start, count);
    await sleep(20_000);
    const rest = first.server.cost();
    const caller = await Caller.open(port, port + 50, domain);
    run.progress(`${each.name}: ${store}, look-ups`);
    const found = await caller.run({ ...each.lookUps, users: count, step, talkMs: 100 });
    await caller.close();
    while (Date.now() < soonFromMs + soonSpreadMs + 5_000) await sleep(1_000);
    const expired = await gone(first.server, count - soon);
    await first.server.stop();
    run.progress(`${each.name}: ${store}, second start`);
    const second = await started(start, count - soon);
    const left = second.metrics.value('carillon_registrations');
    await second.server.stop();
    return {
      name: store,
      figures: {
        'registrations': count,
        'written to the store, a second': count / (filledMs / 1_000),
        'start until all are there, s': first.tookMs / 1_000,
        'ready after, s': first.readyMs / 1_000,
        'CPU of the start, s': first.cpuMs / 1_000,
        'memory, bytes each': rest.rssBytes / count,
        'look-ups': found.asked,
        'not found': found.asked - found.inviteMs.length,
        'INVITE through it, p50 ms': percentile(found.inviteMs, 0.5),
        'INVITE through it, p99 ms': percentile(found.inviteMs, 0.99),
        'were to expire': soon,
        'expired': expired.value('carillon_events_total{event="registrations-expired"}'),
        'not expired': expired.value('carillon_registrations') - (count - soon),
        'second start until all are there, s': second.tookMs / 1_000,
        'there after it': left,
      },
    };
  } finally {
    await redis?.stop();
  }
}

async function started(
  start: () => Promise<Server>,
  count: number,
): Promise<{ server: Server; metrics: Metrics; readyMs: number; tookMs: number; cpuMs: number }> {
  const startMs = performance.now();
  const server = await start();
  const readyMs = performance.now() - startMs;
  for (;;) {
    const metrics = await metricsOf(server);
    const tookMs = performance.now() - startMs;
    if (metrics.value('carillon_registrations') >= count)
      return { server, metrics, readyMs, tookMs, cpuMs: server.cost().cpuMs };
    if (tookMs > startsWithinMs)
      throw new Error(`only ${metrics.value('carillon_registrations')} of ${count} are there`);
    await sleep(200);
  }
}

/** Until so many are left, or a minute later. */
async function gone(server: Server, left: number): Promise<Metrics> {
  for (let tries = 0; ; tries++) {
    const metrics = await metricsOf(server);
    if (metrics.value('carillon_registrations') <= left || tries === 60) return metrics;
    await sleep(1_000);
  }
}
