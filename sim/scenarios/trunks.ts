/** A trunk of few places: calls that end in every way, owners that are lost while many ask, callers that are gone. */
import { calls, fault, got, options } from './scenario.ts';
import { trunkSqueeze } from '../trunk.ts';
import type { CallPlan } from '../phone/history.ts';
import type { SimOptions } from '../options.ts';
import type { Scenario } from './scenario.ts';

const everybody = ['u0', 'u1', 'u2', 'u3', 'u4', 'u5', 'u6', 'u7'];

function trunk(places: number): Pick<SimOptions, 'trunk' | 'squeeze'> {
  return { trunk: { calls: places, users: everybody }, squeeze: trunkSqueeze };
}

/** Answered, refused by the callee, taken back, never answered; hung up by either side. */
function everyEnd(index: number): Partial<CallPlan> {
  const device = { ringAfterMs: 20, does: 'answer', status: 603, afterMs: 100 } as const;
  const ends: readonly Partial<CallPlan>[] = [
    { talkMs: 300 },
    { talkMs: 300, hangup: 'callee' },
    { devices: [{ ...device, does: 'reject' }] },
    { devices: [{ ...device, does: 'ring' }], cancelAfterMs: 400 },
    { devices: [{ ...device, afterMs: 2_000 }], cancelAfterMs: 300 },
    { talkMs: 900, reinvite: { afterMs: 200, by: 'caller' } },
  ];
  return ends[index % ends.length]!;
}

export const trunkScenarios: readonly Scenario[] = [
  {
    name: 'calls by a trunk end in every way',
    seenIn: ['https://github.com/OpenSIPS/opensips/issues/1937', 'https://github.com/OpenSIPS/opensips/issues/2102'],
    breaks: 'a counter of calls does not come back to 0, or goes below it',
    options: options({ ...trunk(4), calls: calls(30, { everyMs: 700, plan: everyEnd }), faultMs: 22_000 }),
    reaches: [],
    // There is room for all of them.
    judge: got(200, 603, 487),
    mutant: 'a call that was refused keeps its place',
  },
  {
    name: 'the owner of a trunk is lost while it is full',
    seenIn: ['https://github.com/OpenSIPS/opensips/issues/2900'],
    breaks: 'more calls than a trunk has places, as nobody remembers who has one',
    options: options({
      ...trunk(5),
      gate: 'buddy',
      partitions: 16,
      spread: 'hash',
      faultMs: 22_000,
      calls: calls(140, { everyMs: 140, plan: (index) => ({ talkMs: [400, 1_500, 5_000][index % 3]! }) }),
      // So far from each other that nothing may be lost; one of them has it.
      faults: [fault(1_500, 'crash', 'a'), fault(9_500, 'crash', 'b'), fault(17_500, 'crash', 'c')],
    }),
    reaches: ['takeover of a call that stands'],
    judge: got(200, 486),
    mutant: 'the next owner forgets who has a place',
  },
  {
    name: 'the owner of a trunk hands it over while calls come',
    seenIn: [],
    breaks: 'a place is granted twice, or lost, on its way from node to node',
    options: options({
      ...trunk(5),
      partitions: 16,
      storeMs: [5, 20],
      faultMs: 22_000,
      calls: calls(160, { everyMs: 130, plan: (index) => ({ talkMs: [400, 1_500, 16_000][index % 3]! }) }),
      faults: [fault(1_500, 'drain', 'a'), fault(6_500, 'drain', 'b'), fault(11_500, 'drain', 'c')],
    }),
    reaches: ['hand-off by drain'],
    judge: got(200, 486),
  },
  {
    name: 'the owner of a trunk is lost as it grants',
    seenIn: [],
    breaks: 'a place that was granted a moment before is granted again by the next owner',
    options: options({
      ...trunk(4),
      partitions: 16,
      storeMs: [20, 60],
      faultMs: 22_000,
      calls: calls(200, { everyMs: 100, plan: (index) => ({ talkMs: [300, 700, 2_500][index % 3]! }) }),
      faults: [1_500, 5_500, 9_500, 13_500, 17_500].map((atMs, index) =>
        fault(atMs, 'crash', ['a', 'b', 'c'][index % 3]!, { onWrite: true }),
      ),
    }),
    reaches: [],
    judge: got(200, 486),
  },
  {
    name: 'more calls in a second than may begin, and the node that counts is lost',
    seenIn: ['https://github.com/OpenSIPS/opensips/issues/2900'],
    breaks: 'twice as many calls as allowed begin in a second, or none',
    options: options({
      trunk: { calls: 500, users: everybody, perSecond: 100 },
      squeeze: trunkSqueeze,
      partitions: 16,
      spread: 'hash',
      linkMs: [0.2, 1],
      storeMs: [0.1, 1],
      faultMs: 12_000,
      // At first there is much to lend, and then nothing to grant.
      calls: [0, 1_400, 2_800, 4_200].flatMap((fromMs) =>
        calls(140, { fromMs, everyMs: 2, plan: () => ({ talkMs: 200 }) }),
      ),
      faults: [fault(1_550, 'crash', 'a'), fault(2_950, 'crash', 'b'), fault(4_350, 'crash', 'c')],
    }),
    reaches: [],
    judge: got(200, 503),
    mutant: 'the next owner forgets how many began',
  },
  {
    name: 'callers that are gone with the node that asked for them',
    seenIn: ['https://github.com/OpenSIPS/opensips/issues/3321'],
    breaks: 'a place that was granted to a call that nobody remembers is never free again',
    options: options({
      ...trunk(200),
      gate: 'store',
      partitions: 16,
      storeMs: [20, 60],
      faultMs: 12_000,
      // Whoever speaks TCP does not repeat an INVITE that went with its node.
      habits: everybody.map((user) => ({
        phone: `${user}-0`,
        line: {
          grain: 'whole',
          readsWithinMs: 0,
          windowBytes: 65_536,
          listens: false,
          outbound: true,
          pingEveryMs: 3_000,
        },
        isCompact: false,
        isEarly: false,
        forgetsAck: false,
      })),
      calls: calls(200, { everyMs: 15, plan: () => ({ talkMs: 400 }) }),
      faults: [fault(700, 'crash', 'a'), fault(1_900, 'crash', 'b')],
    }),
    reaches: [],
    judge: () => undefined,
    mutant: 'nobody doubts that a call has its place',
  },
];
