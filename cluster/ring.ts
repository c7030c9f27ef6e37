/**
 * Consistent hashing: for every partition the order in which nodes (or workers) are preferred for it. Built by
 * hashring, always with explicit virtual nodes: its default count loses one to rounding at some cluster sizes and then
 * moves partitions between old nodes.
 */
import { createHash } from 'node:crypto';
import HashRing from 'hashring';

export interface RingMember {
  /** Stable name: a node id, never an incarnation or an address. */
  readonly id: string;
  /** Share relative to the others; at least 1. */
  readonly weight: number;
}

/** Points of one unit of weight, times the four that hashring makes of each digest. */
const vnodesPerWeight = 64;
const ringsRemembered = 4;

/** Remembers the last few rings: plans are made often, the set of members changes seldom. */
export class Preferences {
  readonly partitions: number;
  readonly #known = new Map<string, Uint16Array>();
  /** Of the partitions' names, the same for every set of members, and most of what a ring costs. */
  readonly #digests: Buffer[] = [];
  readonly #remembered: number;

  /** @param remembered rings, of two octets for each partition and member */
  constructor(partitions: number, remembered: number = ringsRemembered) {
    this.partitions = partitions;
    this.#remembered = remembered;
  }

  /**
   * Row p (members.length entries) holds indexes into `members`, most preferred for partition p first. `members` must
   * be ordered by id, so that every node computes the same.
   */
  of(members: readonly RingMember[]): Uint16Array {
    const name = JSON.stringify(members.map(({ id, weight }) => [id, weight]));
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.#digests.length === 0)
      for (let partition = 0; partition < this.partitions; partition++) this.#digests.push(md5(`p${partition}`));
    const rows = preferences(members, this.partitions, this.#digests);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < this.#remembered) break;
      this.#known.delete(oldest);
    }
    this.#known.set(name, rows);
    return rows;
  }
}

function preferences(members: readonly RingMember[], partitions: number, digests: readonly Buffer[]): Uint16Array {
  const rows = new Uint16Array(partitions * members.length);
  if (members.length === 0) return rows;
  // The prefix keeps ids such as `7` or `__proto__` ordinary property names.
  const servers: Record<string, { vnodes: number }> = {};
  const indexOf = new Map<string, number>();
  members.forEach(({ id, weight }, index) => {
    servers[`n-${id}`] = { vnodes: vnodesPerWeight * Math.max(1, weight) };
    indexOf.set(`n-${id}`, index);
  });
  const digest = (name: string): Buffer => (name.startsWith('n-') ? md5(name) : digests[Number(name.slice(1))]!);
  const ring = new HashRing(servers, digest, { 'vnode count': 1, 'max cache size': 1 });
  for (let partition = 0; partition < partitions; partition++) {
    const order = ring.range(`p${partition}`, members.length);
    for (let rank = 0; rank < order.length; rank++) {
      rows[partition * members.length + rank] = indexOf.get(order[rank]!)!;
    }
  }
  return rows;
}

function md5(name: string): Buffer {
  return createHash('md5').update(name).digest();
}
