/**
 * The standard seed: worlds of one size, for figures that can be compared from one version to the next. Three to five nodes,
 * 30 registrations, 60 calls and some faults within a minute of traffic, about 6,000 datagrams; then the silence in which
 * leaks would show. The same code as any other world, with whole SIP messages.
 */
import type { CallPlan } from './phone/history.ts';
import { nodeName, warmUpMs } from './options.ts';
import type { Fault, SimOptions } from './options.ts';
import { Chance } from './random.ts';
import type { Stream } from './random.ts';
import { fault, options } from './scenarios/scenario.ts';

const users = 15;
const devicesOfEach = 2;
const callCount = 60;
/** With the warm-up before and the calls after the last fault: 60 s until everybody hangs up. */
const faultMs = 42_000;
/** Kinds after which nothing that was promised may be lost, in the order in which they come. */
const kinds = ['worker-crash', 'pause', 'weather', 'crash', 'cut', 'drain', 'store-slow'] as const;
const faultsOfEach = 4;

export function standardOptions(seed: number): SimOptions {
  const chance = new Chance(seed);
  const nodes = 3 + (seed % 3);
  return options({
    seed,
    nodes,
    spread: 'hash',
    noAnswerMs: 15_000,
    expiresSeconds: 60,
    clockPpm: 500,
    dateErrorMs: 2_000,
    weather: { latencyMs: [1, 20], loss: 0.01, duplicates: 0.01, reorder: 0.01, reorderMs: 200 },
    users,
    devices: Array.from({ length: users }, () => devicesOfEach),
    faultMs,
    kinds,
    faults: standardFaults(seed, nodes, chance.stream('faults')),
    calls: standardCalls(chance.stream('calls')),
  });
}

function standardFaults(seed: number, nodes: number, random: Stream): Fault[] {
  return Array.from({ length: faultsOfEach }, (_, index) => {
    const node = random.int(0, nodes - 1);
    const afterMs = (index + random.between(0.2, 0.5)) * (faultMs / faultsOfEach);
    return fault(afterMs, kinds[(seed + index) % kinds.length]!, nodeName(node), {
      other: nodeName((node + 1) % nodes),
      forMs: random.pick([400, 2_000, 5_000]),
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
        afterMs: random.pick([50, 1_000, 3_000]),
      })),
      cancelAfterMs: random.chance(0.1) ? random.between(0, 6_000) : undefined,
      talkMs: random.pick([5_000, 20_000, 30_000]),
      hangup: random.pick(['caller', 'callee', 'both']),
      reinvite: random.chance(0.2)
        ? { afterMs: random.between(10, 10_000), by: random.pick(['caller', 'callee']) }
        : undefined,
      infoEveryMs: random.between(600, 1_200),
    };
  });
}
