/** The set of partitions beside a plain set that is sorted. Seen failing with: the sign bit of a word left out; the next word not looked at. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PartitionSet } from '../../cluster/partition-set.ts';

const sizes = fc.constantFrom(1, 16, 31, 32, 33, 64, 100, 4_096);

test('holds what was added and not deleted, and gives it in ascending order from anywhere', () => {
  fc.assert(
    fc.property(
      sizes,
      fc.array(fc.record({ what: fc.constantFrom('add', 'add', 'delete', 'all'), at: fc.nat(4_095) }), {
        maxLength: 60,
      }),
      fc.nat(4_096),
      (size, steps, from) => {
        const set = new PartitionSet(size);
        const model = new Set<number>();
        for (const { what, at } of steps) {
          const partition = at % size;
          if (what === 'add') {
            set.add(partition);
            model.add(partition);
          } else if (what === 'delete') {
            set.delete(partition);
            model.delete(partition);
          } else {
            set.addAll();
            for (let each = 0; each < size; each++) model.add(each);
          }
        }
        const found: number[] = [];
        for (let at = set.next(from); at >= 0; at = set.next(at + 1)) found.push(at);
        assert.deepEqual(
          found,
          [...model].filter((each) => each >= from).sort((a, b) => a - b),
        );
      },
    ),
    { numRuns: 500 },
  );
});
