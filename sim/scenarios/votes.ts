/** Nodes that peers, the store and they themselves hold for dead or alive at different times. */
import { calls, fault, options, stood } from './scenario.ts';
import type { Scenario } from './scenario.ts';
import { warmUpMs } from '../options.ts';

const late = (call: { readonly plan: { readonly startMs: number } }, afterMs: number): boolean =>
  call.plan.startMs >= warmUpMs + afterMs;

export const voteScenarios: readonly Scenario[] = [
  {
    name: 'dead node that a peer confirms',
    seenIn: [],
    breaks: 'a peer that has not heard of the death of a node tells it that all is well, and two serve the same calls',
    options: options({
      linkMs: [0.05, 0.2],
      storeMs: [0.1, 1],
      calls: [...calls(30, { everyMs: 200 }), ...calls(12, { fromMs: 9_000, everyMs: 40 })],
      faults: [
        // Nobody but the store hears a, then nobody at all.
        fault(0, 'cut', 'a', { other: 'b', forMs: 4_300 }),
        fault(0, 'cut', 'a', { other: 'c', forMs: 8_500 }),
        fault(1_000, 'store-cut', 'a', { forMs: 7_500 }),
        // b has voted, and hears of nothing any more but from a, later.
        fault(3_000, 'isolate', 'b', { other: 'c', forMs: 5_500 }),
      ],
    }),
    reaches: ['killed by votes', 'latch set'],
    judge: (call) => (late(call, 9_000) ? stood(call) : undefined),
    mutant: 'the latch is never set',
  },
  {
    name: 'peer that voted and hears again',
    seenIn: [],
    breaks: 'a node goes on by the word of a peer whose vote kills it a moment later',
    options: options({
      linkMs: [0.05, 0.2],
      storeMs: [0.1, 1],
      calls: [...calls(30, { everyMs: 200 }), ...calls(12, { fromMs: 9_000, everyMs: 40 })],
      faults: [
        fault(0, 'cut', 'a', { other: 'b', forMs: 2_750 }),
        fault(0, 'cut', 'a', { other: 'c', forMs: 8_000 }),
        fault(1_000, 'store-cut', 'a', { forMs: 6_000 }),
        // Nobody renews its lease for it.
        fault(2_760, 'store-cut', 'b', { forMs: 4_240 }),
      ],
    }),
    reaches: ['vote while the lease runs', 'latch set and cleared'],
    judge: (call) => (late(call, 9_000) ? stood(call) : undefined),
    mutant: 'a peer that voted confirms',
  },
  {
    name: 'acknowledgement that waits through a death',
    seenIn: ['https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html'],
    breaks:
      'a process that was stopped wakes up with the answer of the store in its hands and acts on it, though it is dead',
    options: options({
      storeMs: [60, 90],
      calls: calls(150, { everyMs: 20, plan: () => ({ talkMs: 1_000 }) }),
      faults: [fault(1_000, 'pause', 'a', { forMs: 8_000 })],
    }),
    reaches: ['killed by votes', 'told that it is dead'],
    judge: (call) => (call.finals.length > 0 ? undefined : 'got nothing'),
    mutant: 'packets leave though the node may not act',
  },
  {
    name: 'seal that waits through a death',
    seenIn: ['https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html'],
    breaks: 'a seal that was under way when its node was stopped lands after the next owner has sealed',
    options: options({
      nodes: 4,
      storeMs: [20, 60],
      partitions: 256,
      calls: calls(30, { everyMs: 150, plan: () => ({ talkMs: 14_000 }) }),
      faults: [
        fault(300, 'crash', 'd', { released: true }),
        fault(1_000, 'drain', 'b', { forMs: 100 }),
        fault(1_150, 'pause', 'b', { forMs: 8_500 }),
      ],
    }),
    reaches: ['hand-off by drain'],
    judge: () => undefined,
    mutant: 'a seal that nobody refuses',
  },
  {
    name: 'old vote of a peer that hears again',
    seenIn: [],
    breaks: 'a node that one peer hears well is dead by the word that this peer gave long ago, and another one',
    options: options({
      linkMs: [0.05, 0.2],
      storeMs: [0.1, 1],
      faultMs: 13_000,
      calls: calls(30, { everyMs: 200 }),
      faults: [
        fault(0, 'cut', 'a', { other: 'b', forMs: 3_200 }),
        fault(3_500, 'cut', 'a', { other: 'c', forMs: 7_000 }),
        fault(500, 'store-cut', 'a', { forMs: 9_500 }),
      ],
    }),
    reaches: [],
    judge: () => undefined,
  },
];
