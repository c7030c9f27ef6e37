/**
 * The reader of MessagePack against the library: the same value for all that the library can write, the same refusal of
 * what is broken. Seen failing with: 16 bits with a sign read as without, the low word of a negative number added with a
 * sign, octets behind the value let pass, text beyond ASCII read as latin1.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, Encoder } from '@msgpack/msgpack';
import fc from 'fast-check';
import { packArray } from '../../actors/packer.ts';
import { unpackValue } from '../../actors/unpacker.ts';

const library = new Encoder();

const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false, 0, Number.NaN, 0.5, ''),
    fc.maxSafeInteger(),
    fc.oneof(...[0x20, 0x80, 0x100, 0x8000, 0x10000, 2 ** 31, 2 ** 32].map((edge) => edges(edge))),
    fc.double(),
    fc.string({ maxLength: 70 }),
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.uint8Array({ maxLength: 700 }).map((octets) => Buffer.from(octets)),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(fc.string({ maxLength: 5 }), tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
}));

function edges(edge: number): fc.Arbitrary<number> {
  return fc.integer({ min: -2, max: 2 }).chain((off) => fc.constantFrom(edge + off, -edge + off));
}

/** What reading comes to: a value, or that there is none. */
function outcome(read: (bytes: Uint8Array) => unknown, bytes: Uint8Array): unknown {
  try {
    return [read(bytes)];
  } catch {
    return 'refused';
  }
}

test('reads what the library reads', () => {
  fc.assert(
    fc.property(value, (each) => {
      const bytes = Buffer.from(library.encode(each));
      assert.deepEqual(unpackValue(bytes), decode(bytes));
    }),
  );
});

test('reads what the packer writes, whatever kind of array it is in', () => {
  const values = [null, -1, 2 ** 40, -(2 ** 40), 'a', 'ä', 'x'.repeat(70_000), [Buffer.alloc(3)], Array(17).fill(0)];
  const bytes = packArray(values)!;
  assert.deepEqual(unpackValue(bytes), values);
  assert.deepEqual(unpackValue(new Uint8Array(bytes)), values);
});

test('octets are views of what was read', () => {
  const bytes = Buffer.from(packArray([Uint8Array.of(1, 2, 3)])!);
  const [octets] = unpackValue(bytes) as [Uint8Array];
  bytes[bytes.length - 1] = 9;
  assert.deepEqual([...octets], [1, 2, 9]);
});

test('refuses what the library refuses: cut off, more than one, anything at all', () => {
  const cut = fc.tuple(value, fc.nat({ max: 3 })).map(([each, less]) => {
    const bytes = Buffer.from(library.encode(each));
    return bytes.subarray(0, Math.max(0, bytes.length - less));
  });
  const more = fc.tuple(value, value).map((both) => Buffer.concat(both.map((each) => library.encode(each))));
  const any = fc.array(fc.oneof(fc.nat({ max: 0x7f }), fc.integer({ min: 0x80, max: 0xff })), { maxLength: 12 });
  fc.assert(
    fc.property(
      fc.oneof(
        cut,
        more,
        any.map((octets) => Buffer.from(octets)),
      ),
      (bytes) => {
        const expected = outcome(decode, bytes);
        const found = outcome(unpackValue, bytes);
        // Of what is no UTF-8 each makes something else: links let none of it pass (cluster/msgpack-check.ts).
        if (!hasHighText(expected) && !hasHighText(found)) assert.deepEqual(found, expected);
      },
    ),
  );
});

/** Any beyond ASCII in it? */
function hasHighText(each: unknown): boolean {
  if (typeof each === 'string') return [...each].some((char) => char.charCodeAt(0) >= 0x80);
  if (each instanceof Uint8Array || typeof each !== 'object' || each === null) return false;
  return Object.entries(each).some(([key, inner]) => hasHighText(key) || hasHighText(inner));
}

test('arrays in arrays without end do not exhaust the stack', () => {
  assert.equal(outcome(unpackValue, Buffer.alloc(100_000, 0x91)), 'refused');
  const claim = Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]);
  assert.equal(outcome(unpackValue, claim), 'refused');
});
