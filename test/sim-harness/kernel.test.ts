/**
 * Time and chance of the simulator. Seen failing with: a new event put before those of its time; pages after a long pause
 * opened in the order in which they were made; held events given back in another order; a stream that shares its state with
 * another.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Kernel, Owner } from '../../sim/kernel.ts';
import { Chance } from '../../sim/random.ts';

test('events run by time, those of one time as they were made', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 60 }), (delays) => {
      const kernel = new Kernel();
      const ran: (readonly [number, number])[] = [];
      for (const [index, delay] of delays.entries()) kernel.at(delay, undefined, () => ran.push([kernel.nowMs, index]));
      kernel.run(100);
      const expected = delays
        .map((delay, index) => [delay, index] as const)
        .toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
      assert.deepEqual(ran, expected);
    }),
  );
});

const delays = fc.oneof(fc.constant(0), fc.nat(20), fc.double({ min: 0, max: 50, noNaN: true }), fc.nat(60_000));

test('so do those that events make, however far away, wherever time stops in between', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(delays, fc.array(delays, { maxLength: 3 })), { maxLength: 30 }),
      fc.array(fc.nat(130_000), { maxLength: 4 }),
      (plan, stops) => {
        const kernel = new Kernel();
        const made: { readonly atMs: number; readonly number: number }[] = [];
        const ran: number[] = [];
        const add = (delayMs: number, then: readonly number[]): void => {
          const number = made.push({ atMs: kernel.nowMs + delayMs, number: made.length }) - 1;
          kernel.at(delayMs, undefined, () => {
            assert.equal(kernel.nowMs, made[number]!.atMs);
            ran.push(number);
            for (const each of then) add(each, []);
          });
        };
        for (const [delayMs, then] of plan) add(delayMs, then);
        for (const stop of [...stops.toSorted((a, b) => a - b), 130_000]) kernel.run(stop);
        const expected = made.toSorted((a, b) => a.atMs - b.atMs || a.number - b.number);
        assert.deepEqual(
          ran,
          expected.map(({ number }) => number),
        );
      },
    ),
    { numRuns: 300 },
  );
});

test('the dead do nothing, the stopped do it later and in order', () => {
  const kernel = new Kernel();
  const process = new Owner('process');
  const [thread, doomed] = [new Owner('thread', process), new Owner('doomed', process)];
  const ran: string[] = [];
  for (const at of [10, 20, 30]) kernel.at(at, thread, () => ran.push(`${at} at ${kernel.nowMs}`));
  kernel.at(20, doomed, () => ran.push('a dead thread ran'));
  kernel.at(15, undefined, () => process.pause());
  kernel.at(16, undefined, () => doomed.die());
  kernel.at(50, undefined, () => kernel.resume(process));
  kernel.run(100);
  assert.deepEqual(ran, ['10 at 10', '20 at 50', '30 at 50']);
});

test('a stream is the same whatever the others do', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(30), (seed, draws) => {
      const [alone, together] = [new Chance(seed), new Chance(seed)];
      for (let index = 0; index < draws; index++) together.stream('other').u32();
      assert.equal(alone.stream('net').u32(), together.stream('net').u32());
      assert.notEqual(alone.stream('net'), alone.stream('other'));
    }),
  );
});

test('chance is even enough', () => {
  const stream = new Chance(7).stream('even');
  const counts = new Array<number>(10).fill(0);
  for (let index = 0; index < 10_000; index++) counts[Math.floor(stream.fraction() * 10)]!++;
  for (const count of counts) assert.ok(count > 850 && count < 1_150, counts.join(' '));
});
