/** Copies in the memory of buddies, and links of octets that break: much at once, so that something is always under way. */
import { calls, fault, options, stood } from './scenario.ts';
import { nodeName, warmUpMs } from '../options.ts';
import type { CallRecord } from '../phone/history.ts';
import type { Scenario } from './scenario.ts';

/** A caller hears of its INVITE soon, whatever a buddy does. */
function soon(call: CallRecord): string | undefined {
  const waitedMs = call.triedAtMs - call.invitedAtMs;
  return waitedMs > 700 ? `waited ${waitedMs.toFixed(0)} ms for its 100` : stood(call);
}

export const copyScenarios: readonly Scenario[] = [
  {
    name: 'owners lost while their buddies have the rest',
    seenIn: [],
    breaks: 'what was promised by the word of a buddy is not there when the buddy is asked for it',
    options: options({
      gate: 'buddy',
      partitions: 16,
      linkMs: [5, 30],
      storeMs: [20, 60],
      faultMs: 11_000,
      calls: [0, 7_000].flatMap((fromMs) =>
        calls(90, { fromMs, everyMs: 25, plan: (index) => ({ talkMs: [300, 1_400, 14_000][index % 3]! }) }),
      ),
      // So far from each other that nothing may be lost.
      faults: [fault(1_700, 'crash', 'a'), fault(8_600, 'crash', 'c')],
    }),
    reaches: ['takeover of a call that stands'],
    judge: stood,
    mutant: 'nobody is asked for his copies',
  },
  {
    name: 'buddies that say nothing for a moment',
    seenIn: [],
    breaks: 'a call waits for the acknowledgement of a node that cannot be heard',
    options: options({
      gate: 'buddy',
      partitions: 16,
      spread: 'hash',
      linkMs: [0.2, 3],
      storeMs: [0.5, 6],
      calls: calls(120, { everyMs: 30, plan: () => ({ talkMs: 5_000 }) }),
      faults: [500, 1_500, 2_500].flatMap((atMs, index) => {
        const node = nodeName(index);
        return [nodeName((index + 1) % 3), nodeName((index + 2) % 3)].map((other) =>
          fault(atMs, 'one-way-cut', node, { other, forMs: 400 }),
        );
      }),
    }),
    reaches: [],
    judge: (call) => (call.plan.callee === call.plan.caller ? undefined : soon(call)),
  },
  {
    name: 'links that break all the time',
    seenIn: [],
    breaks: 'what was under way on a connection that broke is lost, or comes twice',
    options: options({
      linkMs: [5, 30],
      linkBytes: { grain: 'pieces', readsWithinMs: 0, windowBytes: 65_536 },
      calls: calls(120, { everyMs: 30, plan: () => ({ talkMs: 1_500, infoEveryMs: 600 }) }),
      linkFaults: Array.from({ length: 24 }, (_, index) => ({
        atMs: warmUpMs + 300 + index * 170,
        from: nodeName(index % 3),
        to: nodeName((index + 1) % 3),
        kind: 'reset' as const,
      })),
    }),
    reaches: ['item forwarded to another node'],
    judge: stood,
    mutant: 'a link that comes back writes nothing again',
  },
];
