/** Every checker, by name. */
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';
import { balanced } from './balanced.ts';
import { coordination } from './coordination.ts';
import { dialogStable } from './dialog-stable.ts';
import { establishedCalls } from './established-calls.ts';
import { fence } from './fence.ts';
import { fencedWrites } from './fenced-writes.ts';
import { gate } from './gate.ts';
import { healed } from './healed.ts';
import { listed } from './listed.ts';
import { noLeaks } from './no-leaks.ts';
import { oneFinal } from './one-final.ts';
import { oneOwner } from './one-owner.ts';
import { probed } from './probed.ts';
import { registered } from './registered.ts';
import { ringingCalls } from './ringing-calls.ts';
import { sound } from './sound.ts';
import { tableOrder } from './table-order.ts';
import { timers } from './timers.ts';
import { verdicts } from './verdicts.ts';

export const checkers: readonly ((world: World) => Observer)[] = [
  oneOwner,
  tableOrder,
  fencedWrites,
  fence,
  coordination,
  balanced,
  sound,
  gate,
  oneFinal,
  timers,
  dialogStable,
  ringingCalls,
  verdicts,
  establishedCalls,
  registered,
  healed,
  listed,
  probed,
  noLeaks,
];
