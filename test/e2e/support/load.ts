/** Many registrations and simultaneous calls, direct or through the relay that scatters packets over all nodes. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { allCalls, allRegistrations, metrics, perNode } from './admin.ts';
import { registerUsers, writeCalls, writeChallengedCalls, type Place } from './calls.ts';
import { stop } from './children.ts';
import { freeBase, startCluster, type Cluster } from './cluster.ts';
import { startRelay, stopRelay } from './relay.ts';
import type { Row } from './report.ts';
import { Sipp, lostOf, rowOf, type SippResult } from './sipp.ts';
import { domain, makeUsers, type TestUser } from './users.ts';

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
  /** `cluster.forward`; and workers of each node, default one. */
  readonly forward?: 'links';
  readonly workers?: number;
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
  /** Items that went to another worker or node, and those of them that went straight there. */
  readonly forwarded: number;
  readonly forwardedDirectly: number;
}

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { folder, progress } = options;
  const users = makeUsers(options.users);
  assert.ok(users.length >= options.calls, 'a user for each call');
  const base = await freeBase(options.base);
  const { forward, workers = 1 } = options;
  const cluster = await startCluster({ nodes: 3, base, folder, users, workers, ...(forward && { forward }) });
  progress('three nodes are ready');
  const isSprayed = options.sprayPorts > 0;
  const relay = isSprayed
    ? await startRelay({ listen: base + 60, server: base, ports: options.sprayPorts, callee: base + 61, folder })
    : undefined;
  try {
    const measured = await measure(cluster, { folder, server: isSprayed ? base + 60 : base }, users, {
      ...options,
      base,
    });
    if (relay !== undefined) progress(`relay: ${JSON.stringify(await stopRelay(relay))}`);
    return { ...measured, clusterCode: await cluster.stop() };
  } finally {
    if (relay !== undefined) await stop(relay);
    await cluster.stop();
  }
}

async function measure(
  cluster: Cluster,
  place: Place,
  users: readonly TestUser[],
  options: LoadOptions,
): Promise<Omit<LoadResult, 'clusterCode'>> {
  const { base, calls, callsPerSecond, talkMs, progress } = options;
  const contactPort = options.sprayPorts > 0 ? base + 60 : base + 61;
  const registered = await registerUsers(place, users, {
    name: 'register',
    port: base + 62,
    contact: contactPort,
    perSecond: 200,
  });
  progress(`registered ${registered.ok}, failed ${registered.failed}`);
  const registrations = await allRegistrations(cluster.admins[0] ?? '');
  const callee = new Sipp({ ...place, scenario: 'uas', name: 'callee', port: base + 61, contactPort, ringMs: 200 });
  try {
    await callee.hasStarted();
    const half = calls >> 1;
    const callers = await startCallers(place, users, options);
    const watch = new CallWatch(cluster.admins[1] ?? '');
    const timeoutMs = (calls / callsPerSecond) * 1_000 + talkMs + 60_000;
    const results = await Promise.all(callers.map(async (caller) => caller.result(timeoutMs)));
    const most = await watch.stop();
    const runs = [registered, ...results];
    const wanted = [users.length, half, calls - half];
    return {
      rows: runs.map(rowOf),
      failed: runs.reduce((sum, run, index) => sum + lostOf(run, wanted[index] ?? 0), 0),
      errors: runs
        .filter(({ errors }) => errors !== '')
        .map(errorsOf)
        .join('\n'),
      registered: registrations.length,
      registrationsPerNode: perNode(registrations),
      callsAtOnce: most.total,
      callsPerNode: most.nodes,
      forwarded: await counted(cluster, 'forwarded'),
      forwardedDirectly: await counted(cluster, 'forwarded-directly'),
    };
  } finally {
    await stop(callee.child);
  }
}

async function counted(cluster: Cluster, event: string): Promise<number> {
  const all = await Promise.all(cluster.admins.map(metrics));
  return all.reduce((sum, samples) => sum + (samples.get(`carillon_events_total{event="${event}"}`) ?? 0), 0);
}

async function startCallers(place: Place, users: readonly TestUser[], options: LoadOptions): Promise<Sipp[]> {
  const { base, calls, callsPerSecond, talkMs } = options;
  const half = calls >> 1;
  const ownPairs = users.slice(0, half).map((user, index) => [user, users[index + 1] ?? user] as const);
  const challenged = users.slice(half, calls);
  const [target] = users;
  assert.ok(target !== undefined);
  const common = { ...place, perSecond: callsPerSecond / 2, pauseMs: talkMs, limit: calls } as const;
  const [ownFile, challengedFile] = [
    await writeCalls(place, 'caller', ownPairs),
    writeChallengedCalls(place, 'caller-challenged', challenged, target),
  ];
  return [
    new Sipp({
      ...common,
      scenario: 'uac',
      name: 'caller',
      port: base + 64,
      transport: 'un',
      count: half,
      calls: ownFile,
    }),
    new Sipp({
      ...common,
      scenario: 'uac-challenged',
      name: 'caller-challenged',
      port: base + 63,
      count: challenged.length,
      calls: challengedFile,
      authUri: `${target.name}@${domain}`,
    }),
  ];
}

/** Remembers the moment with the most calls. */
class CallWatch {
  readonly #admin: string;
  readonly #done: Promise<void>;
  #isRunning = true;
  #total = 0;
  #nodes: Record<string, number> = {};

  constructor(admin: string) {
    this.#admin = admin;
    this.#done = this.#run();
  }

  async stop(): Promise<{ total: number; nodes: Record<string, number> }> {
    this.#isRunning = false;
    await this.#done;
    return { total: this.#total, nodes: this.#nodes };
  }

  async #run(): Promise<void> {
    while (this.#isRunning) {
      const calls = (await allCalls(this.#admin).catch(() => [])).filter(({ state }) => state === 'established');
      if (calls.length > this.#total) [this.#total, this.#nodes] = [calls.length, perNode(calls)];
      await sleep(250);
    }
  }
}

function errorsOf({ name, errors, causes }: SippResult): string {
  return `${name} ${JSON.stringify(causes)}: ${errors}`;
}
