/**
 * Invariant 14: what the server repeats to a phone, it repeats by the timers of RFC 3261, also after a takeover: never
 * sooner than T1 after the first, never at shorter distances than half of what the timers say, and its give-up responses
 * never before 64*T1 or the no-answer time.
 * Seen failing with: timer B of 3.2 s; slots not skipped after a takeover (a burst).
 */
import type { Observer } from '../observe.ts';
import { limits } from '../../src/limits.ts';
import type { World } from '../world.ts';

const T1 = 500;

export function timers(world: World): Observer {
  const sent = new Map<string, { firstMs: number; lastMs: number; count: number }>();
  /** When the caller's INVITE came first. */
  const invited = new Map<string, number>();
  return {
    phoneSent(_phone, message) {
      const key = `${message.branch} ${message.method}`;
      if (message.isRequest && message.method === 'INVITE' && !invited.has(key)) invited.set(key, world.kernel.nowMs);
    },
    nodeSent(node, _worker, flow, message) {
      if (typeof message === 'string') return;
      const nowMs = world.kernel.nowMs;
      if (!message.isRequest) {
        if (message.status === 408 && message.method === 'INVITE') {
          const atMs = invited.get(`${message.branch} INVITE`);
          const leastMs = Math.min(64 * T1, world.options.noAnswerMs) - 2 * limits.timerTickMs - 50;
          if (atMs !== undefined && nowMs - atMs < leastMs)
            world.fail('timers', 14, `408 after ${(nowMs - atMs).toFixed(0)} ms`, message.callId);
        }
        return;
      }
      if (message.method === 'ACK') return;
      const key = `${message.branch} ${message.method} ${flow.address}`;
      const before = sent.get(key);
      if (before === undefined) return void sent.set(key, { firstMs: nowMs, lastMs: nowMs, count: 1 });
      // Another process goes on from the snapshot; what was on its way from the one that died is not its fault.
      const gapMs = nowMs - before.lastMs;
      if (gapMs < T1 / 2 - 2 * limits.timerTickMs)
        world.fail('timers', 14, `${node.id} repeats a ${message.method} after ${gapMs.toFixed(0)} ms`, message.callId);
      before.lastMs = nowMs;
      before.count++;
    },
  };
}
