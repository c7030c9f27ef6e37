/**
 * What a phone gets through the proxy is what RFC 3261 16 makes of it: nothing is left of the Route that led here (16.4),
 * Record-Route names each way once (16.6 step 4), credentials for us end here (22.3), a 100 goes no further than one hop
 * (16.7 step 5), and a branch hears of a CANCEL only after it has been heard itself (9.1). Invariants 12, 13, 16 and 40.
 * Seen failing with the mutants: 'our Route stays in the request', 'two Record-Routes', 'credentials travel on',
 * 'a 100 is relayed', 'a CANCEL overtakes its INVITE'.
 */
import type { Observer } from '../observe.ts';
import { valueOf, valuesOf } from '../phone/message.ts';
import type { Message } from '../phone/message.ts';
import type { World } from '../world.ts';

export function asAProxy(world: World): Observer {
  /** Branches of INVITEs that have been heard of. */
  const heard = new Set<string>();
  const first = new Set<string>();
  const phonesTags = new Set<string>();
  return {
    phoneSent(_phone, message) {
      if (!message.isRequest && message.status === 100) phonesTags.add(message.toTag);
      // Inside of a dialog the proxy's own 100 has the tag of the request.
      if (message.isRequest && message.toTag.length === 0) first.add(message.branch);
    },
    nodeReceived(_node, _worker, message) {
      if (typeof message !== 'string' && !message.isRequest && message.method === 'INVITE') heard.add(message.branch);
    },
    nodeSent(node, _worker, _flow, message) {
      if (typeof message === 'string' || !message.isRequest || message.method !== 'CANCEL') return;
      if (heard.has(message.branch)) return;
      world.fail('as-a-proxy', 12, `${node.id} sends a CANCEL before anything was heard of its INVITE`, message.callId);
    },
    phoneReceived(phone, message) {
      if (typeof message === 'string') return;
      const wrong = message.isRequest ? wrongWith(message) : undefined;
      if (wrong !== undefined)
        world.fail('as-a-proxy', wrong[0], `${phone} got a ${message.method} ${wrong[1]}`, message.callId);
      if (!message.isRequest && message.status === 100 && first.has(message.branch) && phonesTags.has(message.toTag))
        world.fail('as-a-proxy', 13, `${phone} got the 100 of another phone`, message.callId);
    },
  };
}

function wrongWith(request: Message): readonly [invariant: number, what: string] | undefined {
  if (valueOf(request, 'route') !== undefined) return [16, `with a Route: ${valueOf(request, 'route')}`];
  if (valueOf(request, 'proxy-authorization') !== undefined) return [40, 'with credentials that were for the proxy'];
  const ways = valuesOf(request.headers, 'record-route');
  if (ways.length < 2) return undefined;
  if (new Set(ways).size < ways.length) return [16, `with one Record-Route twice: ${ways.join(', ')}`];
  return undefined;
}
