/** Comma-separated lists. */
import assert from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { splitList } from '../../src/sip/list.ts';

test('commas in quotes and angle brackets do not separate', () => {
  assert.deepStrictEqual(splitList('a, "b, \\", c" <d,e> ;f , ,g'), ['a', '"b, \\", c" <d,e> ;f', 'g']);
  assert.deepStrictEqual(splitList('a, "never closed, b'), ['a', '"never closed, b']);
  assert.deepStrictEqual([splitList(''), splitList(' , ,')], [[], []]);
});

test('joining and splitting again', () => {
  const element = fc.constantFrom('a', 'b c', '"x, y"', '<sip:a@b;c,d>', '"\\"," <sip:a@b>;q=1');
  const separator = fc.constantFrom(',', ' ,', ', ', ' , ', ',,');
  fc.assert(
    fc.property(fc.array(element), separator, (all, comma) => assert.deepStrictEqual(splitList(all.join(comma)), all)),
  );
});

test('splitting is linear', () => {
  const before = performance.now();
  splitList('",<'.repeat(50_000));
  splitList(','.repeat(100_000));
  splitList('"'.repeat(100_000));
  assert.ok(performance.now() - before < 300);
});
