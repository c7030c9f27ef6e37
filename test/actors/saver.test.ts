/**
 * What the saver asks of a write, seen through a partition.
 * Seen failing with: a batch that is durable only for what changed since the last one.
 */
import assert from 'node:assert';
import test from 'node:test';
import { World } from './partition-world.ts';

test('a write behind one that must survive the machine waits for the same: its answer would open the gate of both', () => {
  const world = new World();
  const say = (serial: number, key: string, gate: 'store' | 'durable'): void => {
    world.tell(key, [serial, 'add', 1, gate]);
    world.drain();
  };
  say(1, 'a', 'durable');
  say(2, 'a', 'store');
  say(3, 'b', 'store');
  assert.deepStrictEqual(
    world.writes.map(({ durable }) => durable),
    [true, true, false],
    'that of another entity does not',
  );
  world.answerAll();
  say(4, 'a', 'store');
  assert.equal(world.writes.at(-1)!.durable, false, 'it is stored now');
});
