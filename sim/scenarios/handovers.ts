/** Partitions that change hands while calls run through them, and what can go wrong on the way. */
import { warmUpMs } from '../options.ts';
import { calls, fault, options, stood } from './scenario.ts';
import type { Scenario } from './scenario.ts';

export const handoverScenarios: readonly Scenario[] = [
  {
    name: 'join during traffic',
    seenIn: ['https://github.com/OpenSIPS/opensips/issues/2574'],
    breaks: 'a node that joins under traffic gets two thirds of the calls, the others are gone',
    options: options({
      // c leaves before the first call, and comes back while all of them stand.
      calls: calls(50, { fromMs: 700, everyMs: 60, plan: () => ({ talkMs: 14_000, infoEveryMs: 2_500 }) }),
      faults: [fault(0, 'drain', 'c', { forMs: 1_000 })],
    }),
    reaches: ['hand-off by drain', 'item forwarded to another node'],
    judge: stood,
    mutant: 'two thirds of the rows are loaded',
  },
  {
    name: 'crash of the node that is asked to hand over',
    seenIn: ['https://github.com/akka/akka-core/issues/29034'],
    breaks: 'the others wait for ever for the dead node, and nothing is rebalanced any more',
    options: options({
      storeMs: [5, 30],
      calls: calls(45, { everyMs: 110, plan: () => ({ infoEveryMs: 2_500 }) }),
      faults: [
        // Each dies while it hands over, the first of them without anybody who releases it.
        fault(1_000, 'drain', 'b', { forMs: 100 }),
        fault(1_040, 'crash', 'b', { released: false, forMs: 500 }),
        fault(5_000, 'drain', 'c', { forMs: 100 }),
        fault(5_060, 'crash', 'c'),
      ],
    }),
    reaches: ['hand-off by drain', 'takeover of a call that stands', 'killed by votes'],
    judge: stood,
  },
  {
    name: 'crash of the node that takes over',
    seenIn: ['https://github.com/akka/akka-core/issues/29034'],
    breaks: 'partitions on their way to a node that died belong to nobody',
    options: options({
      storeMs: [5, 30],
      calls: calls(45, { everyMs: 110, plan: () => ({ infoEveryMs: 2_500 }) }),
      faults: [
        fault(1_000, 'drain', 'b', { forMs: 100 }),
        fault(1_060, 'crash', 'c'),
        fault(5_000, 'drain', 'a', { forMs: 100 }),
        fault(5_040, 'crash', 'c'),
      ],
    }),
    reaches: ['hand-off by drain', 'takeover of a call that stands'],
    judge: stood,
  },
  {
    name: 'hand-off message lost',
    seenIn: ['https://github.com/akkadotnet/akka.net/pull/8055'],
    breaks: 'a partition is frozen until somebody asks again, which nobody does: calls are stuck for minutes',
    options: options({
      storeMs: [5, 30],
      calls: calls(45, { everyMs: 110, plan: () => ({ talkMs: 14_000, infoEveryMs: 2_500 }) }),
      faults: [
        fault(1_000, 'drain', 'b', { forMs: 100 }),
        // Longer than a link lives, so that what was said on it is gone.
        fault(1_020, 'one-way-cut', 'b', { other: 'a', forMs: 3_000 }),
        fault(1_020, 'one-way-cut', 'b', { other: 'c', forMs: 3_000 }),
      ],
    }),
    reaches: ['hand-off by drain'],
    judge: stood,
  },
  {
    name: 'hand-off message to who has come back lost',
    seenIn: ['https://github.com/akkadotnet/akka.net/pull/8055'],
    breaks: 'who was given a partition and did not hear of it never serves it',
    options: options({
      storeMs: [5, 30],
      calls: calls(45, { everyMs: 110, plan: () => ({ talkMs: 14_000, infoEveryMs: 2_500 }) }),
      faults: [
        fault(1_000, 'drain', 'b', { forMs: 100 }),
        // It has come back and gets its share.
        fault(2_500, 'one-way-cut', 'a', { other: 'b', forMs: 7_000 }),
        fault(2_500, 'one-way-cut', 'c', { other: 'b', forMs: 7_000 }),
      ],
    }),
    reaches: ['hand-off by drain'],
    judge: stood,
    mutant: 'a lost word of a hand-off is not made up for',
  },
  {
    name: 'writes during heavy hand-off',
    seenIn: ['https://github.com/basho/riak_kv/issues/1754'],
    breaks: 'what was promised just before a partition moved is not there after it',
    options: options({
      storeMs: [5, 30],
      expiresSeconds: 20,
      calls: calls(60, { everyMs: 80, plan: () => ({ talkMs: 3_000, infoEveryMs: 1_500 }) }),
      // Devices come and go all the time, but never those of a callee: they are of users that nobody calls.
      users: 14,
      registrations: Array.from({ length: 60 }, (_, index) => ({
        atMs: warmUpMs + index * 130,
        phone: `u${8 + (index % 6)}-0`,
        bind: index % 12 >= 6,
      })),
      faults: [
        fault(500, 'drain', 'a', { forMs: 100 }),
        fault(1_200, 'pause', 'b', { forMs: 30, onWrite: true }),
        fault(4_500, 'drain', 'b', { forMs: 100 }),
        fault(5_200, 'crash', 'c', { onWrite: true }),
      ],
    }),
    reaches: ['hand-off by drain', 'takeover of a call that stands'],
    judge: stood,
    mutant: 'registrations are promised before they are stored',
  },
  {
    name: 'late copies of a REGISTER',
    seenIn: [],
    breaks: 'a copy of an older REGISTER that comes after a takeover brings a contact back, or takes it away again',
    options: options({
      users: 14,
      expiresSeconds: 60,
      weather: { latencyMs: [1, 20], loss: 0, duplicates: 0.5, reorder: 0.3, reorderMs: 2_500 },
      calls: calls(20, { everyMs: 200, plan: () => ({ talkMs: 500 }) }),
      registrations: Array.from({ length: 60 }, (_, index) => ({
        atMs: warmUpMs + index * 130,
        phone: `u${8 + (index % 6)}-0`,
        bind: index % 12 >= 6,
      })),
      faults: [800, 1_700, 2_600, 3_500, 4_400, 5_300].map((atMs, index) =>
        fault(atMs, 'crash', ['a', 'b', 'c'][index % 3]!),
      ),
    }),
    reaches: ['released by a supervisor'],
    judge: () => undefined,
  },
  {
    name: 'drain while the store is away',
    seenIn: ['https://github.com/dotnet/orleans/issues/10045'],
    breaks: 'a node that leaves waits for a write that never comes: it neither serves nor ends',
    options: options({
      calls: [
        ...calls(30, { everyMs: 120, plan: () => ({ talkMs: 14_000, infoEveryMs: 2_500 }) }),
        ...calls(12, { fromMs: 8_000, everyMs: 60 }),
      ],
      faults: [
        fault(1_000, 'drain', 'b', { forMs: 100 }),
        fault(1_020, 'store-down', 'a', { forMs: 4_000 }),
        fault(6_000, 'drain', 'c', { forMs: 100 }),
        fault(6_015, 'store-full', 'a', { forMs: 1_500 }),
      ],
    }),
    reaches: ['hand-off by drain', 'store away and back'],
    judge: stood,
  },
  {
    name: 'many messages while a node leaves',
    seenIn: ['https://github.com/akka/akka-core/issues/24191'],
    breaks: 'what waits for a partition on its way stays in a buffer, though the partition has long arrived',
    options: options({
      storeMs: [10, 40],
      linkMs: [1, 40],
      calls: calls(120, { everyMs: 25, plan: () => ({ talkMs: 6_000, infoEveryMs: 900 }) }),
      faults: [fault(600, 'drain', 'b', { forMs: 100 }), fault(4_800, 'drain', 'c', { forMs: 100 })],
    }),
    reaches: ['hand-off by drain', 'item forwarded to another node'],
    judge: (call) => {
      const final = call.finals[0];
      if (final !== undefined && final.atMs - call.invitedAtMs > 3_000) return 'was answered late';
      return stood(call);
    },
  },
];
