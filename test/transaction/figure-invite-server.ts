/**
 * RFC 3261 figure 7 with RFC 6026, told a second time without states: from the moments of the inputs it computes what must
 * happen and when. Written from the prose of 17.2.1 and RFC 6026 7.1, 8.7 and 8.8, not from the table.
 */
import { cappedMoments, everyInvariant, sameHappenings } from './invariants.ts';
import type { Run } from './world.ts';

const patienceMs = 32_000;
const clearMs = 5_000;

export function inviteServerFigure(run: Run): void {
  everyInvariant(run);
  const expected: [number, string][] = [[0, 'pass 0']];
  const final = run.inputs.find((i) => i.event === '2xx' || i.event === '3xx-6xx');
  const rejected = final?.event === '3xx-6xx';
  const ack = rejected
    ? run.inputs.find((i) => i.event === 'ACK' && i.atMs > final.atMs && i.atMs < final.atMs + patienceMs)
    : undefined;
  const finalMs = final?.atMs ?? Infinity;
  const endMs = ack === undefined ? finalMs + patienceMs : ack.atMs + (run.reliable ? 0 : clearMs);
  // Until the ACK comes, a refusal is repeated on unreliable transports.
  if (rejected && !run.reliable) {
    for (const atMs of cappedMoments(final.atMs, ack?.atMs ?? endMs)) expected.push([atMs, `resend ${final.id}`]);
  }
  if (rejected && ack === undefined) expected.push([endMs, 'tell timeout']);
  let lastSent = 0;
  for (const { atMs, event, id } of run.inputs) {
    const sends =
      (atMs < finalMs && event === '1xx') ||
      id === final?.id ||
      (final?.event === '2xx' && event === '2xx' && atMs < endMs);
    const confirmed = ack !== undefined && atMs >= ack.atMs;
    if (sends) {
      expected.push([atMs, `send ${id}`]);
      lastSent = id;
    } else if (atMs > endMs) expected.push([atMs, `unexpected ${event}`]);
    // A repeated INVITE is answered with the latest response, except after a 2xx and after the ACK, which show that it arrived.
    else if (event === 'INVITE') {
      if (lastSent !== 0 && !confirmed && (atMs < finalMs || rejected)) expected.push([atMs, `resend ${lastSent}`]);
    } else if (event === 'transport-error' && !confirmed) expected.push([atMs, 'tell transport-error']);
    else if (event === 'ACK' && atMs > finalMs) {
      if (!rejected) expected.push([atMs, `pass ${id}`]);
    } else expected.push([atMs, `unexpected ${event}`]);
    if (atMs === endMs) expected.push([atMs, 'end']);
  }
  if (final !== undefined && endMs !== ack?.atMs) expected.push([endMs, 'end']);
  sameHappenings(run, expected);
}
