/**
 * The standard seed is of the size that its name promises, so that seeds per second mean something.
 * Seen failing with: two calls of three without INFO.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from '../../sim/simulate.ts';
import { standardOptions } from '../../sim/standard.ts';

test('a standard seed holds, has 60 calls, 30 registrations, some thousand datagrams in 60 s', () => {
  const options = standardOptions(1);
  assert.equal(options.calls.length, 60);
  assert.equal(
    options.devices.reduce((sum, each) => sum + each, 0),
    30,
  );
  const result = simulate(options);
  assert.equal(result.failure, undefined);
  assert.equal(result.virtualMs, 60_000);
  assert.ok(result.messages > 4_000 && result.messages < 8_000, `${result.messages} datagrams`);
});

test('of three standard seeds one has each number of nodes from three to five', () => {
  assert.deepEqual(new Set([1, 2, 3].map((seed) => standardOptions(seed).nodes)), new Set([3, 4, 5]));
});
