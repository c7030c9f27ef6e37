/**
 * Packing gives back what was packed, whatever the text and however the buffer had to grow.
 *
 * Seen failing with: too little room reserved for a key; a deleted value read as an empty one; what went as a text not taken
 * out of the packer.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Packer, unpackRows, unpackWrites } from '../../../cluster/stores/packed.ts';
import type { NumberedWrite } from '../../../cluster/stores/packed.ts';
import { limits } from '../../../src/limits.ts';

const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', 'a\0b', 'ÿ'));
const octets = fc.uint8Array({ maxLength: 40 });
const write: fc.Arbitrary<NumberedWrite> = fc.record({
  id: fc.nat(2 ** 32 - 1),
  durable: fc.boolean(),
  batch: fc.record({
    partition: fc.nat(4095),
    epoch: fc.nat(Number.MAX_SAFE_INTEGER),
    owner: text,
    rows: fc.array(fc.tuple<[string, Uint8Array | null]>(text, fc.option<Uint8Array>(octets)), { maxLength: 6 }),
  }),
});

/** Values come back as Buffers, which are Uint8Arrays of another name. */
function plain(writes: readonly NumberedWrite[]): unknown {
  return writes.map(({ id, durable, batch }) => {
    return [
      id,
      durable,
      { ...batch, rows: batch.rows.map(([key, value]) => [key, value === null ? null : [...value]]) },
    ];
  });
}

function pack(packer: Packer, { id, durable, batch: { partition, epoch, owner, rows } }: NumberedWrite): void {
  packer.write(id, durable, partition, epoch, owner, rows);
}

test('writes and rows come back as they were', () => {
  fc.assert(
    fc.property(fc.array(write, { maxLength: 6 }), (writes) => {
      const packer = new Packer();
      for (const one of writes) pack(packer, one);
      assert.deepEqual(plain(unpackWrites(packer.take())), plain(writes));
      assert.equal(packer.length, 0);
      const rows = writes.map(({ batch: { partition, owner } }, i) => ({
        partition,
        key: owner,
        value: new Uint8Array(i),
      }));
      for (const row of rows) packer.row(row);
      assert.deepEqual(
        unpackRows(packer.take()).map(({ value, ...row }) => ({ ...row, value: new Uint8Array(value) })),
        rows,
      );
    }),
    { numRuns: 200 },
  );
});

test('few octets go as a text, many as memory, and the packer goes on with neither in the way of the next', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(write, fc.constantFrom(0, limits.messageTextBytesMax, 70_000)), { minLength: 1, maxLength: 6 }),
      (messages) => {
        const packer = new Packer();
        const taken = messages.map(([one, fillerBytes]) => {
          pack(packer, one);
          if (fillerBytes > 0) packer.write(1, false, 1, 1, 'filler', [['', new Uint8Array(fillerBytes)]]);
          return packer.takeShort();
        });
        for (const [index, [one, fillerBytes]] of messages.entries()) {
          assert.equal(typeof taken[index], fillerBytes === 0 ? 'string' : 'object');
          assert.deepEqual(plain(unpackWrites(taken[index]!).slice(0, 1)), plain([one]));
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('at every distance from the end of the buffer there is room for text and value', () => {
  for (let left = 0; left < 60; left++) {
    const packer = new Packer();
    const filler = new Uint8Array(65_536 - 46 - left);
    const rows = [
      ['', filler],
      ['ÿ€é'.repeat(5), new Uint8Array([1, 2])],
      ['k', null],
    ] as const; // 46: header and first row
    packer.write(7, true, 3, 5, 'owner.1', rows);
    const [unpacked] = unpackWrites(packer.take());
    assert.deepEqual(
      unpacked?.batch.rows.map(([key, value]) => [key, value?.length]),
      rows.map(([key, value]) => [key, value?.length]),
    );
  }
});
