/**
 * Invariant 13: an INVITE that a healthy cluster has read is answered within 200 ms, by a 100 at least (RFC 3261 17.2.1).
 * A 100 stops the caller from repeating, so it leaves no sooner than the call is stored: where store and links of a world
 * are so slow that this alone takes longer, that is the limit. 503 is an answer too (shed).
 * Where a link broke a moment ago the INVITE, or a part of what it asks for, waits for the link. Over links that carry a few
 * messages at a time it waits for those of other calls, however long that takes. Where datagrams between workers get lost its
 * caller repeats it.
 * Seen failing with the mutant: 'no 100'.
 */
import type { Observer } from '../observe.ts';
import { hasNarrowLinks } from '../options.ts';
import type { World } from '../world.ts';
import { Calm } from './calm.ts';

export function provisional(world: World): Observer {
  if (hasNarrowLinks(world.options)) return {};
  const calm = new Calm(world);
  // Twice: what comes at the same moment waits for each other.
  const limitMs = Math.max(200, 2 * slowestMs(world));
  /** By branch, in the order of arrival. */
  const open = new Map<string, { readonly atMs: number; readonly callId: string }>();
  const answered = new Set<string>();
  return {
    ...calm.observer,
    nodeReceived(_node, _worker, message) {
      if (typeof message === 'string' || !message.isRequest || message.method !== 'INVITE') return;
      if (answered.has(message.branch) || open.has(message.branch)) return;
      open.set(message.branch, { atMs: world.kernel.nowMs, callId: message.callId });
    },
    nodeSent(_node, _worker, _flow, message) {
      if (typeof message === 'string' || message.isRequest || message.method !== 'INVITE') return;
      answered.add(message.branch);
      open.delete(message.branch);
    },
    stepped() {
      if (open.size === 0) return;
      for (const [branch, { atMs, callId }] of open) {
        if (world.kernel.nowMs - atMs <= limitMs) return;
        open.delete(branch);
        if (calm.since(atMs))
          world.fail('provisional', 13, `an INVITE is not answered in ${limitMs.toFixed(0)} ms`, callId);
      }
    },
  };
}

/** To the owner of the call, from there to two users and back, their records loaded; then the copy or the write; ticks in between. */
function slowestMs(world: World): number {
  const { linkMs, storeMs, threadMs, store, gate, trunk } = world.options;
  // A counter is asked too, and tells its buddy or the store before it answers.
  const more = trunk === undefined ? 0 : 1;
  const ways = (gate === 'buddy' ? 7 : 5) + 4 * more;
  return ways * (linkMs[1] + 2 * threadMs) + (3 + more) * (2 * storeMs[1] + 2 * store.forceMs[1]) + 50;
}
