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

/** One request by one way. */
interface Sent {
  readonly address: string;
  /** How many had begun to serve its partition when it was sent first. */
  readonly began: number;
  copies: number;
  /** The octets of a CANCEL. */
  cancel: string;
  /** Where else it went. */
  readonly next: Sent | undefined;
}

export function oneTimer(world: World): Observer {
  // Each fault may bring one new owner, who repeats what it finds once.
  const extra = world.options.faults.length;
  /** By transaction, and there by where it went. */
  const sent = new Map<string, Sent>();
  /** By partition, how many workers have begun to serve it. */
  const owners = new Map<number, number>();
  const ownersOf = (callId: string): number => owners.get(hash32(callId) & (world.options.partitions - 1)) ?? 0;
  return {
    reported(_node, { type, shares }) {
      if (type !== 'serving') return;
      for (const { partition } of shares) owners.set(partition, (owners.get(partition) ?? 0) + 1);
    },
    nodeSent(node, _worker, flow, message, bytes) {
      if (typeof message === 'string' || !message.isRequest || message.method === 'ACK') return;
      const first = sent.get(message.transaction);
      let way = first;
      while (way !== undefined && way.address !== flow.address) way = way.next;
      if (way === undefined) {
        way = { address: flow.address, began: ownersOf(message.callId), copies: 0, cancel: '', next: first };
        sent.set(message.transaction, way);
      }
      const copies = ++way.copies;
      const more = flow.connection === '' ? 0 : ownersOf(message.callId) - way.began;
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
      const before = way.cancel;
      if (before === '') way.cancel = text;
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
