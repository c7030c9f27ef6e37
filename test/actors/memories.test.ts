/**
 * What sleepers remember, against a map: the same octets until their time, nothing after it, and pieces are given back.
 * Seen failing with: owners of a dropped piece keep their place; a piece given back at the time of its first entry.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Memories, nowhere } from '../../actors/memories.ts';
import type { Rememberer } from '../../actors/memories.ts';
import { Wheel } from '../../actors/wheel.ts';
import { limits } from '../../src/limits.ts';

const start = 1_795_000_000_000;
const action = fc.oneof(
  fc.record({
    do: fc.constant('put' as const),
    owner: fc.nat(7),
    octets: fc.oneof(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 200_000 })),
    forMs: fc.integer({ min: 1, max: 60_000 }),
  }),
  fc.record({ do: fc.constant('take' as const), owner: fc.nat(7) }),
  fc.record({ do: fc.constant('pass' as const), ms: fc.oneof(fc.integer({ min: 0, max: 20_000 }), fc.nat(200_000)) }),
);

test('whoever remembers something has it until its time has passed, and no longer', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      let nowMs = start;
      const wheel = new Wheel(nowMs);
      const memories = new Memories(wheel);
      const owners = Array.from({ length: 8 }, (): Rememberer => ({ memoryAt: nowhere }));
      const known = new Map<number, { octets: Buffer; untilMs: number }>();
      for (const [serial, each] of actions.entries()) {
        if (each.do === 'put') {
          const octets = Buffer.alloc(each.octets, serial + 1);
          assert(memories.put(owners[each.owner]!, octets, nowMs + each.forMs));
          known.set(each.owner, { octets, untilMs: nowMs + each.forMs });
        } else if (each.do === 'take') {
          const expected = known.get(each.owner);
          const taken = memories.take(owners[each.owner]!, nowMs);
          known.delete(each.owner);
          if (expected === undefined || expected.untilMs <= nowMs) assert.equal(taken, undefined);
          else assert(taken?.equals(expected.octets), 'other octets than were put');
        } else {
          nowMs += each.ms;
          wheel.advance(nowMs);
        }
      }
      wheel.advance(nowMs + 60_010);
      wheel.advance(nowMs + 120_020);
      assert.equal(memories.pieceCount, 0);
      assert(owners.every(({ memoryAt }) => memoryAt === nowhere));
      assert.equal(wheel.size, 0);
    }),
  );
});

test('what is larger than a piece is not remembered', () => {
  const memories = new Memories(new Wheel(start));
  const owner = { memoryAt: nowhere };
  assert.equal(memories.put(owner, Buffer.alloc(limits.memoryPieceBytes), start + 1_000), false);
  assert.equal(owner.memoryAt, nowhere);
});
