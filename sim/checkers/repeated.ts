/**
 * Invariant 14: a request that left over UDP, and that nobody has answered, leaves once more after T1 (RFC 3261 17.1.1.2
 * timer A, 17.1.2.2 timer E) while the cluster is in good health. The other side of `timers`, which says that it does not
 * leave sooner.
 * Seen failing with the mutants: 'INVITEs are not repeated', 'requests are not repeated'.
 */
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';
import { Calm } from './calm.ts';

/** T1, a tick of the timers, clocks of two speeds, and a store that is asked before. */
const dueMs = 1_500;

interface Open {
  readonly atMs: number;
  readonly method: string;
  readonly callId: string;
}

export function repeated(world: World): Observer {
  const calm = new Calm(world);
  /** By transaction, in the order in which they left. */
  const open = new Map<string, Open>();
  /** Transactions that were answered or repeated. */
  const over = new Set<string>();
  const close = (transaction: string): void => {
    open.delete(transaction);
    over.add(transaction);
  };
  return {
    ...calm.observer,
    nodeSent(_node, _worker, flow, message) {
      if (typeof message === 'string' || !message.isRequest || message.method === 'ACK' || flow.protocol !== 'udp')
        return;
      const { transaction, method, callId } = message;
      if (open.has(transaction)) close(transaction);
      else if (!over.has(transaction)) open.set(transaction, { atMs: world.kernel.nowMs, method, callId });
    },
    nodeReceived(_node, _worker, message) {
      if (typeof message !== 'string' && !message.isRequest) close(message.transaction);
    },
    stepped() {
      for (const [transaction, { atMs, method, callId }] of open) {
        if (world.kernel.nowMs - atMs <= dueMs) return;
        close(transaction);
        if (calm.since(atMs))
          world.fail('repeated', 14, `nobody answered a ${method}, and it did not go again`, callId);
      }
    },
  };
}
