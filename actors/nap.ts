/** Whether an entity may fall asleep, and as what it does. */
import { restOf } from './awake.ts';
import type { Memory } from './entity.ts';
import type { PartitionPorts } from './ports.ts';
import { packedOf, type Saver, wakeTimeOf } from './saver.ts';
import type { Life, Slot } from './slot.ts';
import { packOctets, type Packed } from './snapshot.ts';

/** Why it might: it had nothing to do for a while, its turn has changed nothing that is to be saved, or it has. */
export type NapReason = 'idle' | 'unchanged' | 'changed';

export interface Nap {
  /** `undefined`: there is nothing to keep of it. */
  readonly packed: Packed | undefined;
  /** 0: nothing wakes it. */
  readonly wakeAtMs: number;
  /** Its packed state is still to be written. */
  readonly isUnsaved: boolean;
  /** It need not be woken then: it is over. */
  readonly isEnd: boolean;
}

/** `undefined`: it stays awake. @throws when its state cannot be packed. */
export function napOf(
  slot: Slot,
  life: Life,
  nowMs: number,
  reason: NapReason,
  saver: Saver,
  ports: PartitionPorts,
): Nap | undefined {
  if (life.writesInFlight > 0 || life.gate.heldCount > 0 || slot.queuedItems > 0 || life.asks.length > 0)
    return undefined;
  const isDirty = saver.isDirty(slot);
  if (isDirty && ports.isUngated !== true) return undefined;
  if (life.crashes > 0 && nowMs - life.crashesSinceMs <= minuteMs) return undefined;
  const { behaviour } = slot.table;
  const endsAtMs = behaviour.endsAtMs === undefined ? 0 : behaviour.endsAtMs(life.state);
  const isEnd = endsAtMs > 0;
  const memory = isEnd
    ? nothing
    : (behaviour.remember?.(life.state, life.touchedAtMs) ??
      (reason === 'idle' && behaviour.isIdle(life.state) ? nothing : undefined));
  if (memory === undefined) return undefined;
  const wakeAtMs = isEnd ? endsAtMs : wakeTimeOf(slot, life, nowMs);
  // Not worth it for less time than it has been idle.
  if (wakeAtMs > 0 && wakeAtMs - nowMs <= restOf(slot)) return undefined;
  const packed = packedOf(slot, life);
  const isUnsaved = isDirty || reason === 'changed';
  if (packed === undefined && isUnsaved) return undefined;
  if (memory.packed.length > 0 && !ports.memories.put(slot, packOctets(memory.packed), memory.untilMs))
    return undefined;
  return { packed, wakeAtMs, isUnsaved, isEnd };
}

/** After so long crashes are forgotten. */
export const minuteMs = 60_000;
const nothing: Memory = { packed: [], untilMs: 0 };
