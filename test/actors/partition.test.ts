/**
 * The partition under random inputs, store answers, failures, hand-offs and deaths (invariants 30, 31, 32 and 35); the toys
 * and the world of `partition-world.ts` check every turn, packet and write.
 * Seen failing with: effects let out whether the gate is open or not; a crash that forgets the deletion of an entity that was
 * stopped before; packets of a lost turn kept behind the gate; rows written without their wake-up time; a failed write not
 * tried again; a promise let out by a failed write, or forgotten by a crash; of several broken promises
 * only the last undone; what was undone not written again; asks that outlive their entity; a drain while frozen; changes that nobody saved lost by a hand-over.
 */
import assert from 'node:assert';
import test from 'node:test';
import fc from 'fast-check';
import { limits } from '../../src/limits.ts';
import type { Command, Op } from './partition-toy.ts';
import { World } from './partition-world.ts';

const keys = ['a', 'b', 'c'];
const gate = fc.constantFrom<Command[3]>('no', 'none', 'store', 'store', 'promise');
const tell = (op: Op, argument: fc.Arbitrary<number | string>): fc.Arbitrary<Action> =>
  fc.record({ do: fc.constant('tell' as const), key: fc.constantFrom(...keys), op: fc.constant(op), argument, gate });

type Action =
  | { do: 'tell'; key: string; op: Op; argument: number | string; gate: Command[3] }
  | {
      do: 'drain' | 'apply' | 'apply badly' | 'answer' | 'hand over' | 'freeze and resume' | 'kill' | 'look';
      pick: number;
    }
  | { do: 'advance' | 'far answers'; pick: number };

const simple = (what: Exclude<Action['do'], 'tell'>, weight: number, max = 9): fc.WeightedArbitrary<Action> => ({
  weight,
  arbitrary: fc.record({ do: fc.constant(what), pick: fc.nat(max) }) as fc.Arbitrary<Action>,
});

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 12, arbitrary: tell('add', fc.integer({ min: 1, max: 9 })) },
  { weight: 3, arbitrary: tell('timer', fc.integer({ min: -10, max: 20_000 })) },
  { weight: 1, arbitrary: tell('clear', fc.constant(0)) },
  { weight: 3, arbitrary: tell('ask', fc.constantFrom('a', 'b', 'c', 'far')) },
  { weight: 2, arbitrary: tell('stop', fc.constant(0)) },
  { weight: 2, arbitrary: tell('crash', fc.constant(0)) },
  simple('drain', 12),
  simple('apply', 8),
  simple('apply badly', 1),
  simple('answer', 8),
  simple('advance', 5, 8_000),
  simple('far answers', 2),
  simple('hand over', 1),
  simple('freeze and resume', 1),
  simple('kill', 1),
  simple('look', 1),
);

test('no input, failure or move makes an entity lose its place, or a packet leave too early', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 120, size: 'max' }), (actions) => {
      const world = new World();
      let serial = 0;
      for (const each of actions) {
        if (each.do === 'tell') world.tell(each.key, [++serial, each.op, each.argument, each.gate]);
        else step(world, each.do, each.pick);
        assert.equal(world.load.queuedItems, world.partition.stats().queued, 'the load of the worker is wrong');
      }
      settle(world);
      // Nothing waits, nothing is owed, and what sleeps is what the store has or better.
      const stats = world.partition.stats();
      assert.deepStrictEqual(
        { ...stats, entities: 0, awake: 0 },
        { ...stats, entities: 0, awake: 0, queued: 0, unwritten: 0, writesInFlight: 0, asks: 0, frozen: false },
      );
      assert.equal(stats.awake, 0, 'something idle is awake');
      for (const key of keys) assert.deepStrictEqual(world.of(key).promises, [], 'neither answered nor refused');
      const living = keys.filter((key) => world.of(key).live !== undefined);
      assert.equal(stats.entities.call, living.length);
      for (const key of living) {
        const deadlineMs = world.of(key).live![4] as number;
        assert(deadlineMs === 0 || deadlineMs > world.nowMs - 10, 'a timer was forgotten');
      }
      assert.deepStrictEqual(
        world.partition
          .list('call')
          .map(({ key }) => key)
          .toSorted(),
        living,
      );
      // After a clean hand-over everything is where it was, to the last unsaved change.
      step(world, 'hand over', 0);
      for (const key of living)
        assert.equal((world.partition.find('call', key)!.view as { total: number }).total, world.of(key).live![3]);
      world.partition.close();
      assert.equal(world.wheel.size, 0, 'a timer outlived its partition');
      assert.equal(world.load.queuedItems, 0);
    }),
    { numRuns: 400 },
  );
});

function step(world: World, what: Exclude<Action['do'], 'tell'>, pick: number): void {
  switch (what) {
    case 'drain':
      return world.drain();
    case 'apply':
      return world.apply(true);
    case 'apply badly':
      return world.apply(false, pick % 2 === 0);
    case 'answer':
      return world.answer(pick);
    case 'advance':
      return world.advance(pick);
    case 'look':
      world.partition.list('call');
      return;
    case 'far answers': {
      const posted = world.posted.splice(pick % Math.max(1, world.posted.length), 1)[0];
      if (posted?.envelope.type !== 'ask') return;
      const { asker } = posted.envelope;
      // Twice: the second is to an id that is known no more.
      for (let copies = 0; copies < 2; copies++)
        world.partition.deliver({ to: asker, type: 'answer', id: asker.id, body: 'far' });
      return;
    }
    case 'hand over': {
      let frozen: string | undefined;
      const former = world.partition;
      former.freeze((result) => (frozen = result));
      while (frozen === undefined) {
        assert(world.writes.length > 0, 'frozen with nothing to wait for');
        world.apply(true);
        world.answer(pick);
      }
      if (frozen === 'failed') return former.resume();
      assert.equal(former.drain(), false);
      const held = former.takeHeld();
      former.close();
      assert.deepStrictEqual(former.takeHeld(), []);
      return world.takeOver(held);
    }
    case 'freeze and resume': {
      world.partition.freeze(() => {});
      assert.equal(world.partition.drain(), false, 'drained while frozen');
      world.advance(pick * 10);
      world.answerAll();
      return world.partition.resume();
    }
    case 'kill':
      return world.kill();
  }
}

function settle(world: World): void {
  for (let rounds = 0; rounds < 75; rounds++) {
    world.drain();
    world.answerAll();
    world.advance(limits.passivateSweepMs);
  }
}
