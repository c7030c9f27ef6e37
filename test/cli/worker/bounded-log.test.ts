/** The log of events that strangers decide about stays bounded. Seen failing with: the count not cleared each second. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { BoundedLog } from '../../../src/cli/worker/bounded-log.ts';
import { limits } from '../../../src/limits.ts';

it('a flood of one event costs a bounded number of lines, and says how many were left out', () => {
  const lines: [string, unknown][] = [];
  let nowMs = 5_000;
  const log = new BoundedLog(
    { write: (_level, event, fields) => void lines.push([event, fields]) },
    { monotonicMs: () => nowMs, clusterMs: () => 0 },
  );
  const flood = limits.logLinesPerEventPerSecondMax + 7;
  for (let i = 0; i < flood; i += 1) log.write('info', 'malformed');
  log.write('info', 'ready');
  assert.equal(lines.filter(([event]) => event === 'malformed').length, limits.logLinesPerEventPerSecondMax);
  assert.equal(lines.at(-1)?.[0], 'ready');
  nowMs += 1_000;
  log.write('info', 'malformed');
  assert.deepEqual(lines.slice(-2), [
    ['log-lines-left-out', { of: 'malformed', lines: 7 }],
    ['malformed', undefined],
  ]);
});
