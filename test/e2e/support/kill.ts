/**
 * kill -9 of one node while calls are established and others ring: every call must end as if nothing had happened, all
 * registrations must be found, and the node must come back and get its share again.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { allCalls, allRegistrations } from './admin.ts';
import { registerUsers, writeCalls, type Place } from './calls.ts';
import { signal, stop, until } from './children.ts';
import { freeBase, nodeOf, partitionsOf, startCluster, type Cluster } from './cluster.ts';
import { openClients, Prober } from './prober.ts';
import type { Row } from './report.ts';
import { SipClient } from './sip-client.ts';
import { Sipp, lostOf, type SippResult } from './sipp.ts';
import { makeUsers, type TestUser } from './users.ts';

export interface KillOptions {
  readonly base: number;
  readonly folder: string;
  readonly repetitions: number;
  /** URL of the store; without it a SQLite file. */
  readonly store?: string;
  readonly established: number;
  /** Half of them will be answered, half cancelled. */
  readonly ringing: number;
  readonly progress: (text: string) => void;
}

export interface KillResult {
  readonly rows: readonly Row[];
  readonly lostCalls: number;
  readonly lostRegistrations: number;
  readonly firstAnswersMs: readonly number[];
  readonly lastLostMs: readonly number[];
  readonly errors: string;
}

const callsPerSecond = 100;
const ringMs = 7_000;
/** So long that a CANCEL cannot cross with an answer. */
const neverMs = 60_000;

export async function runKills(options: KillOptions): Promise<KillResult> {
  const { folder, established, ringing, progress } = options;
  const base = await freeBase(options.base);
  // A caller each, and three callees that ring for different times.
  const users = makeUsers(established + ringing + 10);
  const cluster = await startCluster({
    nodes: 3,
    base,
    folder,
    users,
    ...(options.store === undefined ? {} : { store: options.store }),
  });
  const place: Place = { folder, server: base };
  const callees = [
    new Sipp({ ...place, scenario: 'uas', name: 'callee-quick', port: base + 61, ringMs: 100 }),
    new Sipp({ ...place, scenario: 'uas', name: 'callee-slow', port: base + 62, ringMs }),
    new Sipp({ ...place, scenario: 'uas', name: 'callee-never', port: base + 67, ringMs: neverMs }),
  ];
  try {
    const third = Math.floor(users.length / 3);
    const [quick, slow, never] = [users.slice(0, third), users.slice(third, 2 * third), users.slice(2 * third)];
    for (const [name, group, contact] of [
      ['quick', quick, base + 61],
      ['slow', slow, base + 62],
      ['never', never, base + 67],
    ] as const) {
      const registered = await registerUsers(place, group, { name, port: base + 63, contact, perSecond: 100 });
      assert.equal(registered.ok, group.length, `registered: ${registered.errors}`);
    }
    progress(`${users.length} users are registered`);
    const rows: Row[] = [];
    const result = {
      lostCalls: 0,
      lostRegistrations: 0,
      firstAnswersMs: [] as number[],
      lastLostMs: [] as number[],
      errors: '',
    };
    for (let index = 0; index < options.repetitions; index += 1) {
      const victim = ['a', 'b', 'c'][index % 3] ?? 'a';
      const one = await repetition(cluster, place, { index, victim, quick, slow, never, base, established, ringing });
      rows.push(one.row);
      result.lostCalls += one.lostCalls;
      result.lostRegistrations += one.lostRegistrations;
      result.firstAnswersMs.push(one.firstAnswerMs);
      result.lastLostMs.push(one.lastLostMs);
      result.errors += one.errors;
      progress(
        Object.entries(one.row)
          .map(([key, value]) => `${key} ${value}`)
          .join(', '),
      );
    }
    return { rows, ...result };
  } finally {
    await Promise.all(callees.map(async ({ child }) => stop(child, 1_000)));
    await cluster.stop();
  }
}

interface Repetition {
  readonly index: number;
  readonly victim: string;
  readonly quick: readonly TestUser[];
  readonly slow: readonly TestUser[];
  readonly never: readonly TestUser[];
  readonly base: number;
  readonly established: number;
  readonly ringing: number;
}

interface Outcome {
  readonly row: Row;
  readonly lostCalls: number;
  readonly lostRegistrations: number;
  readonly firstAnswerMs: number;
  readonly lastLostMs: number;
  readonly errors: string;
}

