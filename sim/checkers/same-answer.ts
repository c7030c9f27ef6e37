/**
 * Invariant 32, of registrations: a REGISTER that comes again over UDP gets the very answer that it got before, until timer J
 * (RFC 3261 17.2.2), and is not carried out once more, while nothing disturbs the cluster.
 * Seen failing with the mutant: 'answers are not known any more'.
 */
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';
import { Calm } from './calm.ts';

/** 64*T1, and clocks of two speeds. */
const timerJMs = 31_900;

export function sameAnswer(world: World): Observer {
  const calm = new Calm(world);
  /** By transaction, what it got. */
  const answers = new Map<string, { readonly bytes: Buffer; readonly atMs: number }>();
  return {
    ...calm.observer,
    nodeSent(_node, _worker, flow, message, bytes) {
      if (typeof message === 'string' || message.isRequest || message.method !== 'REGISTER') return;
      if (flow.protocol !== 'udp') return;
      const before = answers.get(message.transaction);
      const { nowMs } = world.kernel;
      if (before === undefined) {
        // A challenge is kept by nobody.
        if (message.status >= 200 && message.status < 300) answers.set(message.transaction, { bytes, atMs: nowMs });
      } else if (nowMs - before.atMs < timerJMs && calm.since(before.atMs) && !bytes.equals(before.bytes))
        world.fail(
          'same-answer',
          32,
          `a REGISTER that came again got ${message.status} ${(nowMs - before.atMs).toFixed(0)} ms after another answer`,
          message.callId,
        );
    },
  };
}
