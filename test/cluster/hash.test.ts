/**
 * The partition function is frozen by known answers and spreads keys evenly.
 * Seen failing with: the final mixer left out (chi-square of counters far above the bound), multiplication by `*`.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { hash32, partitionOf } from '../../cluster/hash.ts';
import { limits } from '../../src/limits.ts';

/** FNV-1a and fmix32 again, in exact integers: an independent statement of the same definition. */
function reference(key: string): number {
  const mask = 0xffff_ffffn;
  let hash = 0x811c9dc5n;
  for (let i = 0; i < key.length; i++) hash = ((hash ^ BigInt(key.charCodeAt(i))) * 0x01000193n) & mask;
  hash = ((hash ^ (hash >> 16n)) * 0x85ebca6bn) & mask;
  hash = ((hash ^ (hash >> 13n)) * 0xc2b2ae35n) & mask;
  return Number(hash ^ (hash >> 16n));
}

test('known answers never change', () => {
  const known: Record<string, number> = {
    '': 3083,
    'a': 435,
    'sip:1001@example.test': 1376,
    'a84b4c76e66710@pc33.atlanta.com': 1309,
    '3848276298220188511@atlanta.example.com': 987,
    '\u00e9\u00ff': 2540,
  };
  for (const [key, partition] of Object.entries(known)) assert.equal(partitionOf(key), partition, key);
});

test('equals the definition in exact integers', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (key) => {
      assert.equal(hash32(key), reference(key));
      assert.equal(partitionOf(key), reference(key) % limits.partitions);
    }),
  );
});

test('keys that differ only in a counter spread evenly', () => {
  const counts = new Uint32Array(limits.partitions);
  const keys = limits.partitions * 32;
  for (let i = 0; i < keys; i++) counts[partitionOf(`call-${i}@pbx.example.test`)]!++;
  const expected = keys / limits.partitions;
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  // 4095 degrees of freedom: mean 4095, standard deviation 90; six deviations.
  assert.ok(chiSquare < 4095 + 6 * 90, `chi-square ${chiSquare}`);
});
