/**
 * A rolling restart, as an upgrade does it: three nodes of their own, each stopped in order (SIGTERM drains it) and started
 * again, one after the other, while calls are made all the time. Every call must end as if nothing had happened.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ClusterView } from '../../../src/admin/port.ts';
import type { ConfigInput } from '../../../src/config/schema.ts';
import { allCalls, isReady, readCluster } from './admin.ts';
import { registerUsers, writeChallengedCalls, type Place } from './calls.ts';
import { signal, start, stop, until, type Child } from './children.ts';
import { freeBase } from './cluster.ts';
import type { Row } from './report.ts';
import { Sipp, lostOf } from './sipp.ts';
import { domain, makeUsers, type TestUser } from './users.ts';

export interface RollingOptions {
  readonly base: number;
  readonly folder: string;
  readonly callsPerSecond: number;
  readonly ringMs: number;
  readonly talkMs: number;
  /** How long calls are made at the least; they go on until the last node is back. */
  readonly seconds: number;
  readonly store?: string;
  /** Node and main.ts of another version, for the nodes before their restart. */
  readonly before?: { readonly node: string; readonly main: string };
  readonly progress: (text: string) => void;
}

export interface RollingResult {
  readonly rows: readonly Row[];
  readonly calls: number;
  readonly lost: number;
  readonly causes: Readonly<Record<string, number>>;
  readonly repeated: number;
  readonly errors: string;
}

interface Member {
  readonly id: string;
  readonly admin: string;
  readonly file: string;
  child: Child;
}

const ownMain = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const partitions = 4_096;

export async function runRolling(options: RollingOptions): Promise<RollingResult> {
  const { folder, progress, callsPerSecond, ringMs, talkMs } = options;
  const base = await freeBase(options.base);
  const users = makeUsers(200);
  const [callee] = users;
  assert.ok(callee !== undefined);
  const members = ['a', 'b', 'c'].map((id, index) => startMember(options, base, id, index, users));
  const place: Place = { folder, server: base };
  const answering = new Sipp({ ...place, scenario: 'uas', name: 'callee', port: base + 61, ringMs });
  try {
    await settled(members);
    progress('three nodes are ready');
    const registered = await registerUsers(place, [callee], {
      name: 'register',
      port: base + 62,
      contact: base + 61,
      perSecond: 10,
    });
    assert.equal(registered.ok, 1, registered.errors);
    const calling = new Sipp({
      ...place,
      scenario: 'uac-challenged',
      name: 'caller',
      port: base + 64,
      transport: 'un',
      calls: writeChallengedCalls(place, 'caller', users.slice(1), callee),
      perSecond: callsPerSecond,
      pauseMs: talkMs,
      authUri: `${callee.name}@${domain}`,
    });
    const endAtMs = performance.now() + options.seconds * 1_000;
    // Until there are as many calls as there will be.
    await sleep(ringMs + talkMs + 1_000);
    const rows: Row[] = [];
    for (const [index, member] of members.entries()) {
      const row = await restart(options, members, member, base, index, users);
      progress(
        Object.entries(row)
          .map(([key, value]) => `${key} ${value}`)
          .join(', '),
      );
      rows.push(row);
    }
    await sleep(Math.max(0, endAtMs - performance.now()));
    // The first SIGUSR1 lets SIPp end the calls that there are and make no more.
    signal(calling.child.pid, 'SIGUSR1');
    const result = await calling.result(ringMs + talkMs + 40_000);
    return {
      rows,
      calls: result.created,
      lost: lostOf(result, result.created),
      causes: result.causes,
      repeated: result.retransmissions,
      errors: result.errors,
    };
  } finally {
    await stop(answering.child, 1_000);
    await Promise.all(members.map(async ({ child }) => stop(child, 15_000)));
  }
}

async function restart(
  options: RollingOptions,
  members: readonly Member[],
  member: Member,
  base: number,
  index: number,
  users: readonly TestUser[],
): Promise<Row> {
  const other = members.find(({ id }) => id !== member.id);
  const calls = await allCalls(other?.admin ?? '');
  const own = calls.filter(({ node }) => node === member.id);
  const stoppedAtMs = performance.now();
  signal(member.child.pid, 'SIGTERM');
  const code = await Promise.race([member.child.ended, sleep(30_000, -1, { ref: false })]);
  const drainedMs = performance.now() - stoppedAtMs;
  assert.equal(code, 0, `node ${member.id} drains and ends with 0: ${member.child.output().slice(-500)}`);
  await sleep(1_000);
  member.child = startMember({ ...options, before: undefined }, base, member.id, index, users).child;
  const startedAtMs = performance.now();
  await settled(members);
  return {
    'node': member.id,
    'calls': calls.length,
    'its own': own.length,
    'of them ringing': own.filter(({ state }) => state !== 'established').length,
    'drained ms': Math.round(drainedMs),
    'back ms': Math.round(performance.now() - startedAtMs),
  };
}

function startMember(
  options: Omit<RollingOptions, 'before'> & { readonly before?: RollingOptions['before'] | undefined },
  base: number,
  id: string,
  index: number,
  users: readonly TestUser[],
): Member {
  const { folder, before } = options;
  mkdirSync(folder, { recursive: true });
  const config: ConfigInput = {
    cluster: {
      name: `rolling-${base}-${process.pid}`,
      store: options.store ?? `sqlite:${folder}/carillon.db`,
      secret: 'only-for-tests-on-loopback',
    },
    node: { id, link: `127.0.0.1:${base + 10 + index}` },
    listen: [`udp:127.0.0.1:${base}`],
    domains: [domain],
    users: users.map(({ aor, password }) => ({ aor, password })),
    admin: { listen: `127.0.0.1:${base + 20 + index}` },
  };
  const file = `${folder}/${id}.json`;
  writeFileSync(file, JSON.stringify(config, null, 2));
  const args = [before?.main ?? ownMain, 'start', '--config', file, '--log-level', 'warn'];
  const child = start(`node-${id}`, before?.node ?? process.execPath, args, {
    log: `${folder}/${id}.log`,
    cwd: folder,
  });
  return { id, admin: `http://127.0.0.1:${base + 20 + index}`, file, child };
}

/** All are up, ready, share the partitions evenly, and nothing moves. */
async function settled(members: readonly Member[]): Promise<ClusterView> {
  return until('the cluster is settled', 40_000, async () => {
    const view = await readCluster(members[0]?.admin ?? '');
    if (view === undefined || view.moving > 0) return undefined;
    const up = view.nodes.filter(({ status }) => status === 'up');
    const least = Math.floor(partitions / members.length);
    if (up.length !== members.length || up.some((node) => node.partitions < least)) return undefined;
    const ready = await Promise.all(members.map(async ({ admin }) => isReady(admin)));
    return ready.every(Boolean) ? view : undefined;
  });
}
