/**
 * What owner and buddy say comes over as it was said; acknowledgements and copies are read by hand and must be read as the
 * decoder would.
 * Seen failing with: rows as views of what came; texts that are not ASCII taken as they are; octets put together by 255; octets behind the last field let pass; a number over the safe ones let pass.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { packWord, unpackWord } from '../../../cluster/buddy/messages.ts';

const count = fc.oneof(
  fc.nat(300),
  fc.nat(70_000),
  fc.maxSafeNat(),
  fc.constantFrom(0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 2 ** 32 - 1, 2 ** 32),
);

test('an acknowledgement comes over', () => {
  fc.assert(
    fc.property(count, count, count, (epoch, base, seq) => {
      const word = { type: 'ack', epoch, base, seq } as const;
      assert.deepEqual(unpackWord(packWord(word).slice()), word);
    }),
  );
});

test('octets that only begin as one are read as the decoder reads them', () => {
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 30 }).map((rest) => Uint8Array.of(0x94, 4, ...rest)),
    fc
      .tuple(
        fc.array(fc.oneof(count, fc.double(), fc.bigInt(0n, 2n ** 64n - 1n)), { minLength: 3, maxLength: 3 }),
        fc.nat(2),
      )
      .map(([fields, cut]) => {
        const whole = encode([4, ...fields], { useBigInt64: true });
        return whole.subarray(0, whole.length - cut);
      }),
  );
  fc.assert(
    fc.property(octets, (payload) => {
      let fields: unknown;
      try {
        fields = decode(payload);
      } catch {
        fields = undefined;
      }
      const read = unpackWord(payload);
      const isGood =
        Array.isArray(fields) && fields.slice(1).every((field) => Number.isSafeInteger(field) && field >= 0);
      if (!isGood) return assert.equal(read, undefined);
      const [, epoch, base, seq] = fields as number[];
      assert.deepEqual(read, { type: 'ack', epoch, base, seq });
    }),
    { numRuns: 1_000 },
  );
});

const rows = fc.array(
  fc.tuple(count, fc.string({ unit: 'binary', maxLength: 40 }), fc.option(fc.uint8Array({ maxLength: 5_000 }))),
  { maxLength: 20 },
);
const copies = fc.record({
  type: fc.constant('copy' as const),
  buddy: fc.oneof(fc.constant('node-b.1700000000000'), fc.string({ unit: 'grapheme', maxLength: 40 })),
  epoch: count,
  base: count,
  from: count,
  seq: count,
  stored: count,
  rows,
});

test('a copy comes over, and stays when the memory of the octets is used again', () => {
  fc.assert(
    fc.property(copies, copies, (word, next) => {
      const octets = Buffer.from(packWord(word));
      const read = unpackWord(octets);
      octets.fill(0xee);
      unpackWord(Buffer.from(packWord(next)));
      assert.deepEqual(read, { ...word });
    }),
  );
});

test('octets that only begin as a copy are read as the decoder reads them', () => {
  const changes = fc.tuple(fc.nat(), fc.nat(255), fc.nat(3));
  fc.assert(
    fc.property(copies, fc.array(changes, { minLength: 1, maxLength: 3 }), (word, plan) => {
      const octets = Buffer.from(packWord({ ...word, rows: word.rows.slice(0, 2) }));
      let end = octets.length;
      for (const [place, value, cut] of plan) {
        octets[2 + (place % (octets.length - 2))] = value;
        if (cut === 0) end--;
      }
      const read = unpackWord(octets.subarray(0, end));
      // Of another form, since the decoder reads an array 16 as it reads an array of few: not by hand.
      const generic = unpackWord(Buffer.concat([Buffer.of(0xdc, 0, 8), octets.subarray(1, end)]));
      assert.deepEqual(read, generic);
    }),
    { numRuns: 2_000 },
  );
});

test('what was read stays when the memory of the octets is used again', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 }), (values) => {
      const rows = values.map((value, index) => [index + 1, `call:${index}`, value] as const);
      const word = { type: 'tail', epoch: 2, tailEpoch: 1, rows, part: 0, last: true } as const;
      const octets = Buffer.from(packWord(word));
      const read = unpackWord(octets);
      octets.fill(0xee);
      assert.deepEqual(read, word);
    }),
  );
});
