/**
 * Something befalls the Redis of three nodes while calls are established, ring, and are made, and users register: what
 * phones see of it, whether anybody was replaced, and whether the table is in the store afterwards.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterView } from '../../../src/admin/port.ts';
import { metrics } from './admin.ts';
import { registerUsers, writeCalls, writeChallengedCalls } from './calls.ts';
import { stop } from './children.ts';
import { freeBase, startCluster } from './cluster.ts';
import { RedisTopology, type TopologyKind } from './redis-topology.ts';
import { lostOf, Sipp } from './sipp.ts';
import { domain, makeUsers, type TestUser } from './users.ts';

/** What befalls the store; the number of seconds is how long, where it lasts. */
export type Trouble = 'stopped' | 'killed' | 'wiped' | 'failover' | 'tail-lost';

export interface OutageOptions {
  readonly kind: TopologyKind;
  readonly trouble: Trouble;
  readonly seconds: number;
  readonly base: number;
  readonly folder: string;
  readonly established: number;
  readonly ringing: number;
  /** New calls, and REGISTERs, each second while it lasts. */
  readonly perSecond: number;
}

export interface OutageResult {
  readonly calls: number;
  readonly lost: number;
  readonly newCalls: number;
  readonly newLost: number;
  readonly registers: number;
  readonly registersOk: number;
  /** Answers that two memories vouched for and the store did not. */
  readonly degraded: number;
  readonly isReplaced: boolean;
  /** Epoch of the table in the store afterwards, and of the cluster. */
  readonly storedEpoch: number;
  readonly epoch: number;
  readonly settledMs: number;
  /** What the master was told last is gone from the store. */
  readonly isTailLost: boolean;
  readonly errors: string;
}

const tableKey = 'carillon:{sc}:table';
const tailMark = 'a-mark-of-the-test';
const tailMs = 1_500;
const settleMs = 20_000;

export async function runOutage(options: OutageOptions): Promise<OutageResult> {
  const { kind, trouble, seconds, folder, established, ringing, perSecond } = options;
  const base = await freeBase(options.base);
  const redis = await RedisTopology.start(kind, folder);
  const newCount = Math.max(1, Math.round(seconds * perSecond));
  const users = makeUsers(established + ringing + 2 * newCount + 12);
  const quick = users.slice(0, 10);
  const [callee, slow] = [users[10], users[11]];
  if (callee === undefined || slow === undefined) throw new Error('no users');
  const rest = users.slice(12);
  const take = (count: number): TestUser[] => rest.splice(0, count);
  const [talkers, ringers, callers, registering] = [take(established), take(ringing), take(newCount), take(newCount)];
  let cluster;
  const callees: Sipp[] = [];
  try {
    cluster = await startCluster({ nodes: 3, base, folder, users, store: redis.url });
    const place = { folder, server: base };
    // Rings until after the trouble.
    const ringMs = (seconds + 3) * 1_000;
    callees.push(new Sipp({ ...place, scenario: 'uas', name: 'callee', port: base + 61, ringMs: 100 }));
    callees.push(new Sipp({ ...place, scenario: 'uas', name: 'callee-slow', port: base + 62, ringMs }));
    const register = { name: 'callees', port: base + 63, contact: base + 61, perSecond: 50 };
    await registerUsers(place, [...quick, callee], register);
    await registerUsers(place, [slow], { ...register, name: 'slow', contact: base + 62 });
    // Who is known to its node is served without the store; phones register all the time.
    const known = [...callers, ...registering];
    await registerUsers(place, known, { ...register, name: 'known', contact: base + 60, perSecond: 100 });
    const before = await cluster.settled(settleMs);
    const talking = new Sipp({
      ...place,
      scenario: 'uac',
      name: 'talking',
      port: base + 64,
      transport: 'un',
      count: established,
      calls: await writeCalls(
        place,
        'talking',
        talkers.map((caller, index) => [caller, quick[index % quick.length] ?? caller]),
      ),
      pauseMs: (seconds + 4) * 1_000,
      perSecond: 30,
      timeoutSeconds: seconds + 60,
    });
    const waiting = new Sipp({
      ...place,
      scenario: 'uac',
      name: 'waiting',
      port: base + 65,
      transport: 'un',
      count: ringing,
      calls: await writeCalls(
        place,
        'waiting',
        ringers.map((caller) => [caller, slow]),
      ),
      pauseMs: 1_000,
      perSecond: 30,
      timeoutSeconds: seconds + 60,
    });
    await sleep((Math.max(established, ringing) / 30) * 1_000 + 1_000);

    const relieve = await befall(redis, trouble);
    const making = new Sipp({
      ...place,
      scenario: 'uac-challenged',
      name: 'making',
      port: base + 66,
      transport: 'un',
      count: newCount,
      calls: writeChallengedCalls(place, 'making', callers, callee),
      pauseMs: 1_000,
      perSecond,
      authUri: `${callee.name}@${domain}`,
      timeoutSeconds: seconds + 60,
    });
    const registered = registerUsers(place, registering, {
      name: 'registering',
      port: base + 67,
      contact: base + 61,
      perSecond,
    });
    await sleep(seconds * 1_000);
    const degraded = await degradedOf(cluster.admins);
    await relieve();
    const relievedMs = performance.now();
    const registers = await registered;
    const results = [await talking.result(60_000), await waiting.result(60_000), await making.result(60_000)];
    const after = await cluster.settled(settleMs);
    const settledMs = Math.round(performance.now() - relievedMs);
    // A renewal of the lease tells of the loss, and the table is given back.
    await sleep(1_500);
    const [first, second, third] = results;
    return {
      calls: established + ringing,
      lost: lostIn(first, established) + lostIn(second, ringing),
      newCalls: newCount,
      newLost: lostIn(third, newCount),
      registers: newCount,
      registersOk: registers.ok,
      degraded,
      isReplaced: livesOf(before) !== livesOf(after),
      storedEpoch: Number(await redis.ask(tableKey, 'HGET', 'e')),
      epoch: (await cluster.view()).epoch,
      settledMs,
      isTailLost: trouble === 'tail-lost' && (await redis.ask(tailMark, 'GET')) === null,
      errors: [...results, registers].map(({ errors }) => errors.slice(0, 1_500)).join(''),
    };
  } finally {
    for (const { child } of callees) await stop(child, 500);
    await cluster?.stop();
    await redis.stop();
  }
}

