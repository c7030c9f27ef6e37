// Registrations and simultaneous calls by SIPp, without one failure. The long version is acceptance/load.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runLoad } from './support/load.ts';
import { testFolder } from './support/report.ts';
import { missing } from './support/tools.ts';

test(
  '200 users register and make 100 calls at once, spread over all nodes',
  { skip: missing('sipp'), timeout: 100_000 },
  async (t) => {
    const result = await runLoad({
      base: 22_200,
      folder: testFolder('load'),
      users: 200,
      calls: 100,
      callsPerSecond: 50,
      talkMs: 2_500,
      sprayPorts: 0,
      progress: (text) => t.diagnostic(text),
    });
    assert.equal(result.failed, 0, `${JSON.stringify(result.rows, null, 1)}\n${result.errors.slice(0, 3_000)}`);
    assert.equal(result.registered, 200);
    assert.equal(Object.keys(result.registrationsPerNode).length, 3);
    assert.equal(Object.keys(result.callsPerNode).length, 3);
    assert.equal(result.clusterCode, 0);
  },
);
