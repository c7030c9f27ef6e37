// kill -9 of a node: no call and no registration is lost. Twenty times over in acceptance/kill.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runKills } from './support/kill.ts';
import { testFolder } from './support/report.ts';
import { missing } from './support/tools.ts';

test(
  'a node dies by kill -9 under 40 established and 20 ringing calls',
  { skip: missing('sipp'), timeout: 100_000 },
  async (t) => {
    const result = await runKills({
      base: 22_600,
      folder: testFolder('kill'),
      repetitions: 1,
      established: 40,
      ringing: 20,
      progress: (text) => t.diagnostic(text),
    });
    assert.equal(result.lostCalls, 0, `${JSON.stringify(result.rows)}\n${result.errors.slice(0, 3_000)}`);
    assert.equal(result.lostRegistrations, 0);
    for (const firstAnswerMs of result.firstAnswersMs)
      assert.ok(firstAnswerMs >= 0 && firstAnswerMs < 3_000, `${firstAnswerMs} ms`);
  },
);
