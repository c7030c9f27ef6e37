/**
 * Who judges a run with real processes: the checkers of the simulator that need only packets and histories, and others
 * that ask the nodes what the simulator sees by looking into them.
 */
import { existsSync } from 'node:fs';
import { dialogStable } from '../checkers/dialog-stable.ts';
import { establishedCalls } from '../checkers/established-calls.ts';
import { oneFinal } from '../checkers/one-final.ts';
import { probed } from '../checkers/probed.ts';
import { registered } from '../checkers/registered.ts';
import { ringingCalls } from '../checkers/ringing-calls.ts';
import { sound } from '../checkers/sound.ts';
import { timers } from '../checkers/timers.ts';
import type { Observer } from '../observe.ts';
import type { History } from '../stage.ts';
import { allCalls, allRegistrations, isReady, metrics } from './admin.ts';
import { leakMs } from './options.ts';
import { readLog } from './process.ts';
import type { Twin } from './twin.ts';

export const packetCheckers: readonly ((history: History) => Observer)[] = [
  sound,
  oneFinal,
  timers,
  dialogStable,
  ringingCalls,
  establishedCalls,
  registered,
  probed,
];

const partitions = 4_096;
/** Counters that no run may move, by a part of their names. */
const mistakes = /unreadable|malformed|actor[-_]refused|entity[-_]failed/;

/** Invariant 36: every process serves. @throws Violation */
export async function checkReady(twin: Twin): Promise<void> {
  for (const id of twin.nodes.keys())
    if (!(await isReady(twin.adminOf(id)))) twin.fail('healed', 36, `node ${id} is not ready`);
}

/** Invariants 34 and 37 at the end. @throws Violation */
export async function checkEnd(twin: Twin): Promise<void> {
  for (const id of twin.nodes.keys()) {
    for (const [name, value] of await metrics(twin.adminOf(id)))
      if (mistakes.test(name) && value > 0) twin.fail('sound', 37, `node ${id} counts ${value} of ${name}`);
    checkLog(twin, id);
  }
  if (!twin.isStrict || twin.setting.options.phases.endMs < leakMs) return;
  // SIPp does not clean up behind itself.
  const ours = new Set([...twin.phones.values()].map(({ aor }) => aor));
  for (const id of twin.nodes.keys()) {
    const call = (await allCalls(twin.adminOf(id))).find(({ callId }) => twin.callWith(callId) !== undefined);
    if (call !== undefined)
      twin.fail('no-leaks', 34, `node ${id} lists a call that is ${call.state}: everybody hung up`, call.callId);
    const bound = (await allRegistrations(twin.adminOf(id))).find(({ aor }) => ours.has(aor));
    if (bound !== undefined) twin.fail('no-leaks', 34, `node ${id} lists ${bound.contact} of ${bound.aor}`);
  }
  for (const { key } of await twin.store.rows(partitions))
    if (key.startsWith('call:') && twin.callWith(key.slice(5)) !== undefined)
      twin.fail('no-leaks', 34, `the store still has a row of ${key}`, key.slice(5));
}

/** What a node wrote that is no line of its log came from an exception. */
function checkLog(twin: Twin, id: string): void {
  const file = twin.logOf(id);
  if (!existsSync(file)) return;
  for (const line of readLog(file)) {
    if (typeof line === 'string') {
      if (/Error|^\s+at /.test(line)) twin.fail('sound', 37, `node ${id} writes: ${line}`);
      continue;
    }
    const event = String(line['event']);
    if (line['level'] === 'error' && (event.startsWith('entity') || event.startsWith('worker')))
      twin.fail('sound', 37, `node ${id}: ${JSON.stringify(line)}`);
  }
}
