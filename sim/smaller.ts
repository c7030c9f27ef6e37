/**
 * Steps that make the options of a world smaller or plainer, for the shrinker: each gives one candidate, or undefined when
 * there is nothing left to do. Which of them keep the failure is not known here.
 */
import type { Fault, SimOptions } from './options.ts';
import { nodeName, warmUpMs } from './options.ts';
import type { CallPlan } from './phone/history.ts';
import type { Failure } from './simulate.ts';

interface Step {
  readonly what: string;
  change(options: SimOptions, failure: Failure): SimOptions | undefined;
}

export const planSmaller: readonly Step[] = [
  { what: 'a node less', change: fewerNodes },
  { what: 'one worker', change: (options) => set(options, { workers: 1 }) },
  { what: 'fewer partitions', change: (options) => set(options, { partitions: 16 }) },
  { what: 'one device for each user', change: oneDevice },
  { what: 'fewer users', change: fewerUsers },
  { what: 'no loss', change: (options) => set(options, { weather: { ...options.weather, loss: 0 } }) },
  {
    what: 'a fair network',
    change: (options) =>
      set(options, { weather: { ...options.weather, loss: 0, duplicates: 0, reorder: 0, reorderMs: 0 } }),
  },
  {
    what: 'an even network',
    change: (options) => set(options, { weather: { ...options.weather, latencyMs: [1, 1] } }),
  },
  { what: 'even links', change: (options) => set(options, { linkMs: [0.2, 0.2] }) },
  { what: 'an even store', change: (options) => set(options, { storeMs: [0.5, 0.5] }) },
  { what: 'clocks that are right', change: (options) => set(options, { dateErrorMs: 0, clockPpm: 0 }) },
  { what: 'patient calls', change: eachCall((plan) => ({ ...plan, cancelAfterMs: undefined })) },
  { what: 'calls without re-INVITE', change: eachCall((plan) => ({ ...plan, reinvite: undefined })) },
  { what: 'calls without INFO', change: eachCall((plan) => ({ ...plan, infoEveryMs: undefined })) },
  { what: 'faults at once', change: eachFault((fault) => ({ ...fault, onWrite: false })) },
  { what: 'short faults', change: eachFault((fault) => ({ ...fault, forMs: Math.min(fault.forMs, 400) })) },
  { what: 'no time after the last of them', change: (options) => lessTime(options, 0) },
  { what: 'no time after the failure', change: (options, { atMs }) => lessTime(options, atMs) },
  { what: 'an early start', change: earlier },
];

/** Undefined when nothing would change. */
function set(options: SimOptions, changes: Partial<SimOptions>): SimOptions | undefined {
  const changed = { ...options, ...changes };
  return JSON.stringify(changed) === JSON.stringify(options) ? undefined : changed;
}

function fewerNodes(options: SimOptions): SimOptions | undefined {
  if (options.nodes <= 1) return undefined;
  const nodes = options.nodes - 1;
  const names = new Set(Array.from({ length: nodes }, (_, index) => nodeName(index)));
  const faults = options.faults.filter((fault) => names.has(fault.node));
  return {
    ...options,
    nodes,
    faults: faults.map((fault) => (names.has(fault.other) ? fault : { ...fault, other: 'a' })),
  };
}

function oneDevice(options: SimOptions): SimOptions | undefined {
  return set(options, {
    devices: options.devices.map(() => 1),
    calls: options.calls.map((plan) => ({ ...plan, devices: plan.devices.slice(0, 1) })),
    registrations: options.registrations.filter(({ phone }) => phone.endsWith('-0')),
  });
}

/** Those that nobody needs, from the last one on: the names of the others stay as they are. */
function fewerUsers(options: SimOptions): SimOptions | undefined {
  let needed = 2;
  const need = (name: string): void => void (needed = Math.max(needed, Number(/^u(\d+)/.exec(name)?.[1] ?? 0) + 1));
  for (const plan of options.calls) {
    need(plan.caller);
    need(plan.callee);
  }
  for (const { phone } of options.registrations) need(phone);
  return needed >= options.users ? undefined : { ...options, users: needed, devices: options.devices.slice(0, needed) };
}

function eachCall(change: (plan: CallPlan) => CallPlan): Step['change'] {
  return (options) => set(options, { calls: options.calls.map(change) });
}

function eachFault(change: (fault: Fault) => Fault): Step['change'] {
  return (options) => set(options, { faults: options.faults.map(change) });
}

/** Healed as soon as the last fault and the last call have begun, but not before that time. */
function lessTime(options: SimOptions, notBeforeMs: number): SimOptions | undefined {
  const lastMs = Math.max(
    notBeforeMs,
    ...[...options.faults, ...options.registrations].map(({ atMs }) => atMs),
    ...starts(options),
  );
  const faultMs = Math.max(1_000, Math.ceil((lastMs - warmUpMs) / 500) * 500 + 500);
  return faultMs >= options.faultMs ? undefined : { ...options, faultMs };
}

/** Everything sooner by half of the time in which nothing happens yet. */
function earlier(options: SimOptions): SimOptions | undefined {
  const firstMs = Math.min(
    ...[...options.faults, ...options.registrations].map(({ atMs }) => atMs),
    ...starts(options),
  );
  const byMs = Math.floor((firstMs - warmUpMs) / 2);
  if (!Number.isFinite(byMs) || byMs < 250) return undefined;
  return {
    ...options,
    faultMs: Math.max(1_000, options.faultMs - byMs),
    faults: options.faults.map((fault) => ({ ...fault, atMs: fault.atMs - byMs })),
    registrations: options.registrations.map((change) => ({ ...change, atMs: change.atMs - byMs })),
    calls: options.calls.map((plan) => ({ ...plan, startMs: plan.startMs - byMs })),
  };
}

function starts({ calls }: SimOptions): number[] {
  return calls.map(({ startMs }) => startMs);
}
