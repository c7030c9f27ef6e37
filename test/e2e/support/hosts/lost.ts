/**
 * Three hosts at one anycast address: again and again one of them loses its cable while calls are established and others
 * ring. Its packets go to the others a second later, as a routing protocol has it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { registerUsers, writeCalls, type Place } from '../calls.ts';
import { stop } from '../children.ts';
import { partitionsOf } from '../cluster.ts';
import { Prober } from '../prober.ts';
import { median, progress } from '../report.ts';
import { SipClient } from '../sip-client.ts';
import { lostOf, Sipp } from '../sipp.ts';
import { makeUsers, type TestUser } from '../users.ts';
import { HostCluster, sipPort } from './cluster.ts';
import type { Findings } from './driver.ts';
import { announce, anycastAddress, clientAddress, hostName, plug, spreadByPorts } from './namespaces.ts';

const hosts = [1, 2, 3];
const established = 60;
const ringing = 30;
const perSecond = 30;
const ringMs = 7_000;
const withdrawMs = 1_000;
export const place = { server: sipPort, serverAddress: anycastAddress, address: clientAddress } as const;

export async function lost(
  folder: string,
  [repetitions = '20', wish = 'default']: readonly string[],
): Promise<Findings> {
  const users = makeUsers(established + ringing + 10);
  const profile = wish === 'fast' ? 'fast' : 'default';
  const cluster = await HostCluster.open({ folder, listen: 'anycast', users, authenticate: true, profile });
  const at: Place = { folder, ...place };
  spreadByPorts();
  const callees = [
    new Sipp({ ...at, scenario: 'uas', name: 'callee-quick', port: 7_001, ringMs: 100 }),
    new Sipp({ ...at, scenario: 'uas', name: 'callee-slow', port: 7_002, ringMs }),
  ];
  try {
    for (const host of hosts) cluster.startNode(host);
    announce(hosts);
    await cluster.settled(hosts, 90_000);
    const half = users.length >> 1;
    const [quick, slow] = [users.slice(0, half), users.slice(half)];
    let registered = 0;
    for (const [name, group, contact] of [
      ['quick', quick, 7_001],
      ['slow', slow, 7_002],
    ] as const)
      registered += (await registerUsers(at, group, { name, port: 7_003, contact, perSecond: 100 })).ok;
    const firstMs: number[] = [];
    const lastMs: number[] = [];
    let lostCalls = 0;
    for (let index = 0; index < Number(repetitions); index += 1) {
      const one = await repetition(cluster, at, index, quick, slow);
      firstMs.push(one.firstMs);
      lastMs.push(one.lastLostMs);
      lostCalls += one.lostCalls;
      progress(
        `${index + 1}: host ${one.victim}, first ${one.firstMs} ms, last lost ${one.lastLostMs} ms, calls lost ${one.lostCalls} ${one.causes}`,
      );
    }
    return {
      'registered': registered,
      'users': users.length,
      profile,
      'repetitions': Number(repetitions),
      'calls': Number(repetitions) * (established + ringing),
      'calls lost': lostCalls,
      'first served, median ms': median(firstMs),
      'first served, maximum ms': Math.max(...firstMs),
      'first served, minimum ms': Math.min(...firstMs),
      'last lost request, maximum ms': Math.max(...lastMs),
    };
  } finally {
    await Promise.all(callees.map(async ({ child }) => stop(child, 500)));
    await cluster.stop();
  }
}

interface Outcome {
  readonly victim: number;
  readonly firstMs: number;
  readonly lastLostMs: number;
  readonly lostCalls: number;
  readonly causes: string;
}

async function repetition(
  cluster: HostCluster,
  at: Place,
  index: number,
  quick: readonly TestUser[],
  slow: readonly TestUser[],
): Promise<Outcome> {
  const victim = (index % hosts.length) + 1;
  const rest = hosts.filter((host) => host !== victim);
  const before = await cluster.settled(hosts, 40_000);
  const all = [...quick, ...slow];
  const [user] = quick;
  if (user === undefined) throw new Error('no users');
  const run = async (
    name: string,
    port: number,
    callers: readonly TestUser[],
    to: readonly TestUser[],
    pauseMs: number,
  ) =>
    new Sipp({
      ...at,
      scenario: 'uac',
      name: `${name}-${index}`,
      port,
      transport: 'un',
      count: callers.length,
      calls: await writeCalls(
        at,
        `${name}-${index}`,
        callers.map((caller, i) => [caller, to[i % to.length] ?? caller]),
      ),
      pauseMs,
      perSecond,
      timeoutSeconds: 50,
    });
  const callers = [
    { run: await run('talk', 7_100, all.slice(0, established), quick, 12_000), count: established },
    { run: await run('ring', 7_300, all.slice(established, established + ringing), slow, 1_000), count: ringing },
  ];
  await sleep((established / perSecond) * 1_000 + 600);
  const clients = await Promise.all(Array.from({ length: 12 }, async () => new SipClient(sipPort, at).open()));
  const prober = Prober.start(clients, user, partitionsOf(before, hostName(victim)), 12_000);
  await sleep(200 + Math.random() * 800);
  plug(victim, false);
  const pulledAtMs = performance.now();
  setTimeout(() => announce(rest), withdrawMs);
  await sleep(8_000);
  const outage = await prober.stop(pulledAtMs);
  const results = await Promise.all(callers.map(async (each) => each.run.result(50_000)));
  plug(victim, true);
  await cluster.settled(hosts, 40_000);
  announce(hosts);
  return {
    victim,
    firstMs: outage.firstAnswerMs,
    lastLostMs: outage.lastLostMs,
    lostCalls: results.reduce((sum, result, i) => sum + lostOf(result, callers[i]?.count ?? 0), 0),
    causes: results.map(({ causes }) => (Object.keys(causes).length === 0 ? '' : JSON.stringify(causes))).join(' '),
  };
}
