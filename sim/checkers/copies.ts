/**
 * Invariants 30 and 31, the memory of buddies: who acknowledges a copy has the rows of it, until the store has them; who
 * tells a next owner of them keeps them until that one says that they are stored; and after that acknowledges nothing of
 * an owner before. What was given away is told of by the worker that had it. In calm a copy goes as soon as the store has its
 * row: a buddy asks for what was left with it only limits.tailHeldMs later, and until then its memory is full of what nobody
 * needs.
 * Seen failing with the mutants: 'copies are forgotten when they are taken', 'copies are kept though the store has them'.
 */
import { markerKey, unpackWord } from '../../cluster/buddy/messages.ts';
import type { TailRow } from '../../cluster/buddy/messages.ts';
import type { Observer } from '../observe.ts';
import type { SimNode } from '../node.ts';
import { hasNarrowLinks } from '../options.ts';
import type { World } from '../world.ts';
import { Calm } from './calm.ts';

interface Copied {
  readonly epoch: number;
  /** By key, the last copy of a row: its number and content, to whom it went, and whether nobody needs it. */
  readonly rows: Map<string, Copy>;
  /** By key, the number of the last copy, needed or not. */
  readonly last: Map<string, number>;
}

interface Copy {
  readonly seq: number;
  readonly value: Uint8Array | null;
  readonly buddy: string;
  readonly isGone: boolean;
}

/** A copy that nobody needs any more, since then. */
interface Needless {
  readonly atMs: number;
  readonly partition: number;
  readonly of: Copied;
  readonly key: string;
  readonly seq: number;
  readonly buddy: string;
}

export function copies(world: World): Observer {
  const byPartition = new Map<number, Copied>();
  /** By node and partition: the epoch that it told its rows to. */
  const told = new Map<string, number>();
  /** By partition and key: what the store got last, which may be before the copy has left the process. */
  const stored = new Map<string, Uint8Array | null>();
  const calm = new Calm(world);
  const needless: Needless[] = [];
  // The store's answer, what it still has to do, a slow link: far below limits.tailHeldMs.
  const keptMsMax = 2_000 + 4 * world.options.storeMs[1] + 4 * world.options.linkMs[1];
  const isAsked = !hasNarrowLinks(world.options);
  const isStored = (partition: number, key: string, value: Uint8Array | null): boolean => {
    const has = stored.get(`${partition} ${key}`);
    return has !== undefined && isSame(has, value);
  };
  world.store.watches.push({
    written(partition, epoch, _owner, written, reply) {
      if (reply === 'ok') for (const [key, value] of written) stored.set(`${partition} ${key}`, value);
      const copied = byPartition.get(partition);
      if (reply !== 'ok' || copied === undefined || epoch < copied.epoch) return;
      for (const [key, value] of written) {
        if (key === markerKey) continue;
        const copy = copied.rows.get(key);
        copied.rows.delete(key);
        if (isAsked && copy !== undefined && epoch === copied.epoch && isSame(copy.value, value))
          needless.push({ atMs: world.kernel.nowMs, partition, of: copied, key, seq: copy.seq, buddy: copy.buddy });
      }
    },
  });
  const mustBeGone = ({ atMs, partition, of, key, seq, buddy }: Needless): void => {
    // Copied once more, or by somebody else.
    if (!calm.since(atMs) || byPartition.get(partition) !== of || of.last.get(key) !== seq) return;
    const node = world.nodes.get(buddy);
    if (node?.isAlive === true && node.hub.buddy.tails.holds(partition, key))
      world.fail('copies', 30, `${buddy} keeps ${key} for ${keptMsMax} ms though the store has it`, key.slice(5));
  };
  const mustHold = (node: SimNode, partition: number, key: string, what: string): void => {
    const isGiven = what === 'tells of' && node.workers.some((each) => each?.core.hosted.given.holds(partition, key));
    if (!isGiven && !node.hub.buddy.tails.holds(partition, key))
      world.fail('copies', 30, `${node.id} ${what} ${key} and does not have it`, key.slice(5));
  };
  return {
    ...calm.observer,
    stepped() {
      while (needless.length > 0 && needless[0]!.atMs + keptMsMax < world.kernel.nowMs) mustBeGone(needless.shift()!);
    },
    forwarded(node, peer, target, payload) {
      if (target[0] !== 3) return;
      const partition = target[1];
      const word = unpackWord(payload);
      if (word?.type === 'copy') {
        let copied = byPartition.get(partition);
        if (copied === undefined || copied.epoch < word.epoch)
          byPartition.set(partition, (copied = { epoch: word.epoch, rows: new Map(), last: new Map() }));
        if (copied.epoch === word.epoch)
          for (const [seq, key, value] of word.rows) {
            const isGone = value === null || isStored(partition, key, value);
            copied.rows.set(key, { seq, value, buddy: peer, isGone });
            copied.last.set(key, seq);
          }
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

function isSame(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a !== null && b !== null && Buffer.compare(a, b) === 0;
}
