/**
 * Three hosts at one anycast address hold calls, and more are made all the time; a fourth comes, then the first leaves. What
 * callers see of it: calls lost, and how much longer they wait for an answer while partitions move.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { registerUsers, type Place } from '../calls.ts';
import { stop, until } from '../children.ts';
import { progress } from '../report.ts';
import { lostOf, Sipp } from '../sipp.ts';
import { makeUsers, sippCredentials, writeCsv } from '../users.ts';
import { HostCluster } from './cluster.ts';
import type { Findings } from './driver.ts';
import { place } from './lost.ts';
import { announce, hostName, spreadByPorts } from './namespaces.ts';

const perSecond = 50;
const registersPerSecond = 250;
/** A window of calls that nothing happens in, to compare with. */
const quietMs = 10_000;
/** A move must be over by then. */
const moveMs = 10_000;
const partitions = 4_096;

export async function grow(
  folder: string,
  [userCount = '10000', callCount = '2000']: readonly string[],
): Promise<Findings> {
  const users = makeUsers(Number(userCount));
  const held = Number(callCount);
  const cluster = await HostCluster.open({ folder, listen: 'anycast', users, authenticate: true });
  const at: Place = { folder, ...place };
  spreadByPorts();
  const callee = new Sipp({ ...at, scenario: 'uas', name: 'callee', port: 7_001, ringMs: 100 });
  try {
    for (const host of [1, 2, 3]) cluster.startNode(host);
    announce([1, 2, 3]);
    await cluster.settled([1, 2, 3], 90_000);
    const options = { name: 'users', port: 7_003, contact: 7_001, perSecond: registersPerSecond };
    const registered = await registerUsers(at, users, options);
    progress(`${registered.ok} registered`);

    const holdMs = (held / perSecond) * 1_000;
    const count = Math.min(users.length, Math.round(((holdMs + 2 * quietMs + 4 * moveMs) / 1_000) * perSecond));
    // A nonce does not live as long as this takes: each call is challenged.
    const rows = users
      .slice(0, count)
      .map((user, i) => [user.name, users[users.length - 1 - i]?.name ?? '', sippCredentials(user)]);
    const caller = new Sipp({
      ...at,
      scenario: 'uac-challenged',
      name: 'caller',
      port: 10_000,
      transport: 'un',
      count,
      calls: writeCsv(`${folder}/caller-calls.csv`, rows),
      pauseMs: holdMs,
      perSecond,
      noteResponses: true,
    });
    await until(`${held} calls are held`, holdMs + 30_000, () => caller.now().open >= held * 0.95 || undefined, 500);
    const open = caller.now().open;
    const quietFromMs = Date.now();
    await sleep(quietMs);

    const joinedAtMs = Date.now();
    cluster.startNode(4);
    const joined = await until('host 4 owns a quarter', 40_000, async () => {
      const view = await cluster.view([1, 2, 3]);
      const own = view?.nodes.find(({ id, status }) => id === hostName(4) && status === 'up')?.partitions ?? 0;
      return own >= Math.floor(partitions / 4) && view?.moving === 0 ? { own, atMs: Date.now() } : undefined;
    });
    announce([1, 2, 3, 4]);
    progress(`host 4 owns ${joined.own} after ${joined.atMs - joinedAtMs} ms`);
    await sleep(quietMs);

    const drainedAtMs = Date.now();
    announce([2, 3, 4]);
    await cluster.drain(1);
    const left = await until('host 1 has left', 40_000, async () => {
      const view = await cluster.view([2, 3, 4]);
      const status = view?.nodes.find(({ id }) => id === hostName(1))?.status;
      return view !== undefined && status === 'dead' && view.moving === 0 ? Date.now() : undefined;
    });
    progress(`host 1 has left after ${left - drainedAtMs} ms`);
    const result = await caller.result(holdMs + 120_000);
    const responses = caller.responses();
    const p99 = (fromMs: number, toMs: number): number =>
      percentile(responses.filter(({ atMs }) => atMs >= fromMs && atMs < toMs).map(({ tookMs }) => tookMs));
    return {
      'registered': registered.ok,
      'users': users.length,
      'calls held': open,
      'calls': count,
      'calls lost': lostOf(result, count),
      'causes': JSON.stringify(result.causes),
      'repeated': result.retransmissions,
      'host 4 owns': joined.own,
      'join ms': joined.atMs - joinedAtMs,
      'drain ms': left - drainedAtMs,
      'p99 before ms': p99(quietFromMs, joinedAtMs),
      'p99 join ms': p99(joinedAtMs, joined.atMs),
      'p99 between ms': p99(joined.atMs, drainedAtMs),
      'p99 drain ms': p99(drainedAtMs, Math.max(left, drainedAtMs + 2_000)),
    };
  } finally {
    await stop(callee.child, 500);
    await cluster.stop();
  }
}

function percentile(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
}
