/** Nodes and workers that are lost, and what the next owner makes of it. */
import { plainStore, warmUpMs } from '../options.ts';
import { calls, fault, got, options, stood } from './scenario.ts';
import type { Scenario } from './scenario.ts';

export const lossScenarios: readonly Scenario[] = [
  {
    name: 'timer of a call whose owner is lost',
    seenIn: ['https://github.com/kamailio/kamailio/issues/3656', 'https://github.com/kamailio/kamailio/issues/2080'],
    breaks: 'a timer fires on a node without the call, or on two, or on none: a call is cut or rings for ever',
    options: options({
      noAnswerMs: 3_000,
      calls: [
        ...calls(24, { everyMs: 60, device: { does: 'ring' } }),
        ...calls(16, { fromMs: 30, everyMs: 90, plan: () => ({ talkMs: 14_000, infoEveryMs: 2_000 }) }),
      ],
      faults: [fault(2_000, 'crash', 'a'), fault(2_700, 'drain', 'b', { forMs: 500 })],
    }),
    reaches: ['takeover while ringing', 'takeover of a call that stands', 'hand-off by drain'],
    judge: (call) => (call.plan.devices[0]?.does === 'ring' ? got(408, 480)(call) : stood(call)),
    mutant: 'the next owner keeps no no-answer time',
  },
  {
    name: 'start while rows of dead members exist',
    seenIn: ['https://github.com/dotnet/orleans/issues/7451', 'https://github.com/dotnet/orleans/issues/9220'],
    breaks: 'after a power cut no node starts, because each waits for the dead ones in the store',
    options: options({
      calls: [
        ...calls(12, { everyMs: 40, plan: () => ({ talkMs: 16_000 }) }),
        ...calls(16, { fromMs: 5_000, everyMs: 150 }),
      ],
      faults: ['a', 'b', 'c'].map((node) => fault(1_500, 'crash', node, { released: false, forMs: 200 })),
    }),
    reaches: ['all nodes down at once', 'restarted under a new incarnation'],
    judge: stood,
    mutant: 'a predecessor is never released',
  },
  {
    name: 'clocks three minutes apart',
    seenIn: ['https://github.com/dotnet/orleans/issues/7505'],
    breaks: 'members with other dates look dead or live for ever; timers fire early or late after a takeover',
    options: options({
      seed: 2,
      dateErrorMs: 180_000,
      clockPpm: 500,
      expiresSeconds: 20,
      noAnswerMs: 3_000,
      calls: [
        ...calls(20, { everyMs: 100, device: { does: 'ring' } }),
        ...calls(20, { fromMs: 50, everyMs: 100, plan: () => ({ infoEveryMs: 2_500 }) }),
      ],
      faults: [fault(1_500, 'crash', 'a', { released: false, forMs: 7_000 }), fault(4_500, 'crash', 'b')],
    }),
    reaches: ['date of a machine wrong by minutes', 'killed by votes', 'takeover while ringing'],
    judge: (call) => (call.plan.devices[0]?.does === 'ring' ? got(408, 480)(call) : stood(call)),
    mutant: 'the wheel does not mind a clock set back',
  },
  {
    name: 'machine lost in a cluster with the fast profile',
    seenIn: [],
    breaks: 'calls wait for seconds until the others are sure that a machine is lost',
    options: options({
      profile: 'fast',
      linkMs: [0.2, 1],
      storeMs: [0.5, 3],
      calls: [...calls(30, { everyMs: 30 }), ...calls(50, { fromMs: 2_500, everyMs: 40 })],
      faults: [fault(1_000, 'crash', 'b', { released: false, forMs: 8_000 })],
    }),
    reaches: ['killed by votes', 'takeover of a call that stands'],
    judge: (call) => {
      const tookMs = (call.finals[0]?.atMs ?? Infinity) - call.plan.startMs;
      const isLate = call.plan.startMs >= warmUpMs + 2_500 && tookMs > 1_000;
      return isLate ? `was answered after ${tookMs.toFixed(0)} ms` : stood(call);
    },
    mutant: 'votes by the default times whatever the profile',
  },
  {
    name: 'two nodes join at once',
    seenIn: ['https://github.com/dotnet/orleans/issues/5112', 'https://github.com/dotnet/orleans/issues/9855'],
    breaks: 'both believe to own the same call, and it is answered or ended twice',
    options: options({
      nodes: 4,
      calls: calls(45, { everyMs: 110, plan: () => ({ infoEveryMs: 2_500 }) }),
      faults: [
        fault(500, 'crash', 'b'),
        fault(500, 'crash', 'c'),
        fault(3_500, 'crash', 'c', { released: false, forMs: 0 }),
        fault(3_500, 'crash', 'd', { released: false, forMs: 0 }),
      ],
    }),
    reaches: ['restarted under a new incarnation', 'takeover of a call that stands'],
    judge: stood,
    mutant: 'tables are adopted whatever their epoch',
  },
  {
    name: 'store wiped under live members',
    seenIn: ['https://github.com/dotnet/orleans/issues/7784'],
    breaks: 'members write to rows that are not there any more, for ever; what they hold is lost with the next of them',
    options: options({
      store: { ...plainStore, kind: 'redis', replicas: 1 },
      calls: [
        ...calls(12, { everyMs: 100, plan: () => ({ talkMs: 16_000, infoEveryMs: 2_500 }) }),
        ...calls(10, { fromMs: 8_500, everyMs: 40 }),
      ],
      faults: [fault(2_000, 'store-wiped', 'a'), fault(6_000, 'crash', 'b', { forMs: 500 })],
    }),
    reaches: ['takeover of a call that stands'],
    judge: stood,
    mutant: 'a table that the store lost is not given back',
  },
  {
    name: 'a store wiped while partitions change hands',
    seenIn: [],
    breaks: 'what one node has given and the other has not read yet is nowhere any more',
    options: options({
      store: { ...plainStore, kind: 'redis', replicas: 1 },
      // Few partitions over a slow store: some are always on their way.
      partitions: 16,
      storeMs: [40, 80],
      calls: calls(80, { everyMs: 25, device: { afterMs: 5_000 }, plan: () => ({ talkMs: 10_000 }) }),
      faults: [fault(2_000, 'drain', 'b', { forMs: 500 }), fault(2_300, 'store-wiped', 'a')],
    }),
    reaches: ['hand-off by drain'],
    judge: stood,
    mutant: 'who gives a partition away keeps none of its rows',
  },
  {
    name: 'a store wiped while a node starts',
    seenIn: [],
    breaks: 'who starts takes an empty store for a new cluster, and all that the others hold is lost',
    options: options({
      seed: 2,
      store: { ...plainStore, kind: 'redis', replicas: 1 },
      calls: [
        ...calls(20, { fromMs: 2_500, everyMs: 40, device: { afterMs: 6_000 } }),
        ...calls(24, { fromMs: 5_500, everyMs: 40 }),
      ],
      faults: [fault(500, 'drain', 'c', { forMs: 0 }), fault(3_495, 'store-wiped', 'a')],
    }),
    reaches: ['hand-off by drain', 'table given back to a store that lost it'],
    judge: stood,
    mutant: 'a store without a table is new',
  },
  {
    name: 'the tail of a failover is lost',
    seenIn: [],
    breaks: 'what the master had acknowledged and its replica had not got is lost with the next node that dies',
    options: options({
      store: { ...plainStore, kind: 'redis', replicas: 1 },
      calls: [
        ...calls(20, { fromMs: 1_450, everyMs: 25, device: { afterMs: 6_000 }, plan: () => ({ talkMs: 6_000 }) }),
        ...calls(10, { fromMs: 8_500, everyMs: 40 }),
      ],
      faults: [
        fault(1_500, 'redis-failover', 'a', { tailMs: 500, forMs: 300 }),
        fault(5_500, 'crash', 'b', { forMs: 500 }),
      ],
    }),
    reaches: ['takeover while ringing'],
    judge: stood,
    mutant: 'what the store lost is not written anew',
  },
  {
    name: 'worker restarts',
    seenIn: ['https://github.com/akkadotnet/akka.net/issues/8572'],
    breaks: 'what waits for a shard that restarts is dropped without a word',
    options: options({
      calls: calls(50, { everyMs: 100, plan: () => ({ infoEveryMs: 600 }) }),
      faults: [
        fault(1_000, 'worker-crash', 'a', { worker: 0 }),
        fault(2_000, 'worker-crash', 'b', { worker: 1 }),
        fault(3_000, 'worker-crash', 'a', { worker: 1 }),
        fault(3_050, 'worker-crash', 'c', { worker: 0 }),
      ],
    }),
    reaches: ['worker crash with calls'],
    judge: stood,
    mutant: 'a takeover reads nothing',
  },
  {
    name: 'owner lost while it takes calls back',
    seenIn: ['https://github.com/kamailio/kamailio/issues/3656'],
    breaks:
      'a call that nobody answers is taken back, its node is lost, and the caller is told another thing or nothing',
    options: options({
      noAnswerMs: 3_000,
      weather: { latencyMs: [60, 140], loss: 0, duplicates: 0, reorder: 0, reorderMs: 0 },
      calls: calls(120, { everyMs: 25, device: { does: 'ring' }, plan: () => ({ talkMs: 100 }) }),
      faults: [fault(4_500, 'crash', 'a'), fault(5_600, 'crash', 'b')],
    }),
    reaches: ['takeover while ringing'],
    judge: got(408, 480),
    mutant: 'a cancelled call forgets that on its way to another node',
  },
  {
    name: 'owner lost while a CANCEL waits',
    seenIn: ['https://github.com/OpenSIPS/opensips/issues/3010'],
    breaks: 'a call was taken back before its phone rang; the next owner does not know, and it rings on',
    options: options({
      weather: { latencyMs: [60, 140], loss: 0.1, duplicates: 0, reorder: 0, reorderMs: 0 },
      noAnswerMs: 15_000,
      calls: calls(120, {
        everyMs: 25,
        device: { does: 'ring', ringAfterMs: 600 },
        plan: (index) => ({ cancelAfterMs: 350 + (index % 10) * 20 }),
      }),
      faults: [fault(1_500, 'crash', 'a'), fault(2_300, 'crash', 'b')],
    }),
    reaches: [],
    judge: got(487),
    mutant: 'a CANCEL to come is not in the snapshot',
  },
  {
    name: 'store full, and then a node is lost',
    seenIn: [],
    breaks: 'a call that could not be stored begins anew on another node, and a phone rings twice',
    options: options({
      weather: { latencyMs: [10, 30], loss: 0.25, duplicates: 0, reorder: 0, reorderMs: 0 },
      calls: calls(120, { everyMs: 20, device: { afterMs: 2_000 }, plan: () => ({ talkMs: 500 }) }),
      faults: [
        fault(800, 'store-full', 'a', { forMs: 2_500 }),
        fault(1_500, 'crash', 'a'),
        fault(2_200, 'crash', 'b'),
        fault(2_900, 'crash', 'c'),
      ],
    }),
    reaches: ['gate open because the store failed'],
    judge: () => undefined,
    mutant: 'branches carry the moment',
  },
  {
    name: 'no power for longer than a transaction lasts',
    seenIn: [],
    breaks:
      'a call that was under way when the power went is given up when it comes back, without asking its phone again',
    options: options({
      faultMs: 60_000,
      noAnswerMs: 70_000,
      expiresSeconds: 600,
      calls: calls(20, { everyMs: 30, device: { deafUntilMs: 20_000 }, plan: () => ({ talkMs: 500 }) }),
      faults: ['a', 'b', 'c'].map((node) => fault(900, 'crash', node, { released: false, forMs: 34_000 })),
    }),
    reaches: ['all nodes down at once'],
    judge: got(200),
    mutant: 'no grace after a takeover',
  },
];
