/**
 * Invariants 30 and 31, the memory of buddies: who acknowledges a copy has the rows of it, until the store has them; who
 * tells a next owner of them keeps them until that one says that they are stored; and after that acknowledges nothing of
 * an owner before.
 * Seen failing with the mutant: 'copies are forgotten when they are taken'.
 */
import { markerKey, unpackWord } from '../../cluster/buddy/messages.ts';
import type { TailRow } from '../../cluster/buddy/messages.ts';
import type { Observer } from '../observe.ts';
import type { SimNode } from '../node.ts';
import type { World } from '../world.ts';

interface Copied {
  readonly epoch: number;
  /** By key, the last copy of a row: its number, and whether nobody needs it. */
  readonly rows: Map<string, { readonly seq: number; readonly isGone: boolean }>;
}

export function copies(world: World): Observer {
  const byPartition = new Map<number, Copied>();
  /** By node and partition: the epoch that it told its rows to. */
  const told = new Map<string, number>();
  /** By partition and key: what the store got last, which may be before the copy has left the process. */
  const stored = new Map<string, Uint8Array | null>();
  const isStored = (partition: number, key: string, value: Uint8Array | null): boolean => {
    const has = stored.get(`${partition} ${key}`);
    return has instanceof Uint8Array && value !== null && Buffer.compare(has, value) === 0;
  };
  world.store.watches.push({
    written(partition, epoch, _owner, written, reply) {
      if (reply === 'ok') for (const [key, value] of written) stored.set(`${partition} ${key}`, value);
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
          for (const [seq, key, value] of word.rows)
            copied.rows.set(key, { seq, isGone: value === null || isStored(partition, key, value) });
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
