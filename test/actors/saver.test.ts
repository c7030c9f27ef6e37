/**
 * What the saver asks of a write, seen through a partition.
 * Seen failing with: a batch that is durable only for what changed since the last one; what ends while it is handed over taken
 * out, when it falls asleep or when its row is asked for.
 */
import assert from 'node:assert';
import test from 'node:test';
import type { Late, Row } from '../../actors/ports.ts';
import { Saver } from '../../actors/saver.ts';
import { KindTable, Slot, WakeUp } from '../../actors/slot.ts';
import { packState } from '../../actors/snapshot.ts';
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

for (const when of ['before it falls asleep', 'before its row is asked for', 'never'] as const)
  test(`a row of what has ended is taken out unless the next owner is to have it, who takes over: ${when}`, () => {
    const world = new World();
    let rowOf: (late: Late) => Row | undefined = () => assert.fail('not kept');
    const keep = (...[, , , , its]: [number, number, string, Late, typeof rowOf]): boolean => {
      rowOf = its;
      return true;
    };
    const ports = { clock: { monotonicMs: () => 0, clusterMs: () => 0 }, isUngated: true, keep };
    const owner = { number: 1, epoch: 1, owner: 'a.1' };
    // Nothing else of both is asked for.
    const saver = new Saver(
      ports as unknown as ConstructorParameters<typeof Saver>[0],
      owner as unknown as ConstructorParameters<typeof Saver>[1],
    );
    const slot = new Slot(new KindTable('call', world.behaviours, 1), 'a');
    slot.packed = packState([1]);
    slot.stored = true;
    slot.wakeUp = new WakeUp(slot, { timerDue: () => {} });
    slot.wakeUp.isEnd = true;
    saver.isFrozen = when === 'before it falls asleep';
    assert(saver.keep(slot, true));
    assert.equal(slot.unsaved, !saver.isFrozen, 'only a hand-over would write it');
    saver.isFrozen = when !== 'never';
    assert.equal(rowOf(slot)?.[1] === null, when === 'never');
    assert.equal(slot.stored, when !== 'never');
    // And what nobody has taken out stays.
    saver.isFrozen = false;
    const again = rowOf(slot);
    assert.equal(again === undefined, when === 'never');
    assert.notStrictEqual(again?.[1], null);
  });
