/**
 * What one run with real processes is made of, drawn from its seed. The schedule of calls and faults is the same for each
 * run of a seed; the moments at which processes do what they do are the machine's, so a run is not repeated exactly.
 */
import { draw } from '../options.ts';
import type { FaultKind, SimOptions } from '../options.ts';
import { Chance } from '../random.ts';

export const realFaultKinds = [
  'crash',
  'pause',
  'drain',
  'cut',
  'one-way-cut',
  'weather',
  'store-down',
  'store-cut',
  'store-slow',
  'isolate',
  'island',
] as const satisfies readonly FaultKind[];
const storeKinds: ReadonlySet<FaultKind> = new Set(['store-down', 'store-cut', 'store-slow', 'isolate', 'island']);

export interface RealPhases {
  /** From the end of the faults to the moment from which nothing may be noticed. */
  readonly healedMs: number;
  /** To the moment when everybody hangs up and unregisters. */
  readonly quietMs: number;
  /** To the last look. Under 45 s nothing is said about leaks: transactions outlive their calls by 32 s. */
  readonly endMs: number;
}

export interface RealOptions {
  readonly sim: SimOptions;
  readonly store: 'sqlite' | 'redis';
  readonly workers: number;
  readonly phases: RealPhases;
  /** Calls per second of phones that are not ours (SIPp), 0 for none. */
  readonly sippPerSecond: number;
}

export interface RealWishes {
  readonly faultSeconds?: number | undefined;
  readonly kinds?: readonly FaultKind[] | undefined;
  readonly store?: 'sqlite' | 'redis' | undefined;
  /** Short phases, for a test that must be quick. */
  readonly short?: boolean | undefined;
  readonly sippPerSecond?: number | undefined;
}

const long: RealPhases = { healedMs: 8_000, quietMs: 6_000, endMs: 45_000 };
const short: RealPhases = { healedMs: 2_500, quietMs: 2_000, endMs: 3_500 };
export const leakMs = 45_000;

export function drawReal(seed: number, wishes: RealWishes): RealOptions {
  const random = new Chance(seed).stream('real options');
  const redis = random.chance(0.5);
  const drawn = realFaultKinds.filter((kind) => random.chance(storeKinds.has(kind) ? (redis ? 0.12 : 0) : 0.45));
  const workers = random.int(1, 2);
  const kinds = wishes.kinds ?? drawn;
  const needsRedis = kinds.some((kind) => storeKinds.has(kind));
  const store = needsRedis ? 'redis' : (wishes.store ?? (redis ? 'redis' : 'sqlite'));
  return {
    sim: { ...draw(seed, { nodes: 3, faultSeconds: wishes.faultSeconds, kinds }), workers },
    store,
    workers,
    phases: wishes.short === true ? short : long,
    sippPerSecond: wishes.sippPerSecond ?? random.pick([0, 2, 5]),
  };
}
