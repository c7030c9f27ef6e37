/** Networks that break between nodes which live on. */
import { warmUpMs } from '../options.ts';
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
];
