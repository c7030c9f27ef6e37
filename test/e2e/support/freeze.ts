/**
 * A node stands still (SIGSTOP) long enough to be declared dead, and wakes up without knowing. Meanwhile calls go on over
 * the others; when it wakes it must serve nothing that it no longer owns, and join again by itself.
 *
 * Packets that the kernel gives to the socket of the stopped process wait there, however long: that is so with any server
 * that shares its port between processes. So the clients here use source ports that the kernel maps to the others, which
 * is found out before by the counters of the nodes, and only the twins below use a port of the stopped node on purpose.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { partitionOf } from '../../../cluster/hash.ts';
import { metrics } from './admin.ts';
import { registerUsers, writeCalls, type Place } from './calls.ts';
import { signal, stop } from './children.ts';
import { freeBase, nodeOf, partitionsOf, startCluster, type Cluster } from './cluster.ts';
import { Prober, type Outage } from './prober.ts';
import { newIds, SipClient } from './sip-client.ts';
import { Sipp, lostOf, type SippResult } from './sipp.ts';
import { makeUsers, type TestUser } from './users.ts';

export interface FreezeOptions {
  readonly base: number;
  readonly folder: string;
  /** For how long; a lease lasts 3 s. */
  readonly frozenMs: number;
  /** Calls of each of the three groups: established before, begun at the freeze, begun late in it. */
  readonly calls: number;
  readonly progress: (text: string) => void;
}

export interface FreezeResult {
  readonly results: readonly SippResult[];
  /** Calls that did not end well, but for the refused ones. */
  readonly lostCalls: number;
  /** Begun right at the freeze and answered 503: their partition had no owner for longer than they could wait. */
  readonly refusedCalls: number;
  /** Of the requests for partitions of the stopped node that came to others. */
  readonly outage: Outage;
  /** Requests sent both to the stopped node and, while it slept, to another; and those of them with two different answers. */
  readonly twins: number;
  readonly answeredTwins: number;
  readonly differentAnswers: readonly string[];
  /** From waking up to its new life with a full share; milliseconds. */
  readonly rejoinedMs: number;
  readonly share: number;
  /** What its log says after it woke up. */
  readonly log: readonly string[];
  /** Store writes that the fence refused. */
  readonly refusedWrites: number;
  readonly errors: string;
}

const victim = 'b';

export async function runFreeze(options: FreezeOptions): Promise<FreezeResult> {
  const { folder, calls } = options;
  const base = await freeBase(options.base);
  const users = makeUsers(3 * calls + 1);
  const cluster = await startCluster({ nodes: 3, base, folder, users });
  try {
    return await measure(cluster, { folder, server: base }, users, options);
  } finally {
    const pid = cluster.pids().get(victim);
    if (pid !== undefined) signal(pid, 'SIGCONT');
    await cluster.stop();
  }
}

async function measure(
  cluster: Cluster,
  place: Place,
  users: readonly TestUser[],
  options: FreezeOptions,
): Promise<FreezeResult> {
  const { frozenMs, calls, progress } = options;
  const ports = await portsByNode(cluster, place.server + 40, 50);
  const awake = ports.filter(({ node }) => node !== victim).map(({ port }) => port);
  const asleep = ports.filter(({ node }) => node === victim).map(({ port }) => port);
  progress(`${awake.length} of ${ports.length} source ports lead to the others`);
  const [callee, registrar, early, atFreeze, late, nonces, ...rest] = awake;
  assert.ok(
    callee !== undefined &&
      registrar !== undefined &&
      early !== undefined &&
      atFreeze !== undefined &&
      late !== undefined,
  );
  assert.ok(rest.length >= 4 && asleep.length > 0, 'enough ports of each kind');

  const registered = await registerUsers(place, users, {
    name: 'register',
    port: registrar,
    contact: callee,
    perSecond: 100,
  });
  assert.equal(registered.ok, users.length, registered.errors);
  const answering = new Sipp({ ...place, scenario: 'uas', name: 'callee', port: callee, ringMs: 100 });
  await answering.hasStarted();
  try {
    const common = { ...place, scenario: 'uac', count: calls, perSecond: 50, pauseMs: 1_000, timeoutSeconds: 90 };
    const fileFor = async (name: string, index: number, fromPort?: number): Promise<string> => {
      const own = users.slice(index * calls, (index + 1) * calls);
      return writeCalls(
        place,
        name,
        own.map((user, at) => [user, users[index * calls + at + 1] ?? user] as const),
        fromPort,
      );
    };
    const [beforeFile, atFreezeFile] = [await fileFor('before', 0), await fileFor('at-freeze', 1)];
    const runs = [
      new Sipp({ ...common, name: 'established-before', port: early, calls: beforeFile, pauseMs: frozenMs + 3_000 }),
    ];
    await sleep((calls / 50) * 1_000 + 1_500);
    const before = await cluster.view();
    const pid = cluster.pids().get(victim);
    const [first] = users;
    assert.ok(pid !== undefined && first !== undefined);
    const proberClients = await Promise.all(
      rest.slice(0, 4).map(async (port) => new SipClient(place.server).open(port)),
    );
    const twins = await Twins.open(place.server, first, partitionsOf(before, victim), asleep, awake.at(-1) ?? 0);

    const logLength = cluster.supervisor.output().length;
    const frozenAtMs = performance.now();
    signal(pid, 'SIGSTOP');
    progress(`node ${victim} stands still`);
    const prober = Prober.start(proberClients, first, partitionsOf(before, victim), frozenMs);
    await sleep(300);
    twins.sendToSleeper();
    runs.push(new Sipp({ ...common, name: 'begun-at-freeze', port: atFreeze, calls: atFreezeFile }));
    await sleep(frozenMs * 0.7 - 300);
    twins.sendToOthers();
    runs.push(new Sipp({ ...common, name: 'begun-late', port: late, calls: await fileFor('late', 2, nonces) }));
    await sleep(frozenMs * 0.3);
    const wokenLogLength = cluster.supervisor.output().length;
    const wokenAtMs = performance.now();
    signal(pid, 'SIGCONT');
    progress(`node ${victim} goes on`);
    const outage = await prober.stop(frozenAtMs);
    const view = await cluster.settled(40_000);
    const rejoinedMs = Math.round(performance.now() - wokenAtMs);
    const results = await Promise.all(runs.map(async (run) => run.result(60_000)));
    const refusedCalls = refusedIn(results[1]);
    const output = cluster.supervisor.output();
    return {
      results,
      lostCalls: results.reduce((sum, result) => sum + lostOf(result, calls), 0) - refusedCalls,
      refusedCalls,
      outage,
      ...twins.close(),
      rejoinedMs,
      share: nodeOf(view, victim).partitions,
      log: output
        .slice(wokenLogLength)
        .split('\n')
        .filter((line) => line.includes(`"node":"${victim}"`) || line.includes(`node ${victim} `)),
      refusedWrites: output.slice(logLength).match(/fenced/g)?.length ?? 0,
      errors: results
        .filter(({ errors }) => errors !== '')
        .map(({ name, causes, errors }) => `${name} ${JSON.stringify(causes)}: ${errors}`)
        .join('\n'),
    };
  } finally {
    await stop(answering.child, 1_000);
  }
}

