/**
 * RFC 3261 figure 8, told a second time without states: from the moments of the inputs it computes what must happen and
 * when. Written from the prose of 17.2.2 and RFC 6026 8.8, not from the table.
 */
import { everyInvariant, sameHappenings } from './invariants.ts';
import type { Run } from './world.ts';

export function serverFigure(run: Run): void {
  everyInvariant(run);
  const expected: [number, string][] = [[0, 'pass 0']];
  const final = run.inputs.find((i) => i.event === '2xx' || i.event === '3xx-6xx');
  const finalMs = final?.atMs ?? Infinity;
  const endMs = finalMs + (run.reliable ? 0 : 32_000);
  let lastSent = 0;
  for (const { atMs, event, id } of run.inputs) {
    if (id === final?.id || (event === '1xx' && atMs < finalMs)) {
      expected.push([atMs, `send ${id}`]);
      lastSent = id;
    } else if (atMs > endMs) expected.push([atMs, `unexpected ${event}`]);
    else if (event === 'request') {
      if (lastSent !== 0) expected.push([atMs, `resend ${lastSent}`]);
    } else if (event === 'transport-error' && lastSent !== 0) expected.push([atMs, 'tell transport-error']);
    // A second final response is discarded in silence; anything else is the TU's mistake.
    else if (event === '1xx' || event === 'transport-error') expected.push([atMs, `unexpected ${event}`]);
    if (atMs === endMs) expected.push([atMs, 'end']);
  }
  if (final !== undefined && endMs !== finalMs) expected.push([endMs, 'end']);
  sameHappenings(run, expected);
}
