/**
 * Invariants 30 and 31, the memory of buddies: who acknowledges a copy has the rows of it, until the store has them; who
 * tells a next owner of them keeps them until that one says that they are stored; and after that acknowledges nothing of
 * an owner before.
 * Seen failing with the mutants: 'copies with a gap are taken', 'copies are forgotten when they are taken'.
 */
import { markerKey, unpackWord } from '../../cluster/buddy/messages.ts';
import type { TailRow } from '../../cluster/buddy/messages.ts';
import type { Observer } from '../observe.ts';
import type { SimNode } from '../node.ts';
import type { World } from '../world.ts';

interface Copied {
  readonly epoch: number;
  /** By key, the last copy of a row: its number, and whether it is there still. */
  readonly rows: Map<string, { readonly seq: number; readonly isGone: boolean }>;
}

export function copies(world: World): Observer {
  const byPartition = new Map<number, Copied>();
  /** By node and partition: the epoch that it told its rows to. */
  const told = new Map<string, number>();
  world.store.watches.push({
    written(partition, epoch, _owner, written, reply) {
      const copied = byPartition.get(partition);
      if (reply !== 'ok' || copied === undefined || epoch < copied.epoch) return;
      for (const [key] of written) if (key !== markerKey) copied.rows.delete(key);
    },
  });
  const mustHold = (node: SimNode, partition: number, key: string, what: string): void => {
    if (!node.hub.buddy.tails.holds(partition, key))
      world.fail('copies', 30, `${node.id} ${what} ${key} and does not have it`, key.slice(5));
  };
  return {
    forwarded(node, _peer, target, payload) {
      if (target[0] !== 3) return;
      const partition = target[1];
      const word = unpackWord(payload);
      if (word?.type === 'copy') {
        let copied = byPartition.get(partition);
        if (copied === undefined || copied.epoch < word.epoch)
          byPartition.set(partition, (copied = { epoch: word.epoch, rows: new Map() }));
        if (copied.epoch === word.epoch)
          for (const [seq, key, value] of word.rows) copied.rows.set(key, { seq, isGone: value === null });
      } else if (word?.type === 'ack') {
        if (word.epoch < (told.get(`${node.owner.name} ${partition}`) ?? 0))
          world.fail(
            'copies',
            30,
            `${node.id} acknowledges epoch ${word.epoch} of partition ${partition}, which is over`,
          );
        const copied = byPartition.get(partition);
        if (copied?.epoch !== word.epoch) return;
        for (const [key, { seq, isGone }] of copied.rows)
          if (seq > word.base && seq <= word.seq && !isGone) mustHold(node, partition, key, 'acknowledges');
      } else if (word?.type === 'tail') {
        told.set(`${node.owner.name} ${partition}`, word.epoch);
        for (const [, key, value] of word.rows as readonly TailRow[])
          if (value !== null) mustHold(node, partition, key, 'tells of');
      }
    },
  };
}
