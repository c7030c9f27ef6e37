/** What one commit of snapshots asks of Redis: batches of one partition and owner go into one script. */
import type { PartitionOwner, SnapshotRow, WriteBatch } from '../../store-ports.ts';
import type { WriteOutcome } from '../served.ts';

export interface Group {
  readonly partition: number;
  readonly epoch: number;
  readonly owner: string;
  /** A later row of a key wins. */
  readonly rows: Map<string, Uint8Array | null>;
  /** Numbers of its batches. */
  readonly batches: number[];
}

/** @param outcomes batches whose outcome is known already are left out */
export function groupsOf(batches: readonly WriteBatch[], outcomes: readonly WriteOutcome[]): Group[] {
  const groups = new Map<string, Group>();
  for (const [i, { partition, epoch, owner, rows }] of batches.entries()) {
    if (outcomes[i] !== 'ok') continue;
    const name = `${partition} ${epoch} ${owner}`;
    const group = groups.get(name) ?? {
      partition,
      epoch,
      owner,
      rows: new Map<string, Uint8Array | null>(),
      batches: [] as number[],
    };
    groups.set(name, group);
    for (const [key, value] of rows as readonly SnapshotRow[]) group.rows.set(key, value);
    group.batches.push(i);
  }
  return [...groups.values()];
}

/**
 * What is certainly sealed. A seal that Redis lost (wiped, or a failover to a replica that had not got it) shows as a
 * refusal by a lower epoch than that: epochs of seals only grow, so nobody else can have it.
 */
export class KnownSeals {
  readonly #sealed = new Map<number, PartitionOwner>();

  add(partition: number, epoch: number, owner: string): void {
    if ((this.#sealed.get(partition)?.epoch ?? 0) <= epoch) this.#sealed.set(partition, { epoch, owner });
  }

  /** Does this outcome of a write mean that the seal of its owner is lost? */
  isLost({ partition, epoch, owner }: Group, outcome: WriteOutcome | undefined): boolean {
    if (outcome === undefined || outcome === 'ok' || outcome instanceof Error) return false;
    const known = this.#sealed.get(partition);
    return known?.epoch === epoch && known.owner === owner && outcome.fencedBy < epoch;
  }
}
