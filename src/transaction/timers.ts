/**
 * Every timer of RFC 3261 section 17 (its table 4) and RFC 6026, and how long each one runs. No other file knows these numbers.
 * Times are whole milliseconds; nothing here reads a clock.
 */

/** Timers A to K and C: RFC 3261 table 4. Timers L and M: RFC 6026 section 7. */
export type TimerName = 'A' | 'B' | 'C' | 'D' | 'E' | 'F' | 'G' | 'H' | 'I' | 'J' | 'K' | 'L' | 'M';

/** The timers that fire again and again while a machine repeats what it sent. Only unreliable transports have them. */
export type RepeatTimer = 'A' | 'E' | 'G';

/** Estimate of the round-trip time, RFC 3261 17.1.1.1. */
export const T1 = 500;
/** Longest interval between non-INVITE requests and INVITE responses, RFC 3261 17.1.2.2. */
export const T2 = 4_000;
/** Longest time a message stays in the network, RFC 3261 17.1.2.2. */
export const T4 = 5_000;
/** 64*T1: how long a side tries, and how long it remembers, before it gives up. */
export const transactionTimeoutMs = 64 * T1;
/** RFC 3261 16.6 step 11: timer C "MUST be larger than 3 minutes". It belongs to the proxy core, no table starts it. */
export const timerCMs = 181_000;
/** RFC 3261 17.1.1.2: timer D lasts "at least 32 seconds", whatever our T1 is: the server's T1 is not known to us. */
export const timerDMsMin = 32_000;

/**
 * After a takeover the peer gets so long to be heard before we give up: while nobody answered for the call, its messages were lost.
 */
export const takeoverGraceMs = 2_000;

/** The delay of a timer that is not used at all: its moment never comes. */
export const never = Number.POSITIVE_INFINITY;

/**
 * How long `timer` runs when it is started for the `attempt`-th time (0 = first), in milliseconds.
 * `never` when this transport does not use the timer; 0 when it fires at once (reliable transports have nothing to wait for).
 */
export function delayMs(timer: TimerName, reliable: boolean, attempt: number): number {
  switch (timer) {
    case 'A': // 17.1.1.2: T1, then doubled each time, without a cap: timer B ends it.
      return reliable ? never : T1 * 2 ** attempt;
    case 'E': // 17.1.2.2: MIN(T1 * 2^n, T2).
    case 'G': // 17.2.1: the same.
      return reliable ? never : Math.min(T1 * 2 ** attempt, T2);
    case 'B': // 17.1.1.2
    case 'F': // 17.1.2.2
    case 'H': // 17.2.1: "for all transports".
    case 'L': // RFC 6026 8.7: for all transports.
    case 'M': // RFC 6026 8.4: for all transports.
      return transactionTimeoutMs;
    case 'J': // 17.2.2
      return reliable ? 0 : transactionTimeoutMs;
    case 'D': // 17.1.1.2
      return reliable ? 0 : Math.max(timerDMsMin, transactionTimeoutMs);
    case 'I': // 17.2.1
    case 'K': // 17.1.2.2
      return reliable ? 0 : T4;
    case 'C': // 16.6 step 11
      return timerCMs;
  }
}

export function isRepeatTimer(timer: TimerName): timer is RepeatTimer {
  return timer === 'A' || timer === 'E' || timer === 'G';
}

/** The timers whose firing is a failure; all others only end a time of remembering. */
export function isGiveUpTimer(timer: TimerName): boolean {
  return timer === 'B' || timer === 'F' || timer === 'H';
}

/**
 * When the `slot`-th repetition is due (1 = first), in milliseconds after the first transmission: the sum of the delays.
 * `atCap` is the client's Proceeding state of 17.1.2.2, where timer E runs T2 every time.
 */
export function slotOffsetMs(timer: RepeatTimer, slot: number, atCap: boolean): number {
  if (atCap) return slot * T2;
  if (timer === 'A' || slot <= slotsToCap) return T1 * (2 ** slot - 1);
  return T1 * (2 ** slotsToCap - 1) + (slot - slotsToCap) * T2;
}

/** The first so many intervals double; all later ones are T2. Four, for T2 = 8*T1. */
const slotsToCap = Math.floor(Math.log2(T2 / T1)) + 1;

/**
 * The number of the first repetition that is still to come at `nowMs`, for a machine that made its first transmission at
 * `startedAtMs` and has used `used` slots. A machine resumed on another node, or one whose timer fired late, skips the
 * slots it missed, so that they do not go out in a burst; one that fires early does not use its slot twice.
 */
export function nextSlot(timer: RepeatTimer, startedAtMs: number, nowMs: number, used = 0, atCap = false): number {
  const elapsedMs = nowMs - startedAtMs;
  let slot = used + 1;
  // Far behind, T2 steps are counted by division, so that no clock value makes this loop long; A doubles and is short.
  if (atCap) return Math.max(slot, Math.floor(elapsedMs / T2) + 1);
  const capOffsetMs = slotOffsetMs(timer, slotsToCap, false);
  if (timer !== 'A' && elapsedMs >= capOffsetMs) {
    return Math.max(slot, slotsToCap + Math.floor((elapsedMs - capOffsetMs) / T2) + 1);
  }
  while (slotOffsetMs(timer, slot, false) <= elapsedMs) slot += 1;
  return slot;
}
