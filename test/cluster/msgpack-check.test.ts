/**
 * The check in front of the MessagePack decoder, held against the decoder itself and against the hostile corpus.
 * Seen failing with: the key parity taken as odd; `count-over-octets` compared with > end instead of octets left.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { checkMsgpack } from '../../cluster/msgpack-check.ts';
import { limits } from '../../src/limits.ts';

const plainValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.string({ unit: 'binary' }).filter((s) => s.isWellFormed()),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(
      fc.string().filter((k) => k !== '__proto__'),
      tie('value'),
      { maxKeys: 20 },
    ),
  ),
})).value;

test('whatever the library writes of plain values passes', () => {
  fc.assert(fc.property(plainValue, (value) => checkMsgpack(encode(value)) === undefined));
});

test('what passes is decoded without an error, and every proper prefix and every longer text is refused', () => {
  fc.assert(
    fc.property(plainValue, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 4 }), (value, cut, more) => {
      const bytes = encode(value);
      assert.notEqual(checkMsgpack(bytes.subarray(0, cut % bytes.length)), undefined);
      assert.notEqual(checkMsgpack(Buffer.concat([bytes, more])), undefined);
    }),
  );
});

test('arbitrary octets: passing implies that the decoder takes them and makes only plain values', () => {
  const mutated = fc
    .tuple(plainValue, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
    .map(([v, edits]) => {
      const bytes = Buffer.from(encode(v));
      for (const [at, octet] of edits) bytes[at % bytes.length] = octet;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 64 })), (bytes) => {
      if (checkMsgpack(bytes) !== undefined) return;
      assertPlain(decode(bytes));
    }),
    { numRuns: 2_000 },
  );
});

function assertPlain(value: unknown): void {
  if (typeof value === 'number') assert(Number.isFinite(value));
  else if (Array.isArray(value)) value.forEach(assertPlain);
  else if (value !== null && typeof value === 'object' && !(value instanceof Uint8Array)) {
    assert(Object.getPrototypeOf(value) === Object.prototype);
    Object.values(value).forEach(assertPlain);
  }
}

const hostile: readonly (readonly [string, string, string])[] = [
  ['map32 claims 2**31-1 pairs', 'df7fffffffc0', 'too-many-members'],
  ['array32 claims more than is there', 'dd000fffffc0', 'count-over-octets'],
  ['array32 claims as much as there is with its head', 'dd00000004c0c0', 'count-over-octets'],
  ['str32 claims 2 GiB', 'db8000000078', 'truncated'],
  ['array as key', '819191c001', 'key-not-string'],
  ['number as key', '810101', 'key-not-string'],
  ['timestamp extension', 'c70dffffffffffffffffffffffffffff', 'extension'],
  ['fixext', 'd40100', 'extension'],
  ['bad UTF-8', '81a16ba4c0afeda0', 'bad-utf8'],
  ['NaN', 'cb7ff8000000000000', 'not-a-finite-number'],
  ['float32 infinity', 'ca7f800000', 'not-a-finite-number'],
  ['2**53', 'cf0020000000000000', 'integer-too-large'],
  ['-2**53', 'd3ffe0000000000000', 'integer-too-large'],
  ['reserved', 'c1', 'reserved-octet'],
  ['prototype', '81a95f5f70726f746f5f5fc0', 'key-forbidden'],
  ['nothing', '', 'empty'],
];

for (const [what, hex, problem] of hostile) {
  test(`refused: ${what}`, () => assert.equal(checkMsgpack(Buffer.from(hex, 'hex')), problem));
}

test('the ends of the safe integers pass', () => {
  assert.equal(checkMsgpack(encode(Number.MAX_SAFE_INTEGER)), undefined);
  assert.equal(checkMsgpack(encode(Number.MIN_SAFE_INTEGER)), undefined);
});

test('depth and members: at the limit passes, one more is refused', () => {
  const nested = (depth: number) => Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.from([0xc0])]);
  assert.equal(checkMsgpack(nested(limits.linkFrameDepthMax)), undefined);
  assert.equal(checkMsgpack(nested(limits.linkFrameDepthMax + 1)), 'too-deep');
  assert.equal(checkMsgpack(nested(50_000)), 'too-deep');
  const bounds = { depthMax: 4, membersMax: 1_024 };
  assert.equal(checkMsgpack(encode(new Array(1_024).fill(0)), bounds), undefined);
  assert.equal(checkMsgpack(encode(new Array(1_025).fill(0)), bounds), 'too-many-members');
});
