/**
 * A transaction that moves to another node. Seen failing with: `repeatAtCap` left out of the array, so that a moved BYE
 * in Proceeding fell back to the doubling intervals.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { ClientTransaction, ServerTransaction } from '../../src/transaction/machine.ts';
import { pack, unpack } from '../../src/transaction/pack.ts';
import { tables } from '../../src/transaction/tables.ts';
import { flowOf, runTable, scripts } from './world.ts';

for (const table of tables) {
  test(`${table.kind}: moving between any two inputs changes nothing`, () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        scripts(table),
        fc.subarray([1, 2, 3, 4, 5, 6, 7, 8]),
        (reliable, inputs, moveAfter) => {
          const stayed = runTable(table, reliable, inputs);
          const moved = runTable(table, reliable, inputs, { moveAfter });
          assert.deepEqual(moved.happenings, stayed.happenings);
          assert.deepEqual(moved.stateAfter, stayed.stateAfter);
        },
      ),
      { numRuns: 300 },
    );
  });
}

test('the class and every field come back', () => {
  const tx = new ServerTransaction('server', 'BYE a:5060 z9hG4bK1', flowOf(true));
  tx.sent = Uint8Array.of(1, 2, 3);
  const back = unpack(decode(encode(pack(tx))) as unknown[]);
  assert(back instanceof ServerTransaction);
  assert.deepEqual(JSON.stringify(back), JSON.stringify(tx));
  assert(unpack(pack(new ClientTransaction('client', 'k', flowOf(false)))) instanceof ClientTransaction);
});

test('anything but our own writing is refused', () => {
  const good = pack(new ClientTransaction('client', 'k', flowOf(false)));
  assert.throws(() => unpack([]));
  good.forEach((_, index) => {
    // 'repeatAtCap' is read as a flag: whatever is not true is false.
    if (index !== 9) assert.throws(() => unpack(good.with(index, { broken: true })), `position ${index}`);
  });
});
