/**
 * Four hosts with addresses of their own; the network between them parts in five ways, again and again, under calls. The
 * callee can be reached by everybody, so that the address a request comes from is that of the node which acts for the call:
 * nobody may speak for a call again after another did, unless a later table gave it back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { partitionOf } from '../../../../cluster/hash.ts';
import type { ClusterView } from '../../../../src/admin/port.ts';
import { progress } from '../report.ts';
import { makeUsers } from '../users.ts';
import { HostCluster } from './cluster.ts';
import type { Findings } from './driver.ts';
import { addressOf, cut, heal, hostName, storeAddress } from './namespaces.ts';
import { NatPhone } from './phone.ts';
import { StoreWatch } from './store-watch.ts';

const hosts = [1, 2, 3, 4];
const partedMs = 6_000;
const callEveryMs = 60;
const talkMs = 1_500;
/** Every third call is not heard for so long: its INVITE is repeated by whoever owns it. */
const deafMs = 5_000;

type Way = readonly [from: string, to: string];
const both = (some: readonly string[], others: readonly string[]): Way[] =>
  some.flatMap((a) =>
    others.flatMap((b): Way[] => [
      [a, b],
      [b, a],
    ]),
  );

/** Which ways are cut, and who serves while they are: docs/OPERATIONS.md, When the network parts. */
const partings: Readonly<Record<string, { readonly ways: readonly Way[]; readonly serving: readonly string[] }>> = {
  '2/2': { ways: both(['h3', 'h4'], ['h1', 'h2', 'store']), serving: ['h1', 'h2'] },
  '3/1': { ways: both(['h4'], ['h1', 'h2', 'h3', 'store']), serving: ['h1', 'h2', 'h3'] },
  'one way': {
    ways: [
      ['h1', 'h2'],
      ['h1', 'h3'],
      ['h1', 'h4'],
    ],
    serving: ['h1', 'h2', 'h3', 'h4'],
  },
  'store': { ways: both(['h2'], ['store']), serving: ['h1', 'h2', 'h3', 'h4'] },
  'peers': { ways: both(['h3'], ['h1', 'h2', 'h4']), serving: ['h1', 'h2', 'h3', 'h4'] },
};
/** After the network is whole again everything must be as before within this time. */
const wholeMs = 10_000;

export async function parted(folder: string, [repetitions = '10']: readonly string[]): Promise<Findings> {
  const users = makeUsers(5);
  const cluster = await HostCluster.open({ folder, listen: 'own', users, authenticate: false });
  const speech = new Speech();
  const begun = performance.now();
  const firstHeard = new Map<string, number>();
  const [bob = ''] = users.map(({ name }) => name);
  const callee = new NatPhone(bob, addressOf(1), {
    port: 7_001,
    hears: (method, callId, from) => {
      const nowMs = performance.now();
      speech.heard(callId, method, from, nowMs);
      const first = firstHeard.get(callId) ?? nowMs;
      firstHeard.set(callId, first);
      return method !== 'INVITE' || partitionOf(callId) % 3 !== 0 || nowMs - first > deafMs;
    },
  });
  const redis = new Redis({ host: storeAddress, port: 6_379 });
  const addresses = new Map(hosts.map((host) => [hostName(host), addressOf(host)]));
  const counts = { made: 0, failed: 0 };
  const findings: Record<string, number | string> = {};
  const looking = setInterval(() => void look(cluster, speech), 250);
  const callers: NatPhone[] = [];
  let calling: NodeJS.Timeout | undefined;
  let watch: StoreWatch | undefined;
  try {
    for (const host of hosts) cluster.startNode(host);
    await cluster.settled(hosts, 90_000);
    watch = await StoreWatch.start(redis, (owner) => addresses.get(owner.split('.')[0] ?? '') ?? '');
    await callee.open();
    for (const host of hosts) callers.push(await new NatPhone(users[host]?.name ?? '', addressOf(host)).open());
    if ((await callee.register()) !== 200) throw new Error('the callee could not register');
    calling = setInterval(() => {
      const caller = callers[counts.made % callers.length];
      if (caller !== undefined) void talk(caller, bob, counts);
      counts.made += 1;
    }, callEveryMs);
    const times = Object.fromEntries(Object.keys(partings).map((name) => [name, [] as number[]]));
    let wrongSeals = 0;
    const others: string[] = [];
    for (let index = 0; index < Number(repetitions); index += 1) {
      for (const [name, { ways, serving }] of Object.entries(partings)) {
        for (const [from, to] of ways) cut(from, to);
        await sleep(partedMs);
        const seen = await cluster.view(hosts);
        const up = (seen?.nodes ?? []).filter(({ status }) => status === 'up').map(({ id }) => id);
        if (up.join() !== serving.join()) others.push(`${index + 1} ${name}: ${up.join(' ')}`);
        for (const [from, to] of ways) heal(from, to);
        const healedAtMs = performance.now();
        await cluster.settled(hosts, 60_000);
        const tookMs = Math.round(performance.now() - healedAtMs);
        times[name]?.push(tookMs);
        const view = await cluster.view(hosts);
        wrongSeals += view === undefined ? 4_096 : await unlikeStore(redis, view);
        const states = seen?.nodes.map(({ id, status }) => `${id} ${status}`).join(', ');
        progress(
          `${index + 1}: ${name}, while parted ${states}; whole again after ${tookMs} ms; ${JSON.stringify(speech.judge())}`,
        );
        await sleep(1_000);
      }
    }
    for (const [name, each] of Object.entries(times)) findings[`${name}: whole again ms`] = each.join(' ');
    const acting = speech.judge();
    const store = watch.judge();
    const slow = Object.values(times)
      .flat()
      .filter((ms) => ms > wholeMs).length;
    const missed = [
      ...(slow > 0 ? [`whole again after more than ${wholeMs} ms: ${slow} times`] : []),
      ...(others.length > 0 ? [`others served than is documented: ${others.join(', ')}`] : []),
      ...(acting['two owners acting'] === 0 ? [] : ['two owners acting']),
      ...(store['writes or seals by who was not the owner'] === 0 ? [] : ['written by who was not the owner']),
      ...(wrongSeals === 0 ? [] : ['seals not as the table says']),
    ];
    const lives = hosts.map((host) => `${hostName(host)} ${cluster.lives(host)}`).join(', ');
    return {
      ...findings,
      'repetitions of each': Number(repetitions),
      'calls': counts.made,
      'calls that failed': counts.failed,
      ...acting,
      ...store,
      'partitions whose seal is not as the table says': wrongSeals,
      'lives of the nodes': lives,
      'seconds': Math.round((performance.now() - begun) / 1_000),
      'missed': missed.join('; '),
    };
  } finally {
    clearInterval(looking);
    clearInterval(calling);
    watch?.close();
    redis.disconnect();
    for (const phone of [...callers, callee]) phone.close();
    await cluster.stop();
  }
}

