// Three nodes with Redis as their store: kill -9 of a node, or of Redis, loses no call.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterView } from '../../src/admin/port.ts';
import { profiles } from '../../src/limits.ts';
import { redisMissing, redisServer } from '../cluster/stores/redis-server.ts';
import { registerUsers, writeCalls } from './support/calls.ts';
import { stop } from './support/children.ts';
import { freeBase, startCluster } from './support/cluster.ts';
import { runKills } from './support/kill.ts';
import { testFolder } from './support/report.ts';
import { Sipp, lostOf } from './support/sipp.ts';
import { missing } from './support/tools.ts';
import { makeUsers } from './support/users.ts';

test(
  'a node dies by kill -9 under 40 established and 20 ringing calls, the store is Redis',
  { skip: missing('sipp') || redisMissing, timeout: 100_000 },
  async (t) => {
    const server = await redisServer(t, '--appendonly', 'yes');
    const result = await runKills({
      base: 26_000,
      folder: testFolder('redis'),
      repetitions: 1,
      established: 40,
      ringing: 20,
      store: server.url,
      progress: (text) => t.diagnostic(text),
    });
    assert.equal(result.lostCalls, 0, `${JSON.stringify(result.rows)}\n${result.errors.slice(0, 3_000)}`);
    assert.equal(result.lostRegistrations, 0);
    for (const firstAnswerMs of result.firstAnswersMs)
      assert.ok(firstAnswerMs >= 0 && firstAnswerMs < 3_000, `${firstAnswerMs} ms`);
  },
);

test(
  'calls outlast a Redis that is away for longer than a lease, and one that is wiped; nobody is replaced',
  { skip: missing('sipp') || redisMissing, timeout: 100_000 },
  async (t) => {
    const server = await redisServer(t, '--appendonly', 'yes');
    const base = await freeBase(26_200);
    const folder = testFolder('redis-away');
    const users = makeUsers(40);
    const cluster = await startCluster({ nodes: 3, base, folder, users, store: server.url });
    const callee = new Sipp({ folder, server: base, scenario: 'uas', name: 'callee', port: base + 61, ringMs: 100 });
    try {
      const place = { folder, server: base };
      const [callers, callees] = [users.slice(0, 30), users.slice(30)];
      await registerUsers(place, callees, { name: 'callees', port: base + 63, contact: base + 61, perSecond: 50 });
      const pairs = callers.map((caller, at) => [caller, callees[at % callees.length] ?? caller] as const);
      const calls = await writeCalls(place, 'calls', pairs);
      const before = await cluster.settled(10_000);
      const run = new Sipp({
        ...place,
        scenario: 'uac',
        name: 'caller',
        port: base + 64,
        transport: 'un',
        count: pairs.length,
        calls,
        pauseMs: 16_000,
        perSecond: 30,
        timeoutSeconds: 60,
      });
      await sleep(3_000);
      await server.kill();
      await sleep(profiles.default.leaseTtlMs + 1_500);
      await server.start();
      await sleep(2_500);
      assert.deepEqual(livesOf(await cluster.settled(10_000)), livesOf(before), 'nobody was replaced');
      await server.ask('FLUSHALL');
      await sleep(profiles.default.leaseTtlMs + 1_000);
      const result = await run.result(40_000);
      assert.equal(lostOf(result, pairs.length), 0, JSON.stringify(result));
      assert.deepEqual(livesOf(await cluster.settled(10_000)), livesOf(before), 'nobody was replaced');
      // The table is back in the store.
      assert.match(String(await server.ask('HGET', 'carillon:{sc}:table', 'e')), /^[1-9]\d*$/);
    } finally {
      await stop(callee.child, 1_000);
      await cluster.stop();
    }
  },
);

function livesOf(view: ClusterView): string[] {
  return view.nodes.map(({ id, incarnation, status }) => `${id} ${incarnation} ${status}`);
}
