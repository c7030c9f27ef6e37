/**
 * What a worker holds is brought into a store that has lost some of it. Seen failing with: sleeping entities left out; rows
 * of entities that are over left in the store; an error of the store taken for an empty one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { saveAgain } from '../../cluster/save-again.ts';
import { StoreError } from '../../cluster/store-ports.ts';
import { World } from '../actors/partition-world.ts';

test('everything held is written anew, and what came back from the past is taken out', () => {
  const world = new World();
  world.tell('a', [1, 'add', 1, 'store']);
  world.tell('over', [2, 'add', 1, 'store']);
  world.drain();
  const rows = world.writes[0]!.rows.map(([key, value]) => ({ partition: 1, key, value: value! }));
  world.answerAll();
  world.tell('over', [3, 'stop', 0, 'store']);
  world.drain();
  world.answerAll();
  const before = world.writes.length;
  let tries = 0;
  const again: (() => void)[] = [];
  saveAgain([{ partition: 1, epoch: 5 }], {
    store: {
      loadPieces: (_partitions, onRows, done) => {
        if (tries++ === 0) return done(new StoreError('unreachable', 'not now'));
        onRows(rows.filter(({ key }) => key === 'call:over'));
        done(undefined);
      },
    },
    held: () => world.partition,
    later: (run) => void again.push(run),
  });
  assert.equal(world.writes.length, before, 'nothing before it is known what is left');
  again[0]!();
  assert.equal(world.writes.length, before + 1);
  const written = new Map(world.writes.at(-1)!.rows);
  assert.ok(written.get('call:a') instanceof Uint8Array);
  assert.equal(written.get('call:over'), null);
  world.answerAll();
  assert.equal(world.partition.stats().entities.call, 1);
});

test('what is not held any more is left alone', () => {
  saveAgain([{ partition: 1, epoch: 5 }], {
    store: { loadPieces: () => assert.fail('nothing to read') },
    held: () => undefined,
    later: () => assert.fail('nothing to do'),
  });
});
