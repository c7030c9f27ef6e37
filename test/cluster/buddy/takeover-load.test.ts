// Loading what earlier owners left, however the store cuts it into pieces. Seen failing with: the last partition of a piece
// taken for complete.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Left, Takeover } from '../../../cluster/buddy/takeover.ts';
import type { Ended } from '../../../cluster/store-access.ts';
import { type LoadedRow, StoreError } from '../../../cluster/store-ports.ts';

interface World {
  readonly taken: Left[];
  readonly failures: StoreError[];
  piece(rows: LoadedRow[]): void;
  end: Ended;
}

function load(partitions: readonly number[]): World {
  let piece: World['piece'] | undefined;
  let end: Ended | undefined;
  const takeover = new Takeover({
    node: 'a',
    store: {
      write: () => assert.fail('nothing to write'),
      user: () => assert.fail('nobody to ask for'),
      loadPieces: (_partitions, onRows, done) => ([piece, end] = [onRows, done]),
    },
    nowMs: () => 0,
    toBuddy: () => assert.fail('nobody to ask'),
    later: () => {},
    count: () => {},
  });
  const taken: Left[] = [];
  const failures: StoreError[] = [];
  takeover.load(
    partitions.map((partition) => ({ partition, epoch: 1 })),
    (left) => taken.push(left),
    (error) => failures.push(error),
  );
  assert(piece !== undefined && end !== undefined);
  return { taken, failures, piece, end };
}

const one = fc.tuple(fc.nat(4_095), fc.nat(4));

test('each partition is taken once, in order, with all of its rows, and before the next one has them', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(one, { maxLength: 12, selector: ([partition]) => partition }),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }),
      fc.nat(30),
      (counts, sizes, failAfter) => {
        const rows = counts.flatMap(([partition, count]) =>
          Array.from({ length: count }, (_, key): LoadedRow => ({
            partition,
            key: `aor:${key}`,
            value: Buffer.of(key),
          })),
        );
        const world = load(counts.map(([partition]) => partition));
        let given = 0;
        for (let piece = 0; given < rows.length && piece < failAfter; piece++) {
          const size = sizes[piece % sizes.length]!;
          world.piece(rows.slice(given, given + size));
          given = Math.min(rows.length, given + size);
          // All before the one that the last row is of.
          const last = counts.findIndex(([partition]) => partition === rows[given - 1]!.partition);
          assert.equal(world.taken.length, last);
        }
        const fails = given < rows.length;
        world.end(fails ? new StoreError('busy', 'a bad moment') : undefined);
        assert.equal(world.failures.length, fails ? 1 : 0);
        if (!fails) assert.equal(world.taken.length, counts.length);
        for (const [index, left] of world.taken.entries()) {
          const [partition, count] = counts[index]!;
          assert.deepEqual(left.share, { partition, epoch: 1 });
          assert.deepEqual(
            left.rows.map(({ key }) => key),
            Array.from({ length: count }, (_, key) => `aor:${key}`),
          );
        }
      },
    ),
  );
});

test('a row that nobody waits for does not get lost silently', () => {
  const world = load([3, 4]);
  world.piece([{ partition: 4, key: 'aor:x', value: Buffer.of(1) }]);
  assert.throws(() => world.piece([{ partition: 3, key: 'aor:y', value: Buffer.of(1) }]), /too late or unasked/);
});
