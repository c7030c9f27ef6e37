// The known name nearest to a mistyped one. Seen failing with: the swap of neighbours dropped from editDistance.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { changesMax, editDistance, nearest } from '../../src/config/nearest.ts';

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });

/** By definition, from the front, without a table. */
function slowDistance(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  const [x, y] = [a.at(-1), b.at(-1)];
  const options = [
    slowDistance(a.slice(0, -1), b) + 1,
    slowDistance(a, b.slice(0, -1)) + 1,
    slowDistance(a.slice(0, -1), b.slice(0, -1)) + (x === y ? 0 : 1),
  ];
  if (a.length > 1 && b.length > 1 && x === b.at(-2) && y === a.at(-2)) {
    options.push(slowDistance(a.slice(0, -2), b.slice(0, -2)) + 1);
  }
  return Math.min(...options);
}

test('the table gives the distance of the definition', () => {
  const short = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 5 });
  fc.assert(
    fc.property(short, short, (a, b) => {
      assert.equal(editDistance(a, b), slowDistance(a, b));
    }),
  );
});

test('the nearest is at least as near as every other name', () => {
  fc.assert(
    fc.property(word, fc.array(word, { minLength: 1, maxLength: 6 }), (written, known) => {
      const found = nearest(written, known);
      const least = Math.min(...known.map((name) => editDistance(written, name)));
      if (found === undefined) assert.ok(least > changesMax(written));
      else assert.equal(editDistance(written, found), least);
    }),
  );
});

test('names as people mistype them', () => {
  const known = ['cluster', 'node', 'listen', 'domains', 'registrar'];
  assert.equal(nearest('lisetn', known), 'listen');
  assert.equal(nearest('Domain', known), 'domains');
  assert.equal(nearest('registrer', known), 'registrar');
  assert.equal(nearest('voicemail', known), undefined);
  assert.equal(nearest('x'.repeat(100_000), known), undefined);
});
