/**
 * A scenario is a world written by hand: faults at fixed times in front of calls that are there to meet them. The seed gives
 * only the small things (delays, boot order), so a scenario stays what its text says when the drawing of seeds changes.
 */
import type { Point } from '../coverage.ts';
import { plainStore, warmUpMs } from '../options.ts';
import type { Fault, FaultKind, SimOptions } from '../options.ts';
import type { CallPlan, CallRecord, DevicePlan } from '../phone/history.ts';

export interface Scenario {
  readonly name: string;
  /** The bug of another project that it plays, by its address; none: thought up for this cluster. */
  readonly seenIn: readonly string[];
  /** What a user would notice. */
  readonly breaks: string;
  readonly options: SimOptions;
  /** Points that it must reach: otherwise it tries nothing. */
  readonly reaches: readonly Point[];
  /** What must have become of a call, beyond the checkers: undefined when all is well, else what is wrong. */
  readonly judge: (call: CallRecord) => string | undefined;
  /** A mistake of sim/mutants/list.ts that it must see. */
  readonly mutant?: string;
}

const faultMs = 9_000;

/** Three nodes of two workers behind a balancer that sends every datagram to any of them. */
export function options(changes: Partial<SimOptions>): SimOptions {
  const users = changes.users ?? 8;
  return {
    seed: 1,
    nodes: 3,
    workers: 2,
    partitions: 64,
    threadMs: 0.05,
    linkMs: [0.2, 3],
    storeMs: [0.5, 6],
    store: plainStore,
    weather: { latencyMs: [1, 20], loss: 0, duplicates: 0, reorder: 0, reorderMs: 0 },
    spread: 'random',
    noAnswerMs: 8_000,
    expiresSeconds: 60,
    dateErrorMs: 0,
    clockPpm: 0,
    users,
    devices: Array.from({ length: users }, () => 1),
    faultMs,
    kinds: [],
    faults: [],
    calls: [],
    registrations: [],
    habits: [],
    lineFaults: [],
    linkBytes: undefined,
    linkFaults: [],
    ...changes,
  };
}

/** A fault so long after the warm-up. */
export function fault(afterMs: number, kind: FaultKind, node: string, more: Partial<Fault> = {}): Fault {
  return {
    atMs: warmUpMs + afterMs,
    kind,
    node,
    other: node === 'a' ? 'b' : 'a',
    forMs: 2_000,
    released: true,
    worker: 0,
    weather: undefined,
    onWrite: false,
    tailMs: 0,
    ...more,
  };
}

interface CallsWords {
  /** Of the first one, after the warm-up. */
  readonly fromMs?: number;
  readonly everyMs?: number;
  readonly device?: Partial<DevicePlan>;
  readonly plan?: (index: number) => Partial<CallPlan>;
}

/** Calls in a row, from each user to the next. They are answered after 100 ms and talk on until the faults are over. */
export function calls(count: number, { fromMs = 0, everyMs = 200, device = {}, plan }: CallsWords = {}): CallPlan[] {
  return Array.from({ length: count }, (_, index): CallPlan => {
    return {
      // Of the probes after the healing: 1000 and up.
      number: (fromMs + index) % 1_000,
      callId: `call-${fromMs}-${index}@sim`,
      caller: `u${index % 8}-0`,
      callee: `u${(index + 1) % 8}`,
      startMs: warmUpMs + fromMs + index * everyMs,
      devices: [{ ringAfterMs: 20, does: 'answer', status: 486, afterMs: 100, ...device }],
      cancelAfterMs: undefined,
      talkMs: 12_000,
      hangup: 'caller',
      reinvite: undefined,
      infoEveryMs: undefined,
      ...plan?.(index),
    };
  });
}

// Judgements

/** Answered, and everything asked inside of the call was answered too. */
export function stood(call: CallRecord): string | undefined {
  if (call.finals[0]?.status !== 200) return `was not answered but got ${call.finals[0]?.status ?? 'nothing'}`;
  // 500: it overtook another one on its way (RFC 3261 12.2.2).
  const bad = call.requests.find((request) => request.status !== 200 && request.status !== 500);
  return bad === undefined ? undefined : `its ${bad.method} of the ${bad.by} got ${bad.status}`;
}

export function got(...statuses: readonly number[]): (call: CallRecord) => string | undefined {
  return (call) => {
    const finals = call.finals.map(({ status }) => status);
    return finals.length === 1 && statuses.includes(finals[0]!)
      ? undefined
      : `got ${finals.join(' and ') || 'nothing'}`;
  };
}
