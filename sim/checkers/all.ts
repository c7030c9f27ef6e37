/** Every checker, by name. */
import type { Observer } from '../observe.ts';
import { mayLoseInside } from '../options.ts';
import type { World } from '../world.ts';
import { accounts } from './accounts.ts';
import { armed } from './armed.ts';
import { asAProxy } from './as-a-proxy.ts';
import { balanced } from './balanced.ts';
import { bounded } from './bounded.ts';
import { coordination } from './coordination.ts';
import { copies } from './copies.ts';
import { dialogIdentity } from './dialog-identity.ts';
import { dialogStable } from './dialog-stable.ts';
import { enough } from './enough.ts';
import { establishedCalls } from './established-calls.ts';
import { fence } from './fence.ts';
import { fencedWrites } from './fenced-writes.ts';
import { gate } from './gate.ts';
import { handOff } from './hand-off.ts';
import { healed } from './healed.ts';
import { hops } from './hops.ts';
import { hubOrder } from './hub-order.ts';
import { inOrder } from './in-order.ts';
import { items } from './items.ts';
import { latch } from './latch.ts';
import { linearRegistrations } from './linear-registrations.ts';
import { listed } from './listed.ts';
import { liveDialog } from './live-dialog.ts';
import { lives } from './lives.ts';
import { noLeaks } from './no-leaks.ts';
import { oneFinal } from './one-final.ts';
import { oneOwner } from './one-owner.ts';
import { oneTimer } from './one-timer.ts';
import { places } from './places.ts';
import { planChurn } from './plan-churn.ts';
import { probed } from './probed.ts';
import { prompt } from './prompt.ts';
import { provisional } from './provisional.ts';
import { quiet } from './quiet.ts';
import { registered } from './registered.ts';
import { registers } from './registers.ts';
import { repeated } from './repeated.ts';
import { responseWay } from './response-way.ts';
import { ringingCalls } from './ringing-calls.ts';
import { sameAnswer } from './same-answer.ts';
import { sealed } from './sealed.ts';
import { snapshots } from './snapshots.ts';
import { sound } from './sound.ts';
import { stored } from './stored.ts';
import { tableOrder } from './table-order.ts';
import { timers } from './timers.ts';
import { verdicts } from './verdicts.ts';
import { wire } from './wire.ts';

type Checker = (world: World) => Observer;

const all: readonly Checker[] = [
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
  accounts,
  armed,
  asAProxy,
  bounded,
  copies,
  dialogIdentity,
  enough,
  handOff,
  hops,
  linearRegistrations,
  liveDialog,
  oneTimer,
  places,
  planChurn,
  prompt,
  repeated,
  responseWay,
  snapshots,
  wire,
  latch,
  inOrder,
  provisional,
  items,
  stored,
  registers,
  hubOrder,
  quiet,
  sameAnswer,
  sealed,
  lives,
];

/** What they ask for may come too late or not at all where workers lose what they send each other. */
const needLossless: readonly Checker[] = [enough, prompt, provisional];

export const checkers: readonly Checker[] = all.map((checker) =>
  needLossless.includes(checker) ? (world) => (mayLoseInside(world.options) ? {} : checker(world)) : checker,
);
