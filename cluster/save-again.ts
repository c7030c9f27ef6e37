/** Brings all that a worker holds of some partitions into a store that has lost some of it. */
import { markerKey } from './buddy/messages.ts';
import type { Partition } from '../actors/partition.ts';
import type { Share } from './control-types.ts';
import type { SnapshotAccess } from './store-access.ts';
import type { LoadedRow } from './store-ports.ts';

export interface SaveAgainPorts {
  readonly store: Pick<SnapshotAccess, 'loadPieces'>;
  /** What is held of a share, if it still is. */
  held(share: Share): Partition | undefined;
  /** The store has a bad moment: again later. */
  later(run: () => void): void;
}

/** What is left in the store is read first: an older state may be back there, with entities that are over. */
export function saveAgain(shares: readonly Share[], ports: SaveAgainPorts): void {
  const left = shares.filter((share) => ports.held(share) !== undefined);
  if (left.length === 0) return;
  const rows = new Map<number, LoadedRow[]>();
  for (const { partition } of left) rows.set(partition, []);
  ports.store.loadPieces(
    left.map(({ partition }) => partition),
    (loaded) => {
      for (const row of loaded) if (row.key !== markerKey) rows.get(row.partition)?.push(row);
    },
    (error) => {
      if (error !== undefined) return ports.later(() => saveAgain(left, ports));
      for (const share of left) ports.held(share)?.saveAgain(rows.get(share.partition) ?? []);
    },
  );
}
