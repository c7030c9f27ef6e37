// Tables for people. Seen failing with: control characters passed through.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cellText, durationText, tableText } from '../../src/cli/table.ts';

test('columns line up, numbers to the right', () => {
  const text = tableText(
    ['node', 'calls'],
    [
      ['a', 5],
      ['long-name', 12],
      ['c', '-'],
    ],
  );
  assert.equal(text, 'node       calls\na              5\nlong-name     12\nc              -');
  assert.equal(tableText(['user', 'since'], []), 'user  since');
});

test('nothing from the network can move the cursor or break a row', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const cell = cellText(text);
      assert.doesNotMatch(cell, /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e]/);
      assert.ok(cell.length <= 80);
      assert.equal(tableText(['x'], [[text]]).split('\n').length, 2);
    }),
  );
});

test('durations', () => {
  assert.equal(durationText(-5), '0 s');
  assert.equal(durationText(59_499), '59 s');
  assert.equal(durationText(63_000), '1 min 03 s');
  assert.equal(durationText(3_900_000), '1 h 05 min');
});
