/**
 * Invariant 16: what makes a dialog is never changed by the way through the cluster. A request inside of a dialog reaches the
 * other side with the tags, CSeq number, method and body that its sender gave it; a CANCEL has the number of its INVITE;
 * and all that belongs to one dialog has one Record-Route list in one order, copies that a new owner sends too.
 * Seen failing with the mutants: 'Record-Route changes with the time of day', 'a CANCEL has a number of its own'.
 */
import type { Observer } from '../observe.ts';
import type { Message } from '../phone/message.ts';
import { valuesOf } from '../phone/message.ts';
import type { World } from '../world.ts';

export function dialogIdentity(world: World): Observer {
  /** Requests inside of dialogs as phones sent them: by Call-ID, and there by CSeq. */
  const sent = new Map<string, Map<number, Sent[]>>();
  const remember = (message: Message): void => {
    let ofCall = sent.get(message.callId);
    if (ofCall === undefined) sent.set(message.callId, (ofCall = new Map()));
    const { method, cseq, fromTag, toTag, body } = message;
    const same = ofCall.get(cseq);
    if (same?.some((each) => isSame(each, message)) === true) return;
    const own: Sent = { method, fromTag, toTag, body };
    if (same === undefined) ofCall.set(cseq, [own]);
    else same.push(own);
  };
  const sentAs = (message: Message): Sent | undefined =>
    sent
      .get(message.callId)
      ?.get(message.cseq)
      ?.find((each) => isSame(each, message));
  /** By branch: number and Record-Route of an INVITE as its callee got it. */
  const invites = new Map<string, { readonly cseq: number; readonly route: string }>();
  /** By Call-ID and both tags: the callees of a forked call may all ask their caller anew, each over a transport of its own. */
  const routes = new Map<string, string>();
  const sameRoute = (what: string, message: Message, route: string): void => {
    const key = `${message.callId} ${message.fromTag} ${message.toTag}`;
    const before = routes.get(key);
    if (before === undefined) routes.set(key, route);
    else if (before !== route)
      world.fail('dialog-identity', 16, `${what}: Record-Route was ${before} and is ${route}`, message.callId);
  };
  return {
    phoneSent(phone, message) {
      if (message.isRequest && message.toTag.length > 0) remember(message);
      // A 2xx or 18x of a callee fixes the route set of the dialog (12.1.1).
      if (!message.isRequest && message.method === 'INVITE' && message.status > 100 && message.status < 300)
        sameRoute(`${message.status} of ${phone}`, message, routeOf(message));
    },
    phoneReceived(phone, message) {
      if (typeof message === 'string') return;
      if (!message.isRequest) {
        if (message.method === 'INVITE' && message.status > 100 && message.status < 300 && message.toTag.length > 0)
          sameRoute(`${message.status} to ${phone}`, message, routeOf(message));
        return;
      }
      if (message.method === 'INVITE') {
        const route = routeOf(message);
        const before = invites.get(message.branch);
        invites.set(message.branch, { cseq: message.cseq, route });
        if (before !== undefined && (before.cseq !== message.cseq || before.route !== route))
          world.fail('dialog-identity', 16, `two copies of an INVITE to ${phone} differ`, message.callId);
      }
      const own = message.method === 'CANCEL' || (message.method === 'ACK' && invites.has(message.branch));
      if (own) {
        const invite = invites.get(message.branch);
        if (invite !== undefined && invite.cseq !== message.cseq)
          world.fail(
            'dialog-identity',
            16,
            `the ${message.method} of INVITE ${invite.cseq} has number ${message.cseq}`,
            message.callId,
          );
        return;
      }
      if (message.toTag.length === 0) return;
      const original = sentAs(message);
      if (original === undefined)
        world.fail('dialog-identity', 16, `${phone} got a ${nameOf(message)} that nobody sent`, message.callId);
      if (original.body !== message.body)
        world.fail('dialog-identity', 16, `the body of a ${message.method} changed on its way`, message.callId);
    },
  };
}

type Sent = Pick<Message, 'method' | 'fromTag' | 'toTag' | 'body'>;

/** Of those with one Call-ID and one number. */
function isSame(one: Sent, other: Message): boolean {
  return one.method === other.method && one.fromTag === other.fromTag && one.toTag === other.toTag;
}

function nameOf({ callId, fromTag, toTag, cseq, method }: Message): string {
  return `${method} ${cseq} ${callId} ${fromTag} ${toTag}`;
}

function routeOf(message: Message): string {
  return valuesOf(message.headers, 'record-route').join(', ');
}
