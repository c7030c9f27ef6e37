/** Networks that break between nodes which live on. */
import { plainStore, warmUpMs } from '../options.ts';
import { calls, fault, options, stood } from './scenario.ts';
import type { Scenario } from './scenario.ts';

export const splitScenarios: readonly Scenario[] = [
  {
    name: 'split with both sides alive',
    seenIn: ['https://github.com/bitwalker/swarm/issues/86', 'https://github.com/bitwalker/swarm/issues/124'],
    breaks: 'both sides run the same call, or one side loses it when the network is whole again',
    options: options({
      calls: calls(45, { everyMs: 150, plan: () => ({ infoEveryMs: 2_000 }) }),
      faults: ['b', 'c'].map((other) => fault(2_000, 'cut', 'a', { other, forMs: 3_000 })),
    }),
    reaches: ['item forwarded to another node'],
    judge: (call) => (call.plan.startMs < warmUpMs + 5_500 ? undefined : stood(call)),
    mutant: 'a vote kills in spite of the lease',
  },
  {
    name: 'split with one side away from the store',
    seenIn: ['https://github.com/elixir-horde/horde/issues/186', 'https://github.com/elixir-horde/horde/issues/161'],
    breaks: 'the side that is cut off goes on although the other side has taken its calls',
    options: options({
      calls: [
        ...calls(40, { everyMs: 120, plan: () => ({ talkMs: 14_000 }) }),
        ...calls(12, { fromMs: 8_000, everyMs: 80 }),
      ],
      faults: [fault(2_000, 'island', 'a', { forMs: 5_000 })],
    }),
    reaches: ['latch set and cleared'],
    judge: (call) => (call.plan.startMs < warmUpMs + 8_000 ? undefined : stood(call)),
    mutant: 'a node acts for its whole lease and longer',
  },
  {
    name: 'store that takes everything and answers nothing',
    seenIn: ['https://github.com/redis/ioredis/issues/1021'],
    breaks: 'no error, no answer: whoever waits for the store waits for ever, and so do all calls behind it',
    options: options({
      store: { ...plainStore, kind: 'redis', replicas: 1 },
      calls: [
        ...calls(30, { everyMs: 150, plan: () => ({ talkMs: 14_000, infoEveryMs: 2_500 }) }),
        ...calls(12, { fromMs: 8_500, everyMs: 40 }),
      ],
      faults: [fault(2_000, 'store-down', 'a', { released: false, forMs: 4_500 })],
    }),
    reaches: ['store away and back', 'gate open because the store failed'],
    judge: (call) => (call.plan.startMs >= warmUpMs + 8_500 ? stood(call) : undefined),
  },
  {
    name: 'votes that a failover forgets',
    seenIn: [],
    breaks: 'votes of before the failover and of after it add up, or a node that was dead lives again',
    options: options({
      store: { ...plainStore, kind: 'redis', replicas: 1, lagMs: [20, 60] },
      calls: [
        ...calls(30, { everyMs: 150, plan: () => ({ talkMs: 14_000 }) }),
        ...calls(12, { fromMs: 8_500, everyMs: 40 }),
      ],
      faults: [
        fault(400, 'crash', 'a', { released: false, forMs: 6_000 }),
        fault(3_100, 'redis-failover', 'b', { tailMs: 400, forMs: 600 }),
      ],
    }),
    reaches: ['killed by votes', 'votes lost with what the store lost'],
    judge: (call) => (call.plan.startMs >= warmUpMs + 8_500 ? stood(call) : undefined),
  },
];
