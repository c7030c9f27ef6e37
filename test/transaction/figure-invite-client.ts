/**
 * RFC 3261 figure 5 with RFC 6026, told a second time without states: from the moments of the inputs it computes what must
 * happen and when. Written from the prose of 17.1.1 and RFC 6026 8.4, not from the table.
 */
import { doublingMoments, everyInvariant, sameHappenings } from './invariants.ts';
import type { Run } from './world.ts';

const patienceMs = 32_000;

export function inviteClientFigure(run: Run): void {
  everyInvariant(run);
  const expected: [number, string][] = [[0, 'send 0']];
  const first = run.inputs[0];
  const heardMs = first !== undefined && first.atMs < patienceMs ? first.atMs : patienceMs;
  if (!run.reliable) for (const atMs of doublingMoments(0, heardMs)) expected.push([atMs, 'resend 0']);
  const answered = first !== undefined && first.atMs < patienceMs;
  const broken = answered && first.event === 'transport-error';
  // Without a word for 64*T1, or without a way: the end.
  if (!answered) expected.push([patienceMs, 'tell timeout'], [patienceMs, 'end']);
  if (broken) expected.push([first.atMs, 'tell transport-error'], [first.atMs, 'end']);
  const final = answered && !broken ? run.inputs.find((i) => i.event === '2xx' || i.event === '3xx-6xx') : undefined;
  const waitsMs = final?.event === '2xx' || !run.reliable ? patienceMs : 0;
  const broke =
    final?.event === '3xx-6xx' && waitsMs > 0
      ? run.inputs.find((i) => i.event === 'transport-error' && i.atMs > final.atMs && i.atMs < final.atMs + waitsMs)
      : undefined;
  const endMs = final === undefined ? (answered && !broken ? Infinity : 0) : (broke?.atMs ?? final.atMs + waitsMs);
  for (const { atMs, event, id } of run.inputs) {
    if (broken && id === first.id) continue;
    const before = final === undefined || atMs < final.atMs;
    if (!answered || broken || atMs > endMs) expected.push([atMs, `unexpected ${event}`]);
    else if (before && event === '1xx') expected.push([atMs, `pass ${id}`]);
    // Every 2xx goes up, each is another fork's or a repetition that the TU must acknowledge.
    else if (final?.event === '2xx' && event === '2xx') expected.push([atMs, `pass ${id}`]);
    // Every 3xx-6xx gets its ACK, the first goes up.
    else if (final?.event === '3xx-6xx' && event === '3xx-6xx') {
      expected.push([atMs, `ack ${id}`]);
      if (id === final.id) expected.push([atMs, `pass ${id}`]);
    } else if (id === broke?.id) expected.push([atMs, 'tell transport-error']);
    else expected.push([atMs, `unexpected ${event}`]);
    if (atMs === endMs) expected.push([atMs, 'end']);
  }
  if (final !== undefined && endMs === final.atMs + waitsMs && waitsMs > 0) expected.push([endMs, 'end']);
  sameHappenings(run, expected);
}