async function repetition(cluster: Cluster, place: Place, options: Repetition): Promise<Outcome> {
  const { index, victim, quick, slow, never, base, established, ringing } = options;
  const before = await cluster.settled(30_000);
  const pid = cluster.pids().get(victim);
  const survivor = cluster.admins[victim === 'a' ? 1 : 0] ?? '';
  const [prober0] = quick;
  assert.ok(pid !== undefined && prober0 !== undefined);

  const callers = await startCallers(place, options);
  await until('all calls stand', 15_000, async () => {
    const calls = await allCalls(survivor).catch(() => []);
    const talking = calls.filter(({ state }) => state === 'established').length;
    const waiting = calls.filter(({ state }) => state === 'ringing' || state === 'calling').length;
    return (talking >= established && waiting >= ringing) || undefined;
  }).catch(() => {
    // Whoever is missing is counted below.
  });
  const prober = Prober.start(await openClients(base, 16), prober0, partitionsOf(before, victim), 6_000);
  await sleep(200 + Math.random() * 1_000);
  const killedAtMs = performance.now();
  signal(pid, 'SIGKILL');
  await sleep(3_000);
  const outage = await prober.stop(killedAtMs);

  const results = await Promise.all(callers.map(async ({ run }) => run.result(40_000)));
  const lostCalls = results.reduce((sum, run, at) => sum + lostOf(run, callers[at]?.count ?? 0), 0);
  const view = await cluster.settled(30_000);
  const backMs =
    nodeOf(view, victim).incarnation > nodeOf(before, victim).incarnation ? performance.now() - killedAtMs : -1;
  const registrations = await allRegistrations(survivor);
  const lostRegistrations =
    quick.length +
    slow.length +
    never.length -
    registrations.length +
    (await lostFetches(base, [quick[index], slow[index], never[index]]));
  return {
    lostCalls,
    lostRegistrations,
    firstAnswerMs: outage.firstAnswerMs,
    lastLostMs: outage.lastLostMs,
    errors: results
      .filter((run) => run.errors !== '')
      .map((run) => `${run.name} ${JSON.stringify(run.causes)}: ${run.errors}\n`)
      .join(''),
    row: {
      'no': index + 1,
      victim,
      ...Object.fromEntries(results.map((run) => [run.name.replace(/-\d+$/, ''), `${run.ok}/${run.created}`])),
      'lost calls': lostCalls,
      'repeated': results.reduce((sum: number, run: SippResult) => sum + run.retransmissions, 0),
      'first ms': outage.firstAnswerMs,
      'last lost ms': outage.lastLostMs,
      'longest wait ms': outage.longestWaitMs,
      'probes': `${outage.answered}/${outage.sent}`,
      'lost at ms': JSON.stringify(outage.lostAtMs),
      'others': JSON.stringify(outage.others),
      'registrations': registrations.length,
      'share': nodeOf(view, victim).partitions,
      'back s': Math.round(backMs / 100) / 10,
    },
  };
}

async function startCallers(place: Place, options: Repetition): Promise<{ run: Sipp; count: number }[]> {
  const { index, quick, slow, never, base, established, ringing } = options;
  const all = [...quick, ...slow, ...never];
  const half = ringing >> 1;
  const groups = [
    {
      name: `talking-${index}`,
      scenario: 'uac',
      count: established,
      from: 0,
      callees: quick,
      pauseMs: ringMs + 3_000,
      port: base + 64,
    },
    {
      name: `answered-${index}`,
      scenario: 'uac',
      count: half,
      from: established,
      callees: slow,
      pauseMs: 1_000,
      port: base + 65,
    },
    {
      name: `cancelled-${index}`,
      scenario: 'uac-cancel',
      count: ringing - half,
      from: established + half,
      callees: never,
      pauseMs: ringMs - 1_500,
      port: base + 66,
    },
  ] as const;
  const started: { run: Sipp; count: number }[] = [];
  for (const { name, scenario, count, from, callees, pauseMs, port } of groups) {
    const pairs = all
      .slice(from, from + count)
      .map((user, at) => [user, callees[at % callees.length] ?? user] as const);
    const calls = await writeCalls(place, name, pairs);
    started.push({
      count,
      run: new Sipp({
        ...place,
        scenario,
        name,
        port,
        transport: 'un',
        count,
        calls,
        pauseMs,
        perSecond: callsPerSecond,
        timeoutSeconds: 60,
      }),
    });
  }
  return started;
}

/** Users whose own REGISTER without Contact does not find their one contact. */
async function lostFetches(server: number, users: readonly (TestUser | undefined)[]): Promise<number> {
  const client = await new SipClient(server).open();
  let lost = 0;
  for (const user of users) {
    if (user === undefined) continue;
    const found = await client.fetchContacts(user);
    if (found?.contacts.length !== 1) lost += 1;
  }
  client.close();
  return lost;
}
