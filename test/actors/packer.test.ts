/**
 * The packer of snapshots against the library that reads them: the same octets for everything that both can say. Seen
 * failing with: the length of text counted in characters, `< 0x80` for `<= 0x80`, the high word of a negative number cut
 * towards zero, no room made for octets.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Encoder } from '@msgpack/msgpack';
import fc from 'fast-check';
import { packArray } from '../../actors/packer.ts';

const library = new Encoder();

const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false, -0, 0, Number.NaN, 0.5),
    fc.maxSafeInteger(),
    fc.oneof(...[0x20, 0x80, 0x100, 0x8000, 0x10000, 2 ** 31, 2 ** 32].map((edge) => edges(edge))),
    fc.double(),
    fc.string({ maxLength: 70 }),
    fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 300 }),
    fc.uint8Array({ maxLength: 700 }),
    fc.array(tie('value'), { maxLength: 20 }),
  ),
}));

function edges(edge: number): fc.Arbitrary<number> {
  return fc.integer({ min: -2, max: 2 }).chain((off) => fc.constantFrom(edge + off, -edge + off));
}

test('writes what the library writes', () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 30 }), (values) => {
      assert.deepEqual(packArray(values), Buffer.from(library.encode(values)));
    }),
  );
});

test('finds room for what is larger than all before', () => {
  for (const values of [[new Uint8Array(70_000)], ['x'.repeat(70_000)], Array.from({ length: 70_000 }, (_, n) => n)])
    assert.deepEqual(packArray(values), Buffer.from(library.encode(values)));
});

test('objects, functions and symbols are not for it', () => {
  for (const other of [{}, { a: 1 }, new Map(), () => 1, Symbol('s'), 1n])
    assert.equal(packArray([1, [other]]), undefined);
});
