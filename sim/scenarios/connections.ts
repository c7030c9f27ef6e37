/** Phones over TCP whose connections are lost in the middle of calls, and that come back by others. */
import { calls, options, stood } from './scenario.ts';
import { warmUpMs } from '../options.ts';
import type { Scenario } from './scenario.ts';

const users = 8;

export const connectionScenarios: readonly Scenario[] = [
  {
    name: 'phones that lose their connections in calls',
    seenIn: ['https://github.com/OpenSIPS/opensips/issues/3903', 'https://github.com/OpenSIPS/opensips/issues/1769'],
    breaks: 'a call is bound to the connection that it began on: after its loss nobody can hang up any more',
    options: options({
      calls: calls(users, {
        plan: (index) => ({
          hangup: index % 2 === 0 ? 'caller' : 'callee',
          reinvite: { afterMs: 9_000, by: index % 4 < 2 ? 'caller' : 'callee' },
        }),
      }),
      // Half of them say which flow it is (RFC 5626), the others only who they are.
      habits: Array.from({ length: users }, (_, index) => ({
        phone: `u${index}-0`,
        line: {
          grain: 'whole',
          readsWithinMs: 0,
          windowBytes: 65_536,
          listens: false,
          outbound: index % 2 === 0,
          pingEveryMs: 3_000,
        },
        isCompact: false,
        isEarly: false,
        forgetsAck: false,
      })),
      lineFaults: Array.from({ length: users }, (_, index) => ({
        atMs: warmUpMs + 3_000 + index * 500,
        phone: `u${index}-0`,
        kind: 'reset',
      })),
    }),
    reaches: [],
    judge: stood,
    mutant: 'calls forget where a phone has gone',
  },
];
