/** Which faults have struck calls in which state: every pair may break in its own way. */
import { faultKinds } from '../options.ts';
import type { CallRecord } from '../phone/history.ts';

/** From the INVITE to the answer to the BYE, as the phones know it. */
export const callStates = [
  'not tried',
  'tried',
  'ringing',
  'being cancelled',
  'refused',
  'answered',
  'not acknowledged',
  'standing',
  'asking',
  'ending',
] as const;
export type CallState = (typeof callStates)[number];

export const struckKinds: readonly string[] = [...faultKinds];

export function pairName(kind: string, state: CallState): string {
  return `${kind} while ${state}`;
}

/** Undefined: it has not begun, or is over. */
export function callStateOf(call: CallRecord): CallState | undefined {
  if (call.invitedAtMs === 0) return undefined;
  const [final] = call.finals;
  const leg = call.legs.find((each) => each.final >= 200 && each.final < 300);
  if (final === undefined) {
    if (call.timedOutAtMs > 0) return undefined;
    if (call.cancelledAtMs > 0) return 'being cancelled';
    if (leg !== undefined) return 'answered';
    if (call.legs.some((each) => each.final >= 300)) return 'refused';
    if (call.ringingAtMs > 0) return 'ringing';
    return call.triedAtMs > 0 ? 'tried' : 'not tried';
  }
  if (final.status >= 300 || leg === undefined) return undefined;
  if (leg.ackedAtMs === 0) return 'not acknowledged';
  const open = call.requests.some((request) => request.status === 0);
  if (call.endedAtMs > 0 || leg.endedAtMs > 0) return open ? 'ending' : undefined;
  return open ? 'asking' : 'standing';
}
