// Three nodes with Redis as their store: kill -9 of a node loses no call and no registration.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisMissing, redisServer } from '../cluster/stores/redis-server.ts';
import { runKills } from './support/kill.ts';
import { testFolder } from './support/report.ts';
import { missing } from './support/tools.ts';

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
