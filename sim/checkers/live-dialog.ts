/**
 * Invariant 21: no 481 for a request inside of a dialog that the other side holds, at any time, faults or not: the route set
 * proves it to any node, and the other side knows it.
 * Seen failing with the mutant: 'a proof in the route set counts for nothing'.
 */
import type { Observer } from '../observe.ts';
import type { Message } from '../phone/message.ts';
import type { World } from '../world.ts';

export function liveDialog(world: World): Observer {
  /** Requests whose 481 was judged. */
  const judged = new Set<string>();
  const otherHolds = (message: Message, phone: string): boolean => {
    for (const each of world.phones.values()) {
      if (each.name === phone) continue;
      for (const dialog of each.dialogs(true))
        if (
          dialog.call.plan.callId === message.callId &&
          dialog.localTag === message.toTag &&
          dialog.remoteTag === message.fromTag
        )
          return true;
    }
    return false;
  };
  return {
    phoneReceived(phone, message) {
      if (typeof message === 'string' || message.isRequest || message.status !== 481) return;
      // A CANCEL is about a transaction, not about a dialog (9.2).
      if (message.method === 'CANCEL') return;
      const key = `${message.branch} ${message.method}`;
      // A late copy of an answer: the dialog may be another one by now.
      if (judged.has(key)) return;
      judged.add(key);
      if (message.method === 'BYE' && isBeforeAck(world, message.callId, phone)) return;
      if (otherHolds(message, phone))
        world.fail(
          'live-dialog',
          21,
          `${phone} got 481 to a ${message.method} in a dialog that stands`,
          message.callId,
        );
    },
  };
}

/**
 * RFC 3261 section 15: a callee hangs up only when it has the ACK. At the end of the world they all hang up at once, and then
 * the BYE may be there before the 200 of the INVITE.
 */
function isBeforeAck(world: World, callId: string, phone: string): boolean {
  const call = world.callWith(callId);
  const leg = call?.legs.find((each) => each.phone === phone);
  if (call === undefined || leg === undefined) return false;
  const bye = call.requests.findLast(({ by, method }) => by === 'callee' && method === 'BYE');
  return bye !== undefined && (leg.ackedAtMs === 0 || bye.sentAtMs < leg.ackedAtMs);
}