/** SIPp notes each unexpected answer in full. */
function refusedIn(result: SippResult | undefined): number {
  if (result === undefined) return 0;
  return Math.min(result.failed, result.errors.match(/received 'SIP\/2\.0 503 /g)?.length ?? 0);
}

/** Which node the kernel gives the packets of each of `count` source ports to. */
async function portsByNode(cluster: Cluster, first: number, count: number): Promise<{ port: number; node: string }[]> {
  const found: { port: number; node: string }[] = [];
  const counts = async (): Promise<number[]> =>
    Promise.all(
      cluster.admins.map(async (admin) => (await metrics(admin)).get('carillon_events_total{event="received"}') ?? 0),
    );
  const enough = (): boolean => {
    const asleep = found.filter(({ node }) => node === victim).length;
    return asleep >= 3 && found.length - asleep >= 11;
  };
  for (let port = first; port < first + count && !enough(); port += 1) {
    const client = await new SipClient(cluster.sipPort).open(port).catch(() => undefined);
    if (client === undefined) continue;
    const before = await counts();
    for (let i = 0; i < 3; i += 1) {
      const ids = newIds('sip:ports@127.0.0.1', 'sip:127.0.0.1');
      await client.ask(client.request('OPTIONS', 'sip:127.0.0.1', ids), ids.branch, 3_000);
    }
    client.close();
    const gains = (await counts()).map((value, index) => value - (before[index] ?? 0));
    const node = ['a', 'b', 'c'][gains.findIndex((gain) => gain >= 3)];
    if (node !== undefined) found.push({ port, node });
  }
  return found;
}

/**
 * The same request twice: once to the stopped node, where it waits in the socket, and once to another node, which serves
 * it. When the first wakes it may answer too, but only the same.
 */
class Twins {
  readonly #sleepers: readonly SipClient[];
  readonly #other: SipClient;
  readonly #requests: readonly { readonly text: string; readonly branch: string }[];
  readonly #answers = new Map<string, Set<string>>();

  /** Use Twins.open. */
  constructor(sleepers: readonly SipClient[], other: SipClient, user: TestUser, partitions: readonly number[]) {
    this.#sleepers = sleepers;
    this.#other = other;
    const wanted = new Set(partitions);
    const requests: { text: string; branch: string }[] = [];
    while (requests.length < 20) {
      const callId = `twin-${randomBytes(9).toString('base64url')}`;
      if (!wanted.has(partitionOf(callId))) continue;
      const ids = newIds(user.aor, user.aor, callId);
      requests.push({ text: other.request('OPTIONS', user.aor, ids), branch: ids.branch });
    }
    this.#requests = requests;
  }

  static async open(
    server: number,
    user: TestUser,
    partitions: readonly number[],
    asleep: readonly number[],
    awake: number,
  ): Promise<Twins> {
    const sleepers = await Promise.all(asleep.map(async (port) => new SipClient(server).open(port)));
    return new Twins(sleepers, await new SipClient(server).open(awake), user, partitions);
  }

  sendToSleeper(): void {
    for (const [index, request] of this.#requests.entries())
      this.#send(this.#sleepers[index % this.#sleepers.length], request);
  }

  sendToOthers(): void {
    for (const request of this.#requests) this.#send(this.#other, request);
  }

  close(): { twins: number; answeredTwins: number; differentAnswers: string[] } {
    for (const client of [...this.#sleepers, this.#other]) client.close();
    const different = [...this.#answers.values()].filter((answers) => answers.size > 1);
    return {
      twins: this.#requests.length,
      answeredTwins: this.#answers.size,
      differentAnswers: different.map((answers) => [...answers].join('\n-- and --\n')),
    };
  }

  #send(client: SipClient | undefined, { text, branch }: { text: string; branch: string }): void {
    client?.send(text, branch, (received) => {
      const answers = this.#answers.get(branch) ?? new Set();
      // The Via says where this copy came from; all else must be the same to the last nonce.
      answers.add(received.text.replace(/^Via:.*\r\n/gm, ''));
      this.#answers.set(branch, answers);
    });
  }
}
