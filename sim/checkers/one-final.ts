/**
 * Invariants 10 and 17: the caller gets one final response to an INVITE, always the same when it is repeated; only 2xx may
 * be several (RFC 3261 16.7 step 5), each from another callee. A response goes to where its request came from.
 * Seen failing with: `finalStatus` left out of the snapshot; the timeout of a branch relayed after a 487.
 */
import type { Observer } from '../observe.ts';
import type { History } from '../stage.ts';

export function oneFinal(world: History): Observer {
  const finals = new Map<string, { readonly status: number; readonly tag: string }>();
  const senders = new Map<string, string>();
  return {
    phoneSent(phone, message) {
      if (message.isRequest && message.method !== 'ACK') senders.set(message.transaction, phone);
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
      if (!same && !bothAnswers && !isAnew && world.isStrict)
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
