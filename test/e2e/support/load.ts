/** Many registrations and simultaneous calls, direct or through the relay that scatters packets over all nodes. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { allCalls, allRegistrations, perNode } from './admin.ts';
import { registerUsers, writeCalls, writeChallengedCalls, type Place } from './calls.ts';
import { startCluster } from './cluster.ts';
import { startRelay, stopRelay } from './relay.ts';
import type { Row } from './report.ts';
import { Sipp, rowOf, type SippResult } from './sipp.ts';
import { makeUsers } from './users.ts';

export interface LoadOptions {
  readonly base: number;
  readonly folder: string;
  readonly users: number;
  /** Half of them with credentials sent at once, each to a user of its own; half challenged by 407, to one user. */
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly talkMs: number;
  /** Source ports of the relay that scatters every datagram; 0: no relay. */
  readonly sprayPorts: number;
  readonly progress: (text: string) => void;
}

export interface LoadResult {
  readonly rows: readonly Row[];
  readonly failed: number;
  readonly errors: string;
  readonly registered: number;
  readonly registrationsPerNode: Readonly<Record<string, number>>;
  /** The most calls seen at one moment, and where they were then. */
  readonly callsAtOnce: number;
  readonly callsPerNode: Readonly<Record<string, number>>;
  readonly clusterCode: number;
}

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { base, folder, calls, callsPerSecond, talkMs, progress } = options;
  const users = makeUsers(options.users);
  assert.ok(users.length >= calls, 'a user for each call');
  const cluster = await startCluster({ nodes: 3, base, folder, users });
  progress('three nodes are ready');
  const [front, calleePort] = [base + 60, base + 61];
  const isSprayed = options.sprayPorts > 0;
  const relay = isSprayed
    ? await startRelay({ listen: front, server: base, ports: options.sprayPorts, callee: calleePort, folder })
    : undefined;
  const place: Place = { folder, server: isSprayed ? front : base };
  const registered = await registerUsers(place, users, {
    name: 'register',
    port: base + 62,
    contact: isSprayed ? front : calleePort,
    perSecond: 200,
  });
  progress(`registered ${registered.ok}, failed ${registered.failed}`);
  const registrations = await allRegistrations(cluster.admins[0] ?? '');

  const callee = new Sipp({ ...place, scenario: 'uas', name: 'callee', port: calleePort, ringMs: 200 });
  await callee.hasStarted();
  const half = calls >> 1;
  const ownPairs = users.slice(0, half).map((user, index) => [user, users[index + 1] ?? user] as const);
  const challenged = users.slice(half, calls);
  const [target] = users;
  assert.ok(target !== undefined);
  const common = { ...place, perSecond: callsPerSecond / 2, pauseMs: talkMs, limit: calls } as const;
  const callers = [
    new Sipp({
      ...common,
      scenario: 'uac',
      name: 'caller',
      port: base + 64,
      transport: 'un',
      count: half,
      calls: await writeCalls(place, 'caller', ownPairs),
    }),
    new Sipp({
      ...common,
      scenario: 'uac-challenged',
      name: 'caller-challenged',
      port: base + 63,
      count: challenged.length,
      calls: writeChallengedCalls(place, 'caller-challenged', challenged, target),
      authUri: `${target.name}@example.test`,
    }),
  ];
  let most: { total: number; nodes: Record<string, number> } = { total: 0, nodes: {} };
  let running = true;
  const watching = (async (): Promise<void> => {
    while (running) {
      const now = await allCalls(cluster.admins[1] ?? '').catch(() => []);
      const alive = now.filter(({ state }) => state === 'confirmed' || state === 'established');
      const counted = alive.length > 0 ? alive : now;
      if (counted.length > most.total) most = { total: counted.length, nodes: perNode(counted) };
      await sleep(250);
    }
  })();
  const timeoutMs = (calls / callsPerSecond) * 1_000 + talkMs + 60_000;
  const results = await Promise.all(callers.map(async (caller) => caller.result(timeoutMs)));
  running = false;
  await watching;
  const called = await callee.end();
  if (relay !== undefined) progress(`relay: ${JSON.stringify(await stopRelay(relay))}`);
  const clusterCode = await cluster.stop();
  return {
    rows: [registered, ...results, called].map(rowOf),
    failed: failuresOf(registered, users.length) + results.reduce((sum, one) => sum + failuresOf(one, one === results[0] ? half : calls - half), 0),
    errors: [registered, ...results].map(({ name, errors, causes }) => (errors === '' ? '' : `${name} ${JSON.stringify(causes)}: ${errors}`)).join('\n'),
    registered: registrations.length,
    registrationsPerNode: perNode(registrations),
    callsAtOnce: most.total,
    callsPerNode: most.nodes,
    clusterCode,
  };
}

function failuresOf(result: SippResult, wanted: number): number {
  return wanted - result.ok;
}
