/** What holds for every transaction, whatever its figure. Each function throws when a run breaks its sentence. */
import assert from 'node:assert/strict';
import type { Run } from './world.ts';

const times = (run: Run, pattern: RegExp): number[] =>
  run.happenings.filter((h) => pattern.test(h.what)).map((h) => h.atMs);

/** 17.1.1.2 and all others: after Terminated nothing is sent, passed or told, and no timer runs. */
export function terminatedIsAbsorbing(run: Run): void {
  const end = run.happenings.findIndex((h) => h.what === 'end');
  if (end === -1) return;
  for (const after of run.happenings.slice(end + 1)) assert.match(after.what, /^unexpected /);
  assert.deepEqual(run.running, []);
}

/** Timers A, E and G are for unreliable transports only. */
export function reliableNeverRepeats(run: Run): void {
  if (!run.reliable) return;
  for (const timer of run.started) assert.doesNotMatch(timer, /[AEG]/);
}

/** No timer goes off in a state that does not know it: whoever leaves a state stops its timers. */
export function timersAreKnown(run: Run): void {
  for (const { what } of run.happenings) assert.doesNotMatch(what, /^unexpected [A-Z]$/);
}

/** Nobody gives up before 64*T1, counted from the first transmission that could be given up on. */
export function noEarlyTimeout(run: Run): void {
  const firstSendMs = times(run, /^send /)[0];
  for (const atMs of times(run, /^tell timeout$/)) {
    assert(firstSendMs !== undefined && atMs - firstSendMs >= 32_000, `gave up after ${atMs - (firstSendMs ?? 0)} ms`);
  }
}

/** Repetitions come no faster than T1 apart, and what is repeated is what was last sent. */
export function repeatsTheLast(run: Run): void {
  let last = -1;
  for (const { what } of run.happenings) {
    const [verb, id] = what.split(' ');
    if (verb === 'send') last = Number(id);
    if (verb === 'resend') assert.equal(Number(id), last);
  }
}

/** The TU hears of each message once at most. */
export function passesOnce(run: Run): void {
  const passed = run.happenings.filter((h) => h.what.startsWith('pass ')).map((h) => h.what);
  assert.equal(new Set(passed).size, passed.length);
}

export function everyInvariant(run: Run): void {
  terminatedIsAbsorbing(run);
  reliableNeverRepeats(run);
  timersAreKnown(run);
  noEarlyTimeout(run);
  repeatsTheLast(run);
  passesOnce(run);
}

/** The moments of timer A after a first transmission at `fromMs`, as the prose of 17.1.1.1 says them: 500 ms, then doubled. */
export function doublingMoments(fromMs: number, beforeMs: number): number[] {
  const moments: number[] = [];
  let atMs = fromMs;
  for (let gapMs = 500; (atMs += gapMs) < beforeMs; gapMs += gapMs) moments.push(atMs);
  return moments;
}

/** The moments of timers E and G: "500 ms, 1 s, 2 s, 4 s, 4 s, 4 s, etc." (17.1.2.2). */
export function cappedMoments(fromMs: number, beforeMs: number): number[] {
  const moments: number[] = [];
  let atMs = fromMs;
  for (let index = 0; (atMs += [500, 1000, 2000][index] ?? 4000) < beforeMs; index += 1) moments.push(atMs);
  return moments;
}

/** Compares what happened with what the figure, told as arithmetic, says must happen: line by line, in order. */
export function sameHappenings(run: Run, expected: readonly (readonly [atMs: number, what: string])[]): void {
  const lines = expected
    .map(([atMs, what], index) => ({ atMs, what, index }))
    .sort((a, b) => a.atMs - b.atMs || a.index - b.index);
  assert.deepEqual(
    run.happenings.map((h) => `${h.atMs} ${h.what}`),
    lines.map((l) => `${l.atMs} ${l.what}`),
  );
}