/** Which promises were not kept. */
export function missesOf(result: OutageResult, trouble: Trouble): string[] {
  const misses: string[] = [];
  if (result.lost > 0) misses.push(`${result.lost} established or ringing calls lost`);
  if (result.newLost > 0) misses.push(`${result.newLost} new calls lost`);
  // While a store that forgot is told again what it had, no buddy's word counts: for a moment a REGISTER is refused (503,
  // Retry-After), and SIPp does not come again.
  const refusedMax = trouble === 'tail-lost' ? Math.ceil(result.registers / 10) : 0;
  const refused = result.registers - result.registersOk;
  if (refused > refusedMax) misses.push(`${refused} registrations not taken`);
  if (result.isReplaced) misses.push('somebody was replaced');
  if (!(result.storedEpoch >= result.epoch) || result.epoch === 0) misses.push('the table is not in the store');
  if (trouble === 'tail-lost' && !result.isTailLost) misses.push('the store lost nothing: it was no test');
  if ((trouble === 'stopped' || trouble === 'killed') && result.degraded === 0)
    misses.push('nothing counted as degraded');
  return misses;
}

/** Begins it; what is returned ends it. */
async function befall(redis: RedisTopology, trouble: Trouble): Promise<() => Promise<void>> {
  const nothing = async (): Promise<void> => {};
  // The hardest: the server that has leases and table.
  const master = await redis.masterOf(tableKey);
  switch (trouble) {
    case 'stopped':
      master.signal('SIGSTOP');
      return async () => master.signal('SIGCONT');
    case 'killed':
      await master.kill();
      return async () => void (await master.start());
    case 'wiped':
      await redis.onAll('FLUSHALL');
      return nothing;
    case 'failover':
      await master.kill();
      return nothing;
    case 'tail-lost':
      await redis.stallReplicas(master);
      await master.ask('SET', tailMark, 'told to the master only');
      // So long it goes on alone: calls are made, registrations come, and none of it is on the replica.
      setTimeout(() => void master.kill(), tailMs);
      return nothing;
  }
}

function lostIn(result: Parameters<typeof lostOf>[0] | undefined, wanted: number): number {
  return result === undefined ? wanted : lostOf(result, wanted);
}

async function degradedOf(admins: readonly string[]): Promise<number> {
  let sum = 0;
  for (const admin of admins)
    for (const [name, value] of await metrics(admin)) if (name.includes('gate.degraded')) sum += value;
  return sum;
}

function livesOf(view: ClusterView): string {
  return view.nodes.map(({ id, incarnation, status }) => `${id} ${incarnation} ${status}`).join(', ');
}
