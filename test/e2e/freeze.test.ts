// A node stands still, is declared dead, and wakes up. Longer in acceptance/freeze.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runFreeze } from './support/freeze.ts';
import { testFolder } from './support/report.ts';
import { missing } from './support/tools.ts';

test(
  'a node that slept serves nothing it no longer owns and joins again',
  { skip: missing('sipp'), timeout: 100_000 },
  async (t) => {
    const result = await runFreeze({
      base: 23_200,
      folder: testFolder('freeze'),
      frozenMs: 11_000,
      calls: 15,
      progress: (text) => t.diagnostic(text),
    });
    t.diagnostic(JSON.stringify({ ...result.outage, lostAtMs: undefined }));
    assert.equal(result.lostCalls, 0, result.errors.slice(0, 3_000));
    assert.deepEqual(result.differentAnswers, []);
    assert.equal(result.answeredTwins, result.twins);
    const { firstAnswerMs } = result.outage;
    assert.ok(firstAnswerMs >= 0 && firstAnswerMs < 8_000, `others took over while it slept: ${firstAnswerMs} ms`);
    assert.ok(result.share >= 1_365);
  },
);
