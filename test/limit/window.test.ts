// The bound of a window: in no span of its length, wherever it begins, more requests are let through than it allows, whatever
// is lent, when it is used, and how often the window is packed and unpacked between. And it does not refuse for nothing.
// Seen failing with: what is lent counted from when it was lent, the time of entries rounded down, entries not packed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LentCredits } from '../../src/limit/credits.ts';
import { Window } from '../../src/limit/window.ts';
import { limits } from '../../src/limits.ts';

const startMs = 1_795_000_000_000;

/** Requests of several workers, which use what they are lent as late as they may; the times at which one was let through. */
function play(requests: number, perMs: number, gaps: readonly number[], workers: number, packs: boolean): number[] {
  let window = new Window(requests, perMs);
  const credits = Array.from({ length: workers }, () => new LentCredits());
  const passed: number[] = [];
  let nowMs = startMs;
  for (const [index, gap] of gaps.entries()) {
    nowMs += gap;
    const own = credits[index % workers]!;
    const known = own.take('x', requests, perMs, nowMs);
    if (known !== undefined) {
      if (known.granted) passed.push(nowMs);
      continue;
    }
    if (packs) window = Window.unpack(JSON.parse(JSON.stringify(window.pack())) as unknown[]);
    const { granted, untilMs } = window.take(own.wanted('x', nowMs), nowMs);
    if (granted > 0) passed.push(nowMs);
    const permit = { granted: granted > 0, value: 1, limit: requests, retryAfterSeconds: 0 };
    own.lend('x', permit, perMs, granted - 1, untilMs);
  }
  return passed;
}

function mostIn(spanMs: number, times: readonly number[]): number {
  let most = 0;
  let first = 0;
  for (const [index, atMs] of times.entries()) {
    while (times[first]! <= atMs - spanMs) first++;
    most = Math.max(most, index - first + 1);
  }
  return most;
}

test('never more than allowed in any span', () => {
  const gaps = fc.array(fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 400 })), { maxLength: 400 });
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 200 }),
      fc.integer({ min: 1, max: 5_000 }),
      gaps,
      fc.integer({ min: 1, max: 4 }),
      fc.boolean(),
      (requests, perMs, times, workers, packs) => {
        assert(mostIn(perMs, play(requests, perMs, times, workers, packs)) <= requests);
      },
    ),
    { numRuns: 300 },
  );
});

for (const [requests, workers] of [
  [10, 1],
  [10, 6],
  [1_000, 6],
] as const) {
  test(`three times as many as ${requests} a second at ${workers} workers: at least nine of ten are let through`, () => {
    const gaps = Array.from({ length: requests * 30 }, (_, index) => (index % 3 === 0 ? 1_000 / requests : 0));
    const passed = play(requests, 1_000, gaps, workers, false);
    const seconds = Math.floor((passed.at(-1)! - startMs) / 1_000);
    assert(seconds >= 9, `${seconds}`);
    for (let second = 1; second < seconds; second++) {
      const from = startMs + second * 1_000;
      const count = passed.filter((atMs) => atMs >= from && atMs < from + 1_000).length;
      assert(count <= requests && count >= requests * 0.75 - 1, `${count} in second ${second}`);
    }
    assert(passed.length / seconds >= requests * 0.88, `${passed.length / seconds} a second`);
  });
}

test('a name that is rarely asked for borrows nothing', () => {
  const window = new Window(1_000, 1_000);
  const credits = new LentCredits();
  for (let at = 0; at < 10_000; at += 500)
    assert.equal(window.take(credits.wanted('x', startMs + at), startMs + at).granted, 1);
});

test('another limit keeps what was used', () => {
  const window = new Window(5, 1_000);
  for (let count = 0; count < 5; count++) assert.equal(window.take(1, startMs).granted, 1);
  const more = window.withLimit(7, 2_000);
  assert.equal(more.take(1, startMs + 500).granted, 1);
  assert.equal(more.count(startMs + 1_500), 6);
  assert.equal(more.take(9, startMs + 1_500).granted, 1);
  assert.equal(more.take(1, startMs + 1_500).granted, 0);
});

test('who hears that nothing is free says so itself until something may be, and asks then', () => {
  const credits = new LentCredits();
  assert.equal(credits.take('x', 5, 1_000, startMs), undefined);
  assert.equal(credits.wanted('x', startMs), 1);
  const over = { granted: false, value: 5, limit: 5, retryAfterSeconds: 3 };
  credits.lend('x', over, 1_000, -1, startMs + 100);
  assert.deepEqual(credits.take('x', 5, 1_000, startMs + 99), over);
  assert.equal(credits.take('x', 6, 1_000, startMs + 99), undefined);
  assert.equal(credits.take('x', 5, 1_000, startMs + 100), undefined);
  const window = new Window(1, 60_000);
  assert.equal(window.take(1, startMs).granted, 1);
  assert.deepEqual(window.take(1, startMs), { granted: 0, untilMs: startMs + limits.refusalMsMax });
});

test('what was lent is not used after its time, nor for another limit', () => {
  const credits = new LentCredits();
  const permit = { granted: true, value: 1, limit: 100, retryAfterSeconds: 0 };
  credits.wanted('x', startMs);
  credits.lend('x', permit, 1_000, 2, startMs + 100);
  assert.equal(credits.take('x', 50, 1_000, startMs + 1), undefined);
  assert.deepEqual(credits.take('x', 100, 1_000, startMs + 99), permit);
  assert.equal(credits.take('x', 100, 1_000, startMs + 100), undefined);
  // Those that are left of a loan that is over are gone, and do not shorten the next one.
  credits.lend('x', permit, 1_000, 1, startMs + 300);
  assert.deepEqual(credits.take('x', 100, 1_000, startMs + 299), permit);
  assert.equal(credits.take('x', 100, 1_000, startMs + 299), undefined);
});
