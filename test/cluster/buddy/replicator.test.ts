/**
 * The second copy, against a model: an owner that changes entities, a buddy's memory, a store that is slow or refuses, a
 * link that is late, loses or breaks, a new buddy now and then. At any moment the owner's node may be gone: then whoever
 * takes over must find of each entity what was acknowledged last, or something newer.
 * Seen failing with: the buddy relied on before the store's marker names it; rows of a tail that the store has overtaken
 * laid over it (marker ignored); a first copy that leaves out what came while the name was written; a buddy that takes a
 * copy with a gap; datagrams: a copy that is said again begins the tail anew, rows that came twice laid over newer ones, the link
 * continuing what went as datagrams, nothing said again; a tail forgotten when it was taken instead of when it was stored; removals left out of the tail.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { GateClass } from '../../../cluster/buddy/replicator.ts';
import { limits } from '../../../src/limits.ts';
import { begin, keys, partition, play, step, takeOver, World } from './support/copies.ts';

describe('two copies', () => {
  it('hold what was acknowledged when a node dies, and when the next one dies too', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.array(step, { maxLength: 40 }),
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom('b.1', 'c.1'),
        fc.constantFrom(0, 1_000),
        (first, second, late, settles, begun, heir, room) => {
          const world = new World('buddy');
          world.room = room;
          world.owner.replicator.buddies('b.1', [partition]);
          if (begun) begin(world);
          play(world, first);
          takeOver(world, heir, late);
          // Or dies before it has written anything.
          if (settles) world.settle();
          world.owner.replicator.buddies('b.1', [partition]);
          if (begun) begin(world);
          play(world, second);
          takeOver(world, 'c.1', late);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('answer every write in the end, and the store has everything then', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.constantFrom<GateClass>('buddy', 'store', 'off'),
        fc.constantFrom(0, 1_000),
        (steps, gate, room) => {
          const world = new World(gate);
          world.room = room;
          world.owner.replicator.buddies('b.1', [partition]);
          play(world, steps);
          world.storeFails = false;
          let flushed = false;
          world.settle();
          world.owner.replicator.flush(partition, () => (flushed = true));
          world.settle();
          assert(flushed, 'not flushed');
          const stored = new Map(world.store.load([partition]).map(({ key, value }) => [key, value]));
          for (const [key, changes] of world.owner.changes) {
            const value = stored.get(key);
            if (changes.at(-1) === true) assert.equal(value, undefined);
            else assert.equal(value![0]! | (value![1]! << 8), changes.length);
          }
          assert.equal(world.owner.replicator.stats().behind, 0);
          for (const tails of world.nodes.values()) assert(tails.stats.rows <= keys.length);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('are acknowledged to nobody who has lost the partition', () => {
    const world = new World('buddy');
    world.owner.replicator.buddies('b.1', [partition]);
    begin(world);
    const late = world.owner;
    takeOver(world, 'c.1', false);
    late.alive = true;
    late.change('call:1', false, false);
    world.deliverToBuddy();
    world.deliverToOwner();
    assert.equal(late.acked.get('call:1'), 2);
  });

  it('are acknowledged in time whatever becomes of datagrams, as long as the link is there', () => {
    const fates = fc.constantFrom('taken', 'lost', 'twice', 'late', 'unanswered');
    const change = fc.record({
      key: fc.nat(2),
      pauseMs: fc.constantFrom(0, 0, 10, 40, 70),
      room: fc.constantFrom(1_000, 1_000, 20),
    });
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 30 }),
        fc.array(fates, { minLength: 30, maxLength: 30 }),
        (plan, fate) => {
          const world = new World('buddy');
          world.owner.replicator.buddies('b.1', [partition]);
          begin(world);
          // From now on nothing of it reaches the store: only the buddy can acknowledge.
          let sent = 0;
          const late: typeof world.datagrams = [];
          const pass = (): void => {
            for (const datagram of world.datagrams.splice(0)) {
              const what = fate[sent++ % fate.length]!;
              if (what === 'late') late.push(datagram);
              if (what === 'lost' || what === 'late') continue;
              for (let times = what === 'twice' ? 2 : 1; times > 0; times--) {
                world.datagrams.push(datagram);
                world.deliverDatagram();
              }
              if (what === 'unanswered') world.answers.pop();
            }
            while (world.answers.length > 0) world.deliverAnswer(sent);
            while (world.toBuddies.length > 0) world.deliverToBuddy();
            while (world.toOwner.length > 0) world.deliverToOwner();
          };
          const wait = (ms: number): void => {
            for (let passed = 0; passed < ms; passed += 10) {
              world.nowMs += 10;
              world.owner.replicator.tick();
              pass();
            }
          };
          for (const { key, pauseMs, room } of plan) {
            world.room = room;
            world.owner.change(keys[key]!, false, false);
            pass();
            wait(pauseMs);
            if (pauseMs === 70) world.datagrams.push(...late.splice(0));
          }
          // Once more when an acknowledgement came that was of something before.
          wait(2 * limits.copyAgainMs + limits.timerTickMs);
          for (const key of keys) assert.equal(world.owner.acked.get(key), world.owner.changes.get(key)!.length);
          const bad = world.owner.counted.filter((metric) => metric !== 'copy.again');
          assert.deepEqual(bad, [], 'the buddy was given up');
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('open the gate without the store once the buddy is named', () => {
    const world = new World('buddy');
    world.owner.replicator.buddies('b.1', [partition]);
    world.owner.change('call:1', false, false);
    world.settle();
    world.owner.change('call:1', false, false);
    world.deliverToBuddy();
    world.deliverToOwner();
    assert.equal(world.owner.acked.get('call:1'), 2);
    assert.equal(world.storeQueue.length, 0);
    world.storeFails = true;
    world.owner.change('aor:3', false, true);
    world.deliverToBuddy();
    world.deliverToOwner();
    assert.equal(world.owner.acked.get('aor:3'), undefined);
    world.storeQueue.shift()!();
    assert.equal(world.owner.acked.get('aor:3'), 1, 'two memories must do while the store is away');
    assert(world.owner.counted.includes('gate.degraded'));
  });
});
