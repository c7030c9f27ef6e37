/**
 * The standard seed: worlds of one size, for figures that can be compared from one version to the next. Three to five nodes,
 * 30 registrations, 60 calls, some faults and about 6,000 datagrams in 60 s: 4 s in which the nodes start, 14 s of calls
 * with a fault in every third of it, 5 s in which all must come right, 2.5 s of questions whether it has, 34.5 s of silence
 * (64*T1 and a bit, RFC 3261 17.1.1.2), after which a leak would show. The calls are shorter and say more than those of drawn
 * worlds, so that it fits. The same code as any other world, with whole SIP messages.
 */
import type { CallPlan } from './phone/history.ts';
import { nodeName, warmUpMs } from './options.ts';
import type { Fault, Phases, SimOptions } from './options.ts';
import { Chance } from './random.ts';
import type { Stream } from './random.ts';
import { fault, options } from './scenarios/scenario.ts';

const users = 15;
const devicesOfEach = 2;
const callCount = 60;
const faultMs = 14_000;
/** Nobody rings for so long that it would not be over when the silence begins. */
const noAnswerMs = 6_000;
const phases: Phases = { healedMs: 5_000, quietMs: 7_500, endMs: 42_000 };
/** Kinds after which nothing that was promised may be lost, in the order in which they come. */
const kinds = ['worker-crash', 'pause', 'weather', 'crash', 'cut', 'drain', 'store-slow'] as const;
const faultsOfEach = 3;

export function standardOptions(seed: number): SimOptions {
  const chance = new Chance(seed);
  const nodes = 3 + (seed % 3);
  return options({
    seed,
    nodes,
    spread: 'hash',
    noAnswerMs,
    expiresSeconds: 60,
    clockPpm: 500,
    dateErrorMs: 2_000,
    weather: { latencyMs: [1, 20], loss: 0.01, duplicates: 0.01, reorder: 0.01, reorderMs: 200 },
    users,
    devices: Array.from({ length: users }, () => devicesOfEach),
    faultMs,
    kinds,
    phases,
    faults: standardFaults(seed, nodes, chance.stream('faults')),
    calls: standardCalls(chance.stream('calls')),
  });
}

function standardFaults(seed: number, nodes: number, random: Stream): Fault[] {
  return Array.from({ length: faultsOfEach }, (_, index) => {
    const node = random.int(0, nodes - 1);
    const afterMs = (index + random.between(0.1, 0.3)) * (faultMs / faultsOfEach);
    return fault(afterMs, kinds[(seed + index) % kinds.length]!, nodeName(node), {
      other: nodeName((node + 1) % nodes),
      forMs: random.pick([400, 1_000, 2_000]),
      released: random.chance(0.6),
      weather: { latencyMs: [50, 400], loss: 0.1, duplicates: 0.1, reorder: 0.2, reorderMs: 600 },
    });
  });
}

function standardCalls(random: Stream): CallPlan[] {
  return Array.from({ length: callCount }, (_, number): CallPlan => {
    const caller = random.int(0, users - 1);
    return {
      number,
      callId: `standard-${number}-${random.u32().toString(36)}@sim`,
      caller: `u${caller}-0`,
      callee: `u${(caller + random.int(1, users - 1)) % users}`,
      startMs: warmUpMs + (number * faultMs) / callCount,
      devices: Array.from({ length: devicesOfEach }, (_each, device) => ({
        ringAfterMs: random.pick([0, 20, 300]),
        does: device === 0 ? random.pick(['answer', 'answer', 'answer', 'reject']) : 'ring',
        status: 486,
        afterMs: random.pick([50, 500, 2_000]),
      })),
      cancelAfterMs: random.chance(0.1) ? random.between(0, 3_000) : undefined,
      talkMs: random.pick([2_000, 6_000, 12_000]),
      hangup: random.pick(['caller', 'callee', 'both']),
      reinvite: random.chance(0.2)
        ? { afterMs: random.between(10, 4_000), by: random.pick(['caller', 'callee']) }
        : undefined,
      infoEveryMs: random.between(200, 400),
    };
  });
}
