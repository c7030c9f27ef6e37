/**
 * Bindings through MessagePack and back. Seen failing with: userAgent and methods swapped in pack().
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import type { Binding } from '../../src/registrar/bindings.ts';
import { pack, unpack } from '../../src/registrar/snapshot.ts';

/** Any latin1 text, which is what comes from the wire. */
const text = fc.array(fc.nat(255), { maxLength: 12 }).map((codes) => String.fromCharCode(...codes));
const whole = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const binding: fc.Arbitrary<Binding> = fc.record(
  {
    uri: text,
    q: fc.integer({ min: 0, max: 1000 }).map((thousandths) => thousandths / 1000),
    expiresAtMs: whole,
    callId: text,
    cseq: fc.nat(),
    instance: text,
    regId: fc.nat(),
    path: fc.array(text, { maxLength: 3 }),
    userAgent: text,
    methods: text,
    registeredAtMs: whole,
    former: fc.array(text, { maxLength: 3 }),
    flow: fc.record(
      {
        protocol: fc.constantFrom('udp' as const, 'tcp' as const),
        listener: fc.nat(9),
        address: text,
        port: fc.nat(65_535),
        connection: text,
      },
      { noNullPrototype: true },
    ),
  },
  { noNullPrototype: true },
);

test('what was packed is unpacked', () => {
  fc.assert(
    fc.property(fc.array(binding, { maxLength: 4 }), (bindings) => {
      assert.deepEqual(unpack(decode(encode(pack(bindings))) as unknown[]), bindings);
    }),
  );
});

test('another schema and damaged rows are refused, not guessed', () => {
  const [good] = fc.sample(binding, 1);
  const [schema, rows] = pack([good!]) as [number, unknown[][]];
  for (const damaged of [
    [],
    [2, rows],
    ['1', rows],
    [schema],
    [schema, {}],
    [schema, [[]]],
    [schema, [rows[0]!.slice(0, 11)]],
    [schema, [rows[0]!.with(0, 5)]],
    [schema, [rows[0]!.with(2, Number.NaN)]],
    [schema, [rows[0]!.with(8, ['udp'])]],
  ]) {
    assert.throws(() => unpack(damaged), assert.AssertionError);
  }
});
