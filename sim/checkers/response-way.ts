/**
 * Invariant 17: a response goes back to where its request came from, whichever node sends it, and nowhere else.
 * Seen failing with the mutant: 'responses go to the default port'.
 */
import { nameOf } from '../network.ts';
import type { Endpoint } from '../network.ts';
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';

export function responseWay(world: World): Observer {
  /** By transaction. */
  const sources = new Map<string, Endpoint>();
  return {
    nodeReceived(_node, _worker, message, _bytes, from) {
      if (typeof message === 'string' || !message.isRequest) return;
      if (!sources.has(message.transaction)) sources.set(message.transaction, from);
    },
    nodeSent(node, _worker, flow, message) {
      // A stream may have been opened anew, by whoever needed it first (18.2.2).
      if (typeof message === 'string' || message.isRequest || flow.protocol !== 'udp') return;
      const source = sources.get(message.transaction);
      if (source !== undefined && source.address === flow.address && source.port === flow.port) return;
      world.fail(
        'response-way',
        17,
        `${node.id} sends ${message.status} for a ${message.method} from ${source === undefined ? 'nobody' : nameOf(source)} to ${nameOf(flow)}`,
        message.callId,
      );
    },
  };
}
