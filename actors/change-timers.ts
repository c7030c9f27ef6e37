/** What a turn made of the timers of its entity. */
import { limits } from '../src/limits.ts';
import type { PartitionPorts } from './ports.ts';
import { EntityTimer, type Life, markOf, type Slot, type TimerOwner } from './slot.ts';
import type { RecordedTurn } from './turn.ts';

/** Arms, moves and disarms them; those that are too many are counted and refused. */
export function changeTimers(
  slot: Slot,
  life: Life,
  { timerNames, timersAtMs, timerCount }: RecordedTurn,
  ports: PartitionPorts,
  owner: TimerOwner,
): void {
  for (let index = 0; index < timerCount; index++) {
    const name = timerNames[index]!;
    const atMs = timersAtMs[index]!;
    const mark = markOf(name);
    const armed = life.timerNamed(name, mark);
    if (armed !== undefined) {
      ports.wheel.cancel(armed);
      life.dropTimer(armed);
    }
    if (Number.isNaN(atMs)) continue;
    if (life.timers.length >= limits.timersPerEntityMax) {
      ports.count('timer.refused');
      ports.note('error', 'too-many-timers', { kind: slot.table.kind, key: slot.key, name });
      continue;
    }
    const timer = new EntityTimer(name, mark, slot, owner);
    life.timers.push(timer);
    ports.wheel.schedule(timer, atMs);
  }
}
