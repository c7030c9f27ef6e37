/** What calls and counters ask and tell each other: positional MessagePack-able bodies, packed and unpacked here only. */
import type { Counted, Permit, Place } from '../../src/routing/api.ts';

/** Asked of a counter by a call, whose Call-ID is in the asker. */
export type LimitQuestion =
  | { readonly ask: 'take'; readonly tag: string; readonly calls: number }
  | { readonly ask: 'release'; readonly tag: string }
  | { readonly ask: 'rate'; readonly requests: number; readonly perMs: number; readonly wanted: number }
  | { readonly ask: 'count' };

/** Told to a counter: this call has a place, whatever you know of it. */
export interface Claim {
  readonly callId: string;
  readonly tag: string;
  readonly calls: number;
}

export function packTake(tag: string, calls: number): unknown[] {
  return ['take', tag, calls];
}

export function packRelease(tag: string): unknown[] {
  return ['release', tag];
}

export function packRate(requests: number, perMs: number, wanted: number): unknown[] {
  return ['rate', requests, perMs, wanted];
}

export const countBody: readonly unknown[] = ['count'];

export function unpackLimitQuestion(body: unknown): LimitQuestion | undefined {
  if (!Array.isArray(body)) return undefined;
  const [ask, first, second, third] = body as readonly unknown[];
  switch (ask) {
    case 'take':
      return typeof first === 'string' && isCount(second) ? { ask, tag: first, calls: second } : undefined;
    case 'release':
      return typeof first === 'string' ? { ask, tag: first } : undefined;
    case 'rate':
      return isCount(first) && isCount(second) && second > 0 && isCount(third)
        ? { ask, requests: first, perMs: second, wanted: third }
        : undefined;
    case 'count':
      return { ask };
    default:
      return undefined;
  }
}

export function packPlace({ granted, value, limit }: Place): unknown[] {
  return [granted, value, limit];
}

export function unpackPlace(body: unknown): Place | undefined {
  if (!Array.isArray(body)) return undefined;
  const [granted, value, limit] = body as readonly unknown[];
  return typeof granted === 'boolean' && isCount(value) && isCount(limit) ? { granted, value, limit } : undefined;
}

/** Credits of a window: how many, usable until when, and when to come back if there are none. */
export interface Lent {
  readonly granted: number;
  readonly untilMs: number;
  readonly permit: Permit;
}

export function packLent({ granted, untilMs, permit }: Lent): unknown[] {
  return [granted, Math.ceil(untilMs), permit.value, permit.limit, Math.ceil(permit.retryAfterSeconds)];
}

export function unpackLent(body: unknown): Lent | undefined {
  if (!Array.isArray(body) || !body.every(isCount)) return undefined;
  const [granted, untilMs, value, limit, retryAfterSeconds] = body;
  if (granted === undefined || untilMs === undefined || value === undefined) return undefined;
  if (limit === undefined || retryAfterSeconds === undefined) return undefined;
  return { granted, untilMs, permit: { granted: granted > 0, value, limit, retryAfterSeconds } };
}

export function packCounted({ calls, requests }: Counted): unknown[] {
  return [calls, requests];
}

export function unpackCounted(body: unknown): Counted | undefined {
  if (!Array.isArray(body)) return undefined;
  const [calls, requests] = body as readonly unknown[];
  return isCount(calls) && isCount(requests) ? { calls, requests } : undefined;
}

export function packClaim({ callId, tag, calls }: Claim): unknown[] {
  return ['claim', callId, tag, calls];
}

export function unpackClaim(body: unknown): Claim | undefined {
  if (!Array.isArray(body)) return undefined;
  const [word, callId, tag, calls] = body as readonly unknown[];
  return word === 'claim' && typeof callId === 'string' && typeof tag === 'string' && isCount(calls)
    ? { callId, tag, calls }
    : undefined;
}

/** Asked of a call by a counter: do you hold a place of mine? */
export function packDoubt(name: string, tag: string): unknown[] {
  return ['holds', name, tag];
}

export function unpackDoubt(body: unknown): { readonly name: string; readonly tag: string } | undefined {
  if (!Array.isArray(body)) return undefined;
  const [word, name, tag] = body as readonly unknown[];
  return word === 'holds' && typeof name === 'string' && typeof tag === 'string' ? { name, tag } : undefined;
}

export function packHolds(holds: boolean): unknown[] {
  return [holds];
}

/** Undefined: no answer of this kind. */
export function unpackHolds(body: unknown): boolean | undefined {
  const holds: unknown = Array.isArray(body) ? body[0] : undefined;
  return typeof holds === 'boolean' ? holds : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
