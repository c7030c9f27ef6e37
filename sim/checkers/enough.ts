/**
 * Invariant 15: what was heard is not said again, while the cluster is in good health: an INVITE after any response to it,
 * another request after its final response, a refusal after its ACK (RFC 3261 17.1.1.2, 17.1.2.2, 17.2.1). Not where workers
 * lose what they send each other.
 * Seen failing with the mutants: 'a ringing phone is invited on', 'a final response does not stop the requests', 'the ACK
 * stops no repetition'.
 */
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';
import { Calm } from './calm.ts';

/** What was read by any node is known to the owner by then. */
const knownMs = 1_200;

export function enough(world: World): Observer {
  const calm = new Calm(world);
  /** When it was first heard, by the transaction of a request of ours, or by the branch of a refused INVITE. */
  const answered = new Map<string, number>();
  const acknowledged = new Map<string, number>();
  const hear = (heard: Map<string, number>, name: string): void => {
    if (!heard.has(name)) heard.set(name, world.kernel.nowMs);
  };
  return {
    ...calm.observer,
    nodeReceived(_node, _worker, message) {
      if (typeof message === 'string') return;
      const { isRequest, method, status, branch, transaction } = message;
      if (isRequest && method === 'ACK') hear(acknowledged, branch);
      if (!isRequest && (method === 'INVITE' || status >= 200)) hear(answered, transaction);
    },
    nodeSent(node, _worker, flow, message) {
      if (typeof message === 'string' || flow.protocol !== 'udp') return;
      const { isRequest, method, status, branch, callId, transaction } = message;
      if (!isRequest && (method !== 'INVITE' || status < 300)) return;
      const atMs = isRequest ? answered.get(transaction) : acknowledged.get(branch);
      if (atMs === undefined || world.kernel.nowMs - atMs < knownMs || !calm.since(atMs)) return;
      const what = isRequest ? `a ${method} again that was answered` : `a ${status} again that was acknowledged`;
      world.fail('enough', 15, `${node.id} sends ${what} ${(world.kernel.nowMs - atMs).toFixed(0)} ms ago`, callId);
    },
  };
}
