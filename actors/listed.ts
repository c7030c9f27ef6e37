/** A view of an entity, without a trace of having looked. */
import type { PartitionPorts } from './ports.ts';
import type { Slot } from './slot.ts';
import { unpackState } from './snapshot.ts';
import { RecordedTurn, type TurnOwner } from './turn.ts';

/** An entity as the admin API lists it. */
export interface Listed {
  readonly key: string;
  readonly description: string;
  readonly view: unknown;
}

/** `undefined`: there is none, or it cannot be read. */
export function look(slot: Slot, owner: TurnOwner, ports: PartitionPorts): Listed | undefined {
  if (!slot.exists) return undefined;
  const { behaviour } = slot.table;
  // Its own: somebody may be looking in the middle of a turn.
  const turn = new RecordedTurn(ports);
  try {
    turn.begin(owner, slot.key, ports.clock.clusterMs(), 0);
    const state = slot.isAwake ? slot.life!.state : behaviour.unpack(slot.key, unpackState(slot.packed!), turn);
    return { key: slot.key, description: behaviour.describe(state), view: behaviour.view(state) };
  } catch (error) {
    ports.note('warn', 'entity-unreadable', { kind: slot.table.kind, key: slot.key, error: String(error) });
    return undefined;
  }
}
