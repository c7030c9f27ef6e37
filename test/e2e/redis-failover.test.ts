/**
 * Three nodes on a Redis with Sentinels and on a Redis Cluster, whose master dies under calls: once without the last that
 * it was told. At length, and with other troubles: acceptance/redis.ts. Seen failing with: a store that stays with the
 * old master; callers whom no node knows.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisMissing } from '../cluster/stores/redis-server.ts';
import { missesOf, runOutage, type OutageOptions } from './support/outage.ts';
import { testFolder } from './support/report.ts';
import { missing } from './support/tools.ts';

const options = { skip: missing('sipp') || redisMissing, timeout: 120_000 };
const load = { seconds: 5, established: 20, ringing: 10, perSecond: 5 };

async function outage(t: { diagnostic(text: string): void }, one: Pick<OutageOptions, 'kind' | 'trouble' | 'base'>) {
  const result = await runOutage({ ...load, ...one, folder: testFolder(`redis-${one.kind}`) });
  t.diagnostic(JSON.stringify({ ...result, errors: '' }));
  assert.deepEqual(missesOf(result, one.trouble), [], result.errors.slice(0, 3_000));
}

test('Sentinels promote a replica that lacks the last seconds: no call is lost, nobody replaced', options, (t) =>
  outage(t, { kind: 'sentinel', trouble: 'tail-lost', base: 30_200 }),
);

test('the master of the table in a Redis Cluster dies: no call is lost, nobody replaced', options, (t) =>
  outage(t, { kind: 'cluster', trouble: 'failover', base: 30_400 }),
);
