// The same calls with every single datagram sent to a random socket of a random node: any node takes any packet.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runLoad } from './support/load.ts';
import { testFolder } from './support/report.ts';
import { missing } from './support/tools.ts';

for (const [name, base, folder, options] of [
  [
    'calls hold when each packet reaches another worker of another node and goes straight to the right one',
    23_400,
    'spray-datagrams',
    { workers: 2 },
  ],
  ['calls hold when each packet reaches another node, by the links', 22_400, 'spray', { forward: 'links' }],
] as const)
  test(name, { skip: missing('sipp'), timeout: 100_000 }, async (t) => {
    const result = await runLoad({
      base,
      folder: testFolder(folder),
      users: 100,
      calls: 60,
      callsPerSecond: 40,
      talkMs: 1_500,
      sprayPorts: 64,
      progress: (text) => t.diagnostic(text),
      ...options,
    });
    assert.equal(result.failed, 0, `${JSON.stringify(result.rows, null, 1)}\n${result.errors.slice(0, 3_000)}`);
    assert.equal(result.registered, 100);
    const { forwarded, forwardedDirectly } = result;
    t.diagnostic(`${forwardedDirectly} of ${forwarded} items went straight to their worker`);
    // The first ones go by the links, until the way has answered.
    if (!('forward' in options)) assert.ok(forwardedDirectly > 0.3 * forwarded, `${forwardedDirectly} of ${forwarded}`);
  });
