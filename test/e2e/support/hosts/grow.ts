/**
 * Three hosts at one anycast address hold calls, and more are made all the time; a fourth comes, then the first leaves. What
 * callers see of it: calls lost, and how much longer they wait for an answer while partitions move.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { unpackTable, type Table } from '../../../../cluster/table.ts';
import { registerUsers, type Place } from '../calls.ts';
import { stop, until } from '../children.ts';
import { progress } from '../report.ts';
import { lostOf, Sipp } from '../sipp.ts';
import { makeUsers, sippCredentials, writeCsv } from '../users.ts';
import { HostCluster } from './cluster.ts';
import type { Findings } from './driver.ts';
import { place } from './lost.ts';
import { announce, hostName, spreadByPorts, storeAddress } from './namespaces.ts';

const perSecond = 50;
const registersPerSecond = 250;
/** A window of calls that nothing happens in, to compare with. */
const quietMs = 10_000;
/** A move must be over by then. */
const moveMs = 10_000;
/** Callers may wait so much longer meanwhile, 99 of 100 of them. */
const growthMs = 20;
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
  // Looked at in the store: a node that is asked for its view has work with it.
  const redis = new Redis({ host: storeAddress, port: 6_379 });
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
    let memberAtMs = 0;
    const joined = await until(
      'host 4 owns a quarter',
      40_000,
      async () => {
        const table = await storedTable(redis);
        const index = table?.members.findIndex(({ id }) => id === hostName(4)) ?? -1;
        if (index >= 0 && memberAtMs === 0) memberAtMs = Date.now();
        const own = table?.owner.filter((owner) => owner === index).length ?? 0;
        const isWhole = own >= Math.floor(partitions / 4) && table?.moving.size === 0;
        return isWhole ? { own, atMs: Date.now() } : undefined;
      },
      20,
    );
    announce([1, 2, 3, 4]);
    progress(`host 4 owns ${joined.own} after ${joined.atMs - joinedAtMs} ms`);
    await sleep(quietMs);

    const drainedAtMs = Date.now();
    announce([2, 3, 4]);
    await cluster.drain(1);
    const left = await until(
      'host 1 has left',
      40_000,
      async () => {
        const table = await storedTable(redis);
        const isGone = table?.members.every(({ id }) => id !== hostName(1)) === true;
        return isGone && table.moving.size === 0 ? Date.now() : undefined;
      },
      20,
    );
    progress(`host 1 has left after ${left - drainedAtMs} ms`);
    const result = await caller.result(holdMs + 120_000);
    const responses = caller.responses();
    const p99 = (fromMs: number, toMs: number): number =>
      percentile(responses.filter(({ atMs }) => atMs >= fromMs && atMs < toMs).map(({ tookMs }) => tookMs));
    const lost = lostOf(result, count);
    const waits = {
      before: p99(quietFromMs, joinedAtMs),
      join: p99(joinedAtMs, joined.atMs),
      move: p99(memberAtMs, joined.atMs),
      between: p99(joined.atMs, drainedAtMs),
      drain: p99(drainedAtMs, Math.max(left, drainedAtMs + 2_000)),
    };
    const missed = [
      ...(lost > 0 ? [`${lost} calls lost`] : []),
      ...(joined.atMs - joinedAtMs > moveMs ? ['the join took too long'] : []),
      ...(left - drainedAtMs > moveMs ? ['the drain took too long'] : []),
      ...(waits.join - waits.before < growthMs ? [] : ['callers waited longer during the join']),
      ...(waits.drain - waits.before < growthMs ? [] : ['callers waited longer during the drain']),
    ];
    return {
      'registered': registered.ok,
      'users': users.length,
      'calls held': open,
      'calls': count,
      'calls lost': lost,
      'causes': JSON.stringify(result.causes),
      'repeated': result.retransmissions,
      'host 4 owns': joined.own,
      'join ms': joined.atMs - joinedAtMs,
      'of them until it was a member': memberAtMs - joinedAtMs,
      'drain ms': left - drainedAtMs,
      'p99 before ms': waits.before,
      'p99 join ms': waits.join,
      'p99 since it was a member ms': waits.move,
      'p99 between ms': waits.between,
      'p99 drain ms': waits.drain,
      'missed': missed.join('; '),
    };
  } finally {
    redis.disconnect();
    await stop(callee.child, 500);
    await cluster.stop();
  }
}

function percentile(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
}

async function storedTable(redis: Redis): Promise<Table | undefined> {
  const bytes = await redis.hgetBuffer('carillon:{sc}:table', 'b');
  return bytes === null ? undefined : unpackTable(bytes);
}
