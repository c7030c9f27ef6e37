// Seen failing with: a line for each failure; `worked` that does not wait for the failures to stop.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoreTrouble } from '../../cluster/store-trouble.ts';
import { limits } from '../../src/limits.ts';

test('one line when it begins, one when it changes, one when it is over', () => {
  const lines: string[] = [];
  let nowMs = 1_000;
  const clock = { monotonicMs: () => nowMs, clusterMs: () => nowMs };
  const write = (level: string, event: string, fields?: Readonly<Record<string, unknown>>): void => {
    lines.push(`${level} ${event} ${String(fields?.['code'] ?? fields?.['failures'])}`);
  };
  const trouble = new StoreTrouble({ write }, clock);
  trouble.worked();
  for (let index = 0; index < 100; index++) {
    trouble.failed({ code: 'full', message: 'No space is left' });
    nowMs += 100;
    // A small write that finds room.
    trouble.worked();
  }
  assert.deepEqual(lines, ['error store-failing full']);
  trouble.failed({ code: 'io', message: 'The disk is gone' });
  nowMs += limits.storeTroubleOverMs;
  trouble.worked();
  trouble.worked();
  trouble.failed({ code: 'full', message: 'No space is left' });
  assert.deepEqual(lines, [
    'error store-failing full',
    'error store-failing io',
    'info store-works-again 101',
    'error store-failing full',
  ]);
});
