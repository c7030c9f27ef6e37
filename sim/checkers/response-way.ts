/**
 * Invariant 17: a response goes back to where its request came from, whichever node sends it, and nowhere else.
 * Seen failing with the mutant: 'responses go to the default port'.
 */
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';

export function responseWay(world: World): Observer {
  /** By branch and method: address and port. */
  const sources = new Map<string, string>();
  return {
    nodeReceived(_node, _worker, message, _bytes, from) {
      if (typeof message === 'string' || !message.isRequest) return;
      const key = `${message.branch} ${message.method}`;
      if (!sources.has(key)) sources.set(key, `${from.address}:${from.port}`);
    },
    nodeSent(node, _worker, flow, message) {
      // A stream may have been opened anew, by whoever needed it first (18.2.2).
      if (typeof message === 'string' || message.isRequest || flow.protocol !== 'udp') return;
      const source = sources.get(`${message.branch} ${message.method}`);
      const to = `${flow.address}:${flow.port}`;
      if (source === to) return;
      world.fail(
        'response-way',
        17,
        `${node.id} sends ${message.status} for a ${message.method} from ${source ?? 'nobody'} to ${to}`,
        message.callId,
      );
    },
  };
}
