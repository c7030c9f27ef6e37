/**
 * Invariant 15: no timer fires twice: a request is sent as often as timers A and E allow within 64*T1 and not once more,
 * and a branch has one CANCEL, the same octets each time. A node that takes over may send what the lost one sent already; over
 * TCP, where nothing is repeated otherwise, each next owner does so by timers of its own.
 * Seen failing with the mutants: 'timer A does not double', 'CANCELs carry the moment'.
 */
import { hash32 } from '../../cluster/hash.ts';
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';

/** RFC 3261 17.1.1.2 and 17.1.2.2: the first copy, and what fits into 64*T1 with gaps that double (up to T2). */
const copiesMax = { INVITE: 7, other: 11 };

export function oneTimer(world: World): Observer {
  // Each fault may bring one new owner, who repeats what it finds once.
  const extra = world.options.faults.length;
  const sent = new Map<string, number>();
  /** By partition, how many workers have begun to serve it; by transaction, how many had when it began. */
  const owners = new Map<number, number>();
  const began = new Map<string, number>();
  const cancels = new Map<string, string>();
  return {
    reported(_node, { type, shares }) {
      if (type !== 'serving') return;
      for (const { partition } of shares) owners.set(partition, (owners.get(partition) ?? 0) + 1);
    },
    nodeSent(node, _worker, flow, message, bytes) {
      if (typeof message === 'string' || !message.isRequest || message.method === 'ACK') return;
      const key = `${message.transaction} ${flow.address}`;
      const copies = (sent.get(key) ?? 0) + 1;
      sent.set(key, copies);
      const count = owners.get(hash32(message.callId) & (world.options.partitions - 1)) ?? 0;
      if (copies === 1) began.set(key, count);
      const more = flow.connection === '' ? 0 : count - began.get(key)!;
      const most = (message.method === 'INVITE' ? copiesMax.INVITE : copiesMax.other) * (1 + more) + extra;
      if (copies > most)
        world.fail(
          'one-timer',
          15,
          `${node.id} sends a ${message.method} for the ${copies}th time, timers allow ${most}`,
          message.callId,
        );
      // Who takes over from a node that could not store what it did may cancel for another reason.
      if (message.method !== 'CANCEL' || !world.isStrict) return;
      const text = bytes.toString('latin1');
      const before = cancels.get(key);
      if (before === undefined) cancels.set(key, text);
      else if (before !== text)
        world.fail(
          'one-timer',
          15,
          `${node.id} sends another CANCEL for one branch: ${text} instead of ${before}`,
          message.callId,
        );
    },
  };
}
