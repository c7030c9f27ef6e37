// The same calls with every single datagram sent to a random socket of a random node: any node takes any packet.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runLoad } from './support/load.ts';
import { testFolder } from './support/report.ts';
import { missing } from './support/tools.ts';

test(
  'calls hold when each packet reaches another worker of another node and goes straight to the right one',
  { skip: missing('sipp'), timeout: 100_000 },
  async (t) => {
    const result = await runLoad({
      base: 23_400,
      folder: testFolder('spray-datagrams'),
      users: 100,
      calls: 60,
      callsPerSecond: 40,
      talkMs: 1_500,
      sprayPorts: 64,
      workers: 2,
      progress: (text) => t.diagnostic(text),
    });
    assert.equal(result.failed, 0, `${JSON.stringify(result.rows, null, 1)}\n${result.errors.slice(0, 3_000)}`);
    assert.equal(result.registered, 100);
    t.diagnostic(`${result.forwardedDirectly} of ${result.forwarded} items went straight to their worker`);
    // The first ones go by the links, until the way has answered.
    assert.ok(result.forwardedDirectly > 0.3 * result.forwarded, `${result.forwardedDirectly} of ${result.forwarded}`);
  },
);

test(
  'calls hold when each packet reaches another node, by the links',
  { skip: missing('sipp'), timeout: 100_000 },
  async (t) => {
    const result = await runLoad({
      base: 22_400,
      forward: 'links',
      folder: testFolder('spray'),
      users: 100,
      calls: 60,
      callsPerSecond: 40,
      talkMs: 1_500,
      sprayPorts: 64,
      progress: (text) => t.diagnostic(text),
    });
    assert.equal(result.failed, 0, `${JSON.stringify(result.rows, null, 1)}\n${result.errors.slice(0, 3_000)}`);
    assert.equal(result.registered, 100);
  },
);
