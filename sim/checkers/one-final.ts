/**
 * Invariants 10 and 17: the caller gets one final response to an INVITE, always the same when it is repeated; only 2xx may
 * be several (RFC 3261 16.7 step 5), each from another callee. A response goes to where its request came from.
 * Seen failing with: `finalStatus` left out of the snapshot; the timeout of a branch relayed after a 487.
 */
import type { Observer } from '../observe.ts';
import type { History } from '../stage.ts';

/** "Maximum duration a message will remain in the network" (RFC 3261 table 4). */
const T4 = 5_000;

export function oneFinal(world: History): Observer {
  const finals = new Map<string, { readonly status: number; readonly tag: string }>();
  const senders = new Map<string, string>();
  /** When an INVITE was sent last. */
  const sentAtMs = new Map<string, number>();
  /** INVITEs that were read later than a network may hold them up. */
  const late = new Set<string>();
  return {
    phoneSent(phone, message) {
      if (!message.isRequest || message.method === 'ACK') return;
      senders.set(message.transaction, phone);
      if (message.method === 'INVITE') sentAtMs.set(message.transaction, world.kernel.nowMs);
    },
    nodeReceived(_node, _worker, message) {
      if (typeof message === 'string' || !message.isRequest || message.method !== 'INVITE') return;
      if (world.kernel.nowMs - (sentAtMs.get(message.transaction) ?? Infinity) > T4) late.add(message.transaction);
    },
    phoneReceived(phone, message) {
      if (typeof message === 'string' || message.isRequest) return;
      const key = message.transaction;
      const sender = senders.get(key);
      if (sender !== undefined && sender !== phone)
        world.fail('one-final', 17, `a response to ${message.method} of ${sender} went to ${phone}`, message.callId);
      if (message.method !== 'INVITE' || message.status < 200) return;
      const before = finals.get(key);
      if (before === undefined) return void finals.set(key, { status: message.status, tag: message.toTag });
      const same = before.status === message.status && before.tag === message.toTag;
      const bothAnswers = before.status < 300 && message.status < 300;
      // 503 says that nothing could be decided; it is kept nowhere. Who owns the call after that decides anew when a copy of
      // the INVITE comes to it that was held up in a node that stood still; it may refuse, and nobody rings.
      const isAnew = before.status === 503 && message.status >= 300 && ownerMayDiffer(world);
      // Who stood still reads what came meanwhile when its transaction has been forgotten after timer I, as it may be since
      // nothing is in the network for longer than T4 (17.2.1). Refused it was, refused it is.
      const isLate = late.has(key) && before.status >= 300 && message.status >= 300;
      if (!same && !bothAnswers && !isAnew && !isLate && world.isStrict)
        world.fail(
          'one-final',
          10,
          `an INVITE got ${before.status} ${before.tag} and then ${message.status} ${message.toTag}`,
          message.callId,
        );
    },
  };
}

function ownerMayDiffer(world: History): boolean {
  return world.options.faults.some(({ kind, atMs }) => ownerEnds.has(kind) && atMs < world.kernel.nowMs);
}

const ownerEnds: ReadonlySet<string> = new Set(['crash', 'worker-crash', 'pause', 'isolate', 'island']);
