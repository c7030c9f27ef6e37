/** What became of a call, for its bar in the time line: parts with their times, and a word for it. */
import type { CallRecord } from '../phone/history.ts';

export interface CallPart {
  readonly what: 'trying' | 'ringing' | 'up' | 'turned' | 'broken';
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Outcome {
  readonly word: string;
  readonly parts: readonly CallPart[];
}

/** Finals that a callee or a caller wanted. */
const turnedDown: readonly number[] = [404, 480, 486, 487, 603];
/** Long enough to be seen and clicked. */
const endMs = 400;

export function outcomeOf(call: CallRecord, worldEndMs: number): Outcome {
  const { plan } = call;
  const parts: CallPart[] = [];
  const startMs = plan.startMs;
  if (startMs >= worldEndMs) return { word: 'never begun', parts };
  const final = call.finals[0];
  const decidedMs = final?.atMs ?? (call.timedOutAtMs > 0 ? call.timedOutAtMs : worldEndMs);
  const ringMs = call.ringingAtMs > 0 ? Math.min(call.ringingAtMs, decidedMs) : decidedMs;
  parts.push({ what: 'trying', fromMs: startMs, toMs: ringMs });
  if (call.ringingAtMs > 0) parts.push({ what: 'ringing', fromMs: ringMs, toMs: decidedMs });
  if (final === undefined) {
    if (call.timedOutAtMs === 0) return { word: 'undecided', parts };
    parts.push({ what: 'broken', fromMs: decidedMs, toMs: decidedMs + endMs });
    return { word: 'nobody answered the INVITE', parts };
  }
  if (final.status >= 300) {
    const isWanted =
      turnedDown.includes(final.status) || (final.status === 408 && plan.devices.some(({ does }) => does === 'ring'));
    const what = isWanted ? 'turned' : 'broken';
    parts.push({ what, fromMs: decidedMs, toMs: decidedMs + endMs });
    return { word: final.status === 487 ? 'cancelled' : `turned down with ${final.status}`, parts };
  }
  const ends = [call.endedAtMs, ...call.legs.map((leg) => leg.endedAtMs)].filter((atMs) => atMs > 0);
  const overMs = ends.length === 0 ? worldEndMs : Math.max(decidedMs, Math.min(...ends));
  parts.push({ what: 'up', fromMs: decidedMs, toMs: Math.max(overMs, decidedMs + 100) });
  const bad = call.requests.find((request) => request.timedOut);
  if (bad === undefined) return { word: 'answered', parts };
  parts.push({ what: 'broken', fromMs: overMs, toMs: overMs + endMs });
  return { word: `answered; the ${bad.method} of the ${bad.by} timed out`, parts };
}
