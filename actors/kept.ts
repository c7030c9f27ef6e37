/**
 * What a partition that is given away leaves to its next owner, as the store should have it: kept for a while, should the
 * store lose it in between. Packed states are shared with the entities, so this costs a few words for each of them.
 */
import { kinds } from './entity.ts';
import type { StoredRow } from './partition.ts';
import { wakeTimeOf } from './saver.ts';
import type { KindTables, Slot } from './slot.ts';
import { encodeRow, rowKey, type Snapshot } from './snapshot.ts';

export interface Kept {
  readonly key: string;
  readonly snapshot: Snapshot;
}

/** How many rows the store has when everything is written. */
export function countStored(tables: KindTables): number {
  let count = 0;
  for (const kind of kinds) for (const slot of tables.of(kind).values()) if (isStored(slot)) count++;
  return count;
}

/** All of them. */
export function keptOf(tables: KindTables, nowMs: number): Kept[] {
  const kept: Kept[] = [];
  for (const kind of kinds)
    for (const slot of tables.of(kind).values()) {
      if (!isStored(slot)) continue;
      const { key, life, packed } = slot;
      const wakeAtMs = life === undefined ? (slot.wakeUp?.wantedMs ?? 0) : wakeTimeOf(slot, life, nowMs);
      const version = life === undefined ? slot.version : life.gate.version;
      kept.push({ key, snapshot: { kind, version, savedAtMs: nowMs, wakeAtMs, packed: packed! } });
    }
  return kept;
}

export function rowOf({ key, snapshot }: Kept): StoredRow {
  return { key: rowKey(snapshot.kind, key), value: encodeRow(snapshot) };
}

function isStored(slot: Slot): boolean {
  return slot.stored && slot.packed !== undefined;
}