async function talk(caller: NatPhone, callee: string, counts: { failed: number }): Promise<void> {
  const call = caller.call(callee);
  const untilMs = performance.now() + 40_000;
  while (call.state !== 'talking' && call.state !== 'failed' && performance.now() < untilMs) await sleep(100);
  await sleep(talkMs);
  if (call.state !== 'talking' || !(await caller.hangUp(call))) counts.failed += 1;
  caller.calls.delete(call.callId);
}

async function look(cluster: HostCluster, speech: Speech): Promise<void> {
  for (const host of hosts) {
    const view = await cluster.view([host]);
    if (view !== undefined) speech.table(view);
  }
}

/** Partitions that the store says are sealed by another node than the table's owner. */
async function unlikeStore(redis: Redis, view: ClusterView): Promise<number> {
  const pipeline = redis.pipeline();
  for (let partition = 0; partition < view.owners.length; partition += 1)
    pipeline.hget(`carillon:{p${partition}}:own`, 'n');
  const answers = (await pipeline.exec()) ?? [];
  return view.owners.filter((owner, partition) => {
    const sealed = answers[partition]?.[1];
    return typeof sealed !== 'string' || sealed.split('.')[0] !== view.nodes[owner]?.id;
  }).length;
}

/** Who spoke for each call, in order, and which tables there were. */
class Speech {
  readonly #speakers = new Map<string, { readonly from: string; readonly atMs: number; readonly method: string }[]>();
  /** By epoch: addresses of the owners. */
  readonly #tables = new Map<number, readonly string[]>();

  heard(callId: string, method: string, from: string, atMs: number): void {
    const speakers = this.#speakers.get(callId) ?? [];
    this.#speakers.set(callId, speakers);
    if (speakers.at(-1)?.from !== from) speakers.push({ from, atMs, method });
  }

  table(view: ClusterView): void {
    if (this.#tables.has(view.epoch)) return;
    const addresses = view.nodes.map(({ link }) => link.split(':')[0] ?? '');
    this.#tables.set(
      view.epoch,
      view.owners.map((owner) => addresses[owner] ?? ''),
    );
  }

  judge(): Readonly<Record<string, number | string>> {
    let moved = 0;
    let unknown = 0;
    const wrong: string[] = [];
    const epochs = [...this.#tables.keys()].toSorted((a, b) => a - b);
    for (const [callId, speakers] of this.#speakers) {
      if (speakers.length < 2) continue;
      moved += 1;
      const partition = partitionOf(callId);
      let at = 0;
      for (const { from } of speakers) {
        // The speakers must follow the owners of the tables in their order.
        const next = epochs.findIndex((epoch, index) => index >= at && this.#tables.get(epoch)?.[partition] === from);
        if (next < 0) {
          const hasGaps = epochs.some((epoch, index) => index > at && epoch !== (epochs[index - 1] ?? 0) + 1);
          if (hasGaps) unknown += 1;
          else
            wrong.push(
              `${callId}: ${speakers.map((each) => `${each.from} ${each.method} ${Math.round(each.atMs)}`).join(', ')}`,
            );
          break;
        }
        at = next;
      }
    }
    return {
      'calls heard': this.#speakers.size,
      'calls spoken for by more than one': moved,
      'two owners acting': wrong.length,
      'not known for missing tables': unknown,
      ...(wrong.length > 0 ? { wrong: wrong.slice(0, 3).join('; ') } : {}),
    };
  }
}
