/**
 * RFC 3261 figure 6, told a second time without states: from the moments of the inputs it computes what must happen and
 * when. Written from the prose of 17.1.2, not from the table.
 */
import assert from 'node:assert/strict';
import { cappedMoments, everyInvariant, sameHappenings } from './invariants.ts';
import type { Run } from './world.ts';

const patienceMs = 32_000;
const clearMs = 5_000;

export function clientFigure(run: Run): void {
  everyInvariant(run);
  const expected: [number, string][] = [[0, 'send 0']];
  const decisive = run.inputs.find((i) => i.event !== '1xx' && i.atMs < patienceMs);
  const decidedMs = decisive?.atMs ?? patienceMs;
  const provisional = run.inputs.find((i) => i.event === '1xx' && i.atMs < decidedMs);
  if (!run.reliable)
    for (const atMs of requestMoments(provisional?.atMs ?? Infinity, decidedMs)) expected.push([atMs, 'resend 0']);
  if (decisive === undefined) expected.push([patienceMs, 'tell timeout']);
  if (decisive?.event === 'transport-error') expected.push([decidedMs, 'tell transport-error']);
  const answered = decisive !== undefined && decisive.event !== 'transport-error';
  const endMs = answered && !run.reliable ? decidedMs + clearMs : decidedMs;
  for (const { atMs, event, id } of run.inputs) {
    if (id === decisive?.id ? answered : event === '1xx' && atMs < decidedMs) expected.push([atMs, `pass ${id}`]);
    else if (id !== decisive?.id && (atMs > endMs || event === 'transport-error'))
      expected.push([atMs, `unexpected ${event}`]);
    if (atMs === endMs) expected.push([atMs, 'end']);
  }
  if (endMs !== decisive?.atMs) expected.push([endMs, 'end']);
  sameHappenings(run, expected);
  assert.equal(run.stateAfter[0], 'trying');
  for (const { atMs, event, id } of run.inputs)
    if (event === '1xx' && atMs < decidedMs) assert.equal(run.stateAfter[id], 'proceeding');
}

/** Intervals double up to T2 until a provisional response came; the interval that is then running ends as begun, all later are T2. */
function requestMoments(provisionalMs: number, beforeMs: number): number[] {
  const moments = cappedMoments(0, beforeMs);
  const kept = moments.filter((atMs) => atMs < provisionalMs);
  const pending = moments[kept.length];
  if (pending === undefined) return kept;
  for (let atMs = pending; atMs < beforeMs; atMs += 4_000) kept.push(atMs);
  return kept;
}
