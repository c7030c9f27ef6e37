/**
 * Millions of registrations in a store: how long a node takes to start with them, what memory they need, how fast a user is
 * found (INVITEs through the server to all kinds of users), and whether those whose time has come are forgotten, also when the
 * node that they registered with is gone. They are put into the store by `support/stored.ts`.
 */
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MillionsCase } from './cases.ts';
import { Caller } from './generator/caller.ts';
import { Many, type Registering } from './generator/many.ts';
import { fileName, type Run } from './support/case-run.ts';
import { type Figures, percentile, type Row } from './support/figures.ts';
import { type Metrics, metricsOf } from './support/metrics.ts';
import { startRedis } from './support/redis.ts';
import { domain, type Server, startCarillon } from './support/server.ts';
import { fill } from './support/stored.ts';

/** One of so many refreshes for a short time, and is to be forgotten then; as many again expire after the second start. */
const soonOneOf = 100;
/** Long enough that they sleep when their time comes. */
const soonSeconds = 120;
/** The shortest that is allowed. */
const lastSeconds = 60;
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
  const soon = Math.ceil(count / soonOneOf);
  try {
    const startMs = performance.now();
    await fill({ url, count, port: port + 51, expiresAtMs: Date.now() + 7_000_000 }, (done) => {
      if (done % progressEvery === 0) run.progress(`${each.name}: ${store}, ${done} of ${count} written`);
    });
    const filledMs = performance.now() - startMs;
    const start = (): Promise<Server> =>
      startCarillon({
        ...{ name: store, folder, port, nodes: 1, workers: each.workers },
        ...{ config: { cluster: { store: url } }, readyMs: startsWithinMs },
      });
    run.progress(`${each.name}: ${store}, first start`);
    const first = await started(start);
    const there = first.metrics.value('carillon_registrations');
    await sleep(20_000);
    const rest = first.server.cost();
    const caller = await Caller.open(port, port + 50, domain);
    run.progress(`${each.name}: ${store}, look-ups`);
    const found = await caller.run({ ...each.lookUps, users: count, step, talkMs: 100 });
    await caller.close();
    run.progress(`${each.name}: ${store}, ${soon} expire`);
    const many = await Many.open(port, port + 50, domain);
    await refreshed(many, { users: soon, cseq: 2, expiresSeconds: soonSeconds });
    const lastMs = Date.now() + soonSeconds * 1_000;
    const expired = await gone(first.server, count - soon, lastMs);
    const lateMs = Date.now() - lastMs;
    await refreshed(many, { users: soon, from: soon, cseq: 2, expiresSeconds: lastSeconds });
    const againMs = Date.now() + lastSeconds * 1_000;
    many.close();
    await first.server.stop();
    run.progress(`${each.name}: ${store}, second start`);
    const second = await started(start);
    const left = await gone(second.server, count - soon * 2, againMs);
    await second.server.stop();
    return {
      name: store,
      figures: {
        'registrations': count,
        'written to the store, a second': count / (filledMs / 1_000),
        'start until all are served, s': first.tookMs / 1_000,
        'CPU of the start, s': first.cpuMs / 1_000,
        'there': there,
        'memory, bytes each': rest.rssBytes / count,
        'look-ups': found.asked,
        'not found': found.asked - found.inviteMs.length,
        'INVITE through it, p50 ms': percentile(found.inviteMs, 0.5),
        'INVITE through it, p99 ms': percentile(found.inviteMs, 0.99),
        'were to expire': soon,
        'left of them': expired.value('carillon_registrations') - (count - soon),
        'the last was gone after its time, s': lateMs / 1_000,
        'second start, s': second.tookMs / 1_000,
        'were to expire after it': soon,
        'left of these': left.value('carillon_registrations') - (count - soon * 2),
      },
    };
  } finally {
    await redis?.stop();
  }
}

interface Started {
  readonly server: Server;
  readonly metrics: Metrics;
  readonly tookMs: number;
  readonly cpuMs: number;
}

/** A node is ready when it serves all of its partitions. */
async function started(start: () => Promise<Server>): Promise<Started> {
  const startMs = performance.now();
  const server = await start();
  const tookMs = performance.now() - startMs;
  return { server, metrics: await metricsOf(server), tookMs, cpuMs: server.cost().cpuMs };
}

async function refreshed(many: Many, registering: Registering): Promise<void> {
  const { ok } = await many.register(registering);
  if (ok < registering.users) throw new Error(`${ok} of ${registering.users} users refreshed`);
}

/** Until so few are left, or a minute after their time. */
async function gone(server: Server, left: number, lastMs: number): Promise<Metrics> {
  for (;;) {
    const metrics = await metricsOf(server);
    if (metrics.value('carillon_registrations') <= left || Date.now() > lastMs + 60_000) return metrics;
    await sleep(500);
  }
}
