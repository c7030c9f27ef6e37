/** Exact moments: what goes wrong only when one thing happens within some milliseconds of another. */
import { plainStore, warmUpMs } from '../options.ts';
import { plainHabits } from '../phone/habits.ts';
import type { Habits } from '../phone/habits.ts';
import { calls, fault, got, options, stood } from './scenario.ts';
import type { Scenario } from './scenario.ts';

/** A phone that keeps one connection. */
function overTcp(user: number): Habits {
  const line = {
    grain: 'whole',
    readsWithinMs: 0,
    windowBytes: 65_536,
    listens: false,
    outbound: true,
    pingEveryMs: 8_000,
  } as const;
  return { ...plainHabits, phone: `u${user}-0`, line };
}

const late = (call: { readonly plan: { readonly startMs: number } }, afterMs: number): boolean =>
  call.plan.startMs >= warmUpMs + afterMs;

export const momentScenarios: readonly Scenario[] = [
  {
    name: 'newcomer that nobody hears before it knows its voters',
    seenIn: [],
    breaks: 'one of two nodes declares a third dead on its own, because that one is no voter yet',
    options: options({
      seed: 2,
      linkMs: [0.05, 0.2],
      storeMs: [150, 200],
      faultMs: 30_000,
      calls: calls(30, { everyMs: 200 }),
      // It comes back after 300 ms and is cut off while it joins, when the others know its table: each time a little later.
      faults: [0, 1, 2, 3].flatMap((round) => [
        fault(500 + round * 7_000, 'crash', 'c'),
        fault(500 + round * 7_000 + 1_070 + round * 40, 'island', 'c', { forMs: 5_200 }),
        // So that a is the only one who can say anything.
        fault(2_600 + round * 7_000, 'store-cut', 'b', { forMs: 3_800 }),
      ]),
    }),
    reaches: ['vote while the lease runs'],
    judge: () => undefined,
    mutant: 'only the current voters vote',
  },
  {
    name: 'receiver that dies again and again',
    seenIn: ['https://github.com/akka/akka-core/issues/29034'],
    breaks:
      'what was on its way to a node that died is neither there nor here: its calls are stuck until the owner dies too',
    options: options({
      storeMs: [80, 200],
      faultMs: 12_000,
      calls: calls(60, { everyMs: 120, plan: () => ({ infoEveryMs: 1_500 }) }),
      // Up again 300 ms after each: the hand-overs to it are under way.
      faults: [500, 1_800, 3_200, 4_700, 6_300].map((atMs) => fault(atMs, 'crash', 'c')),
    }),
    reaches: ['released by a supervisor'],
    judge: () => undefined,
    mutant: 'what a dead receiver had is not taken back',
  },
  {
    name: 'store away when its shares are taken over',
    seenIn: [],
    breaks: 'a node serves what the store has not given it, and so does another one',
    options: options({
      storeMs: [20, 60],
      faultMs: 12_000,
      calls: calls(40, { everyMs: 120 }),
      // When the others have just heard of its end.
      faults: [500, 6_000].flatMap((atMs, round) => [
        fault(atMs, 'crash', 'c', { forMs: 500 }),
        ...['a', 'b'].map((node) => fault(atMs + 130 + round * 40, 'store-cut', node, { forMs: 2_800 })),
      ]),
    }),
    reaches: ['store away and back'],
    judge: () => undefined,
    mutant: 'a partition is served though nobody knows of its seal',
  },
  {
    name: 'hand-overs while the store is full',
    seenIn: [],
    breaks: 'a partition was stopped to be handed over, which cannot be, and is never let go again',
    options: options({
      calls: calls(60, { everyMs: 60, plan: () => ({ infoEveryMs: 900 }) }),
      faults: [fault(0, 'crash', 'c'), fault(400, 'store-full', 'a', { forMs: 3_000 })],
    }),
    reaches: ['freeze taken back', 'store full'],
    judge: () => undefined,
    mutant: 'a freeze is not taken back by the worker',
  },
  {
    name: 'calls answered while the store is full',
    seenIn: [],
    breaks: 'what could not be written is never written, and lost with its node long after the store has room again',
    options: options({
      gate: 'buddy',
      calls: calls(40, { everyMs: 40, plan: () => ({ talkMs: 19_000 }) }),
      faults: [fault(0, 'store-full', 'a', { forMs: 2_500 })],
    }),
    reaches: ['gate open because the store failed'],
    judge: stood,
    mutant: 'a failed write is not tried again',
  },
  {
    name: 'registrations while the store is full',
    seenIn: [],
    breaks: 'a phone is told that it is bound, and nobody knows of it when its node is lost',
    options: options({
      users: 14,
      faultMs: 20_000,
      calls: calls(8),
      registrations: Array.from({ length: 24 }, (_, index) => ({
        atMs: warmUpMs + 13_100 + index * 60,
        phone: `u${8 + (index % 6)}-0`,
        bind: Math.floor(index / 6) % 2 === 1,
      })),
      faults: [fault(13_000, 'store-full', 'a', { forMs: 2_500 })],
    }),
    reaches: ['store full', 'registration refused because the store failed'],
    judge: stood,
    mutant: 'a broken promise is kept all the same',
  },
  {
    name: 'calls that have slept are handed over',
    seenIn: [],
    breaks: 'what changed in a call just before it fell asleep is not known to its next owner',
    options: options({
      faultMs: 140_000,
      expiresSeconds: 600,
      calls: calls(24, { everyMs: 20, plan: () => ({ talkMs: 139_000, infoEveryMs: 70_000 }) }),
      faults: [fault(136_000, 'drain', 'b', { forMs: 100 })],
    }),
    reaches: ['hand-off by drain'],
    judge: stood,
    mutant: 'an entity falls asleep with what it has not written',
  },
  {
    name: 'users looked up when their callers move',
    seenIn: [],
    breaks:
      'a call over TCP that asks for its callee is handed over, and its next owner waits for somebody to say something',
    options: options({
      linkMs: [20, 60],
      storeMs: [0.5, 3],
      habits: Array.from({ length: 8 }, (_, user) => overTcp(user)),
      // c comes back while their callees are looked up, and gets its share.
      calls: calls(400, { fromMs: 100, everyMs: 3, plan: () => ({ talkMs: 4_000 }) }),
      faults: [fault(0, 'crash', 'c')],
    }),
    reaches: ['released by a supervisor'],
    judge: (call) => (call.finals.length > 0 ? undefined : 'got nothing'),
    mutant: 'an entity that asks is not woken by its next owner',
  },
  {
    name: 'calls cancelled while they wait for the store',
    seenIn: [],
    breaks: 'when there is much to do a CANCEL is refused before a new call is, and the phone rings on',
    options: options({
      squeeze: { mailboxItemsPerEntityMax: 4 },
      devices: Array.from({ length: 8 }, () => 2),
      calls: calls(40, {
        plan: (index) => ({
          cancelAfterMs: 40 + (index % 10) * 20,
          devices: [1, 2].map(() => ({ ringAfterMs: 20, does: 'ring' as const, status: 486, afterMs: 0 })),
        }),
        everyMs: 110,
      }),
      faults: [fault(0, 'store-slow', 'a', { forMs: 4_900 })],
    }),
    reaches: [],
    judge: got(487),
    mutant: 'urgent items come last',
  },
  {
    name: 'phones that are gone for long',
    seenIn: [],
    breaks: 'a registration sleeps through the end of its time, and stays',
    options: options({
      expiresSeconds: 100,
      faultMs: 96_000,
      registrations: [1, 3, 5, 7].map((user) => ({
        atMs: warmUpMs + 100,
        phone: `u${user}-0`,
        bind: false,
        silently: true,
      })),
      calls: calls(8, { plan: () => ({ talkMs: 500 }) }),
    }),
    reaches: [],
    judge: got(200),
    mutant: 'an entity falls asleep with its timers',
  },
  {
    name: 'calls to a phone whose time is over just now',
    seenIn: [],
    breaks: 'a call goes to a phone whose registration has lapsed, because nobody has come round to taking it out',
    options: options({
      expiresSeconds: 8,
      faultMs: 12_000,
      weather: { latencyMs: [1, 6], loss: 0, duplicates: 0, reorder: 0, reorderMs: 0 },
      registrations: [1, 3, 5, 7].map((user) => ({
        atMs: warmUpMs + 100,
        phone: `u${user}-0`,
        bind: false,
        silently: true,
      })),
      calls: calls(200, {
        fromMs: 6_440,
        everyMs: 1,
        plan: (index) => ({
          caller: `u${(index % 4) * 2}-0`,
          callee: `u${(Math.floor(index / 4) % 4) * 2 + 1}`,
          talkMs: 500,
        }),
      }),
    }),
    reaches: [],
    judge: () => undefined,
    mutant: 'bindings live for ever',
  },
  {
    name: 'nodes that are back before anybody missed them',
    seenIn: ['https://github.com/OpenSIPS/opensips/issues/4074'],
    breaks: 'a node is another one than it was under the same name, and is sent what was meant for the one before',
    options: options({
      linkMs: [1, 10],
      linkBytes: { grain: 'whole', readsWithinMs: 0, windowBytes: 65_536 },
      calls: calls(70, { everyMs: 100, plan: () => ({ talkMs: 14_000, infoEveryMs: 1_500 }) }),
      faults: [1_000, 2_800, 4_600].map((atMs, index) =>
        fault(atMs, 'crash', ['a', 'b', 'c'][index]!, { released: false, forMs: 0 }),
      ),
    }),
    reaches: ['restarted under a new incarnation', 'takeover of a call that stands'],
    judge: stood,
    mutant: 'a new process is taken for the one before',
  },
  {
    name: 'everything gone, with what the store had',
    seenIn: ['https://github.com/dotnet/orleans/issues/7784'],
    breaks: 'a cluster begins anew with numbers that were used before, and somebody takes an old table for a new one',
    options: options({
      store: { ...plainStore, kind: 'redis', replicas: 1 },
      expiresSeconds: 8,
      calls: [...calls(10, { everyMs: 100 }), ...calls(12, { fromMs: 8_700, everyMs: 20 })],
      faults: [...['a', 'b', 'c'].map((node) => fault(2_000, 'crash', node)), fault(2_050, 'store-wiped', 'a')],
    }),
    reaches: ['all nodes down at once', 'two tables of one epoch'],
    judge: (call) => (late(call, 8_700) ? stood(call) : undefined),
  },
];
