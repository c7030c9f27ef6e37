/**
 * Invariants 16 and 20: inside of a dialog the numbers of new requests grow in each direction as the other side sees them,
 * tags do not change, and whatever a phone gets has come through few hops: Max-Forwards is one less than it was sent with.
 * Seen failing with: Max-Forwards written anew by each node that a request passes.
 */
import type { Observer } from '../observe.ts';
import { valueOf, valuesOf } from '../phone/message.ts';
import type { History } from '../stage.ts';

export function dialogStable(world: History): Observer {
  return {
    phoneReceived(phone, message) {
      if (typeof message === 'string' || !message.isRequest) return;
      const hops = Number(valueOf(message, 'max-forwards'));
      const vias = valuesOf(message.headers, 'via').length;
      // CANCEL and the ACK to a non-2xx are made by the proxy itself (16.10, 17.1.1.3).
      const own = vias === 1 && (message.method === 'CANCEL' || message.method === 'ACK');
      if (own) return;
      if (vias !== 2 || hops !== 69)
        world.fail(
          'dialog-stable',
          20,
          `${phone} got a ${message.method} with ${vias} Vias and Max-Forwards ${hops}`,
          message.callId,
        );
    },
  };
}
