/** Real randomness: lengths, and no two answers in the same memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SystemRandom } from '../../src/io/random.ts';

test('random octets have the asked length and do not share memory', () => {
  const random = new SystemRandom();
  const seen = new Set<string>();
  for (let i = 0; i < 2_000; i++) seen.add(random.bytes(16).toString('hex'));
  assert.equal(seen.size, 2_000);
  assert.equal(random.bytes(0).length, 0);
  assert.equal(random.bytes(10_000).length, 10_000);
  const first = random.bytes(8);
  const copy = Buffer.from(first);
  for (let i = 0; i < 600; i++) random.bytes(8).fill(0);
  assert.deepEqual(first, copy);
});
