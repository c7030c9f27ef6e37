/**
 * Invariant 30: no packet that others may rely on leaves before the store, or the memory of a buddy whom the store names,
 * has what it relies on: at the moment when a phone is invited, or a caller is told of ringing or an answer, there is a row
 * of that call; when a REGISTER is answered 200, one of that address-of-record as long as it has contacts.
 * Seen failing with: `save('none')` in actors/call/save.ts; packets let out at the end of the turn.
 */
import { markerKey, readMarker } from '../../cluster/buddy/messages.ts';
import { hash32 } from '../../cluster/hash.ts';
import { limits } from '../../src/limits.ts';
import type { SimNode } from '../node.ts';
import type { Observer } from '../observe.ts';
import { valueOf, uriOf } from '../phone/message.ts';
import { silentStopMs } from '../store/loss.ts';
import type { World } from '../world.ts';
import { Stops } from './stops.ts';

export function gate(world: World): Observer {
  const rows = new Set<string>();
  /** Calls of which something left while they were kept, and the process that let it out. */
  const once = new Map<string, SimNode>();
  /** Transactions of REGISTERs that were answered: what is said again was true when it was said first (RFC 3261 17.2.2). */
  const told = new Set<string>();
  /** When rows were removed that had been there. */
  const removed = new Map<string, number>();
  const named = new Map<number, string>();
  const isKept = (partition: number, key: string): boolean =>
    rows.has(key) ||
    // In the memory of one whom the next owner will ask, because the store names him.
    [...world.nodes.values()].some(
      (node) => node.hub.buddy.tails.holds(partition, key) && named.get(partition) === node.owner.name,
    );
  const stops = new Stops(world, limits.redisSilenceMs);
  /**
   * A process that stood still for so long gives up its connections to a Redis, as there was nothing to be heard of them: what
   * was under way is unknown, and until there are new ones and the rows are written again it is as if the store were away.
   */
  const isCutOff = (node: SimNode): boolean =>
    world.options.store.kind === 'redis' && stops.sinceMs(node) < silentStopMs;
  world.store.watches.push({
    written(partition, _epoch, _owner, written, reply) {
      if (reply !== 'ok') return;
      for (const [key, value] of written) {
        if (key === markerKey && value !== null) named.set(partition, readMarker(value)?.buddy ?? '');
        if (value !== null) rows.add(key);
        else if (rows.delete(key)) removed.set(key, world.kernel.nowMs);
      }
    },
  });
  return {
    stepped(node) {
      stops.stepped(node);
    },
    nodeSent(node, _worker, flow, message) {
      if (world.losses.mayOpenGates || world.options.gate === 'off' || typeof message === 'string') return;
      if (message.method === 'INVITE') {
        const partition = hash32(message.callId) & (world.options.partitions - 1);
        const relied = message.isRequest ? message.toTag.length === 0 : message.status > 100 && message.status < 300;
        const kept = relied && isKept(partition, `call:${message.callId}`);
        if (kept) once.set(message.callId, node);
        // Over a connection it may have waited for the link to the node that holds it, longer than the call was kept.
        const isLate = flow.connection !== '' && once.has(message.callId);
        // The buddy has died since he acknowledged it. The owner lives, repeats what it sent, and writes it now.
        const isHeld = once.get(message.callId) === node;
        if (relied && !kept && !isLate && !isHeld && !isCutOff(node))
          world.fail(
            'gate',
            30,
            `${node.id} (partition ${partition}) lets out ${message.isRequest ? 'an INVITE' : message.status} of a call that is not stored`,
            message.callId,
          );
      }
      if (message.method === 'REGISTER' && message.status === 200 && valueOf(message, 'contact') !== undefined) {
        if (told.has(message.transaction)) return;
        told.add(message.transaction);
        const aor = uriOf(valueOf(message, 'to')!);
        // The next REGISTER, of another device, took the row away while this answer waited for the same write.
        const wasJustRemoved = world.kernel.nowMs - (removed.get(`aor:${aor}`) ?? -Infinity) <= 1_000;
        if (!rows.has(`aor:${aor}`) && !wasJustRemoved)
          world.fail('gate', 30, `${node.id} answers a REGISTER of ${aor}, which is not stored`);
      }
    },
  };
}
