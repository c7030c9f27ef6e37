/**
 * Invariants 22, 23 and 24, all of it: what REGISTERs and calls of one address-of-record saw is what one list of bindings
 * would have shown them, one after the other in an order that time allows (wing-gong.ts). A binding that a 200 promised is
 * there until its time is over, one that was taken back is not, each 200 lists just what is bound, each call rings just
 * that. Also where the store fails: a registration is promised or refused, never half of it. A phone over TCP whose connection
 * was lost is bound and cannot be rung before it has registered again (streams.ts); its place in the 200s stays.
 * Seen failing with the mutants: 'removed contacts are kept',
 * 'a lookup finds one contact'.
 */
import type { Observer } from '../observe.ts';
import type { CallRecord, RegistrationRecord } from '../phone/history.ts';
import type { World } from '../world.ts';
import { linearize } from './wing-gong.ts';
import { mayMiss } from './streams.ts';
import type { Operation } from './wing-gong.ts';

/** A binding by what is known of when it was made. */
interface Bound {
  readonly fromMs: number;
  readonly toMs: number;
  readonly expiresMs: number;
}
type Bindings = ReadonlyMap<string, Bound>;

/** Expiry counts in whole seconds of a clock that the store sets right now and then. */
const slackMs = 2_000;
const operationsMax = 200;
const stepsMax = 20_000;
const none: ReadonlySet<string> = new Set();

export function linearRegistrations(world: World): Observer {
  // What a store lost together with the memory of its owner is lost.
  const isLost = (): boolean =>
    world.mayForget || (!world.isStrict && world.options.faults.some(({ kind }) => kind === 'redis-failover'));
  const rung = new Map<string, { readonly atMs: number; readonly contacts: Set<string> }>();
  return {
    nodeSent(_node, _worker, _flow, message) {
      if (typeof message === 'string' || !message.isRequest || message.method !== 'INVITE' || message.toTag.length > 0)
        return;
      const before = rung.get(message.callId);
      if (before === undefined)
        rung.set(message.callId, { atMs: world.kernel.nowMs, contacts: new Set([message.uri]) });
      else before.contacts.add(message.uri);
    },
    phase(phase) {
      if (phase !== 'end') return;
      for (const record of world.registrations) checkExpiry(world, record);
      if (isLost()) return;
      const byAor = new Map<string, Operation<Bindings>[]>();
      const of = (aor: string): Operation<Bindings>[] => {
        let operations = byAor.get(aor);
        if (operations === undefined) byAor.set(aor, (operations = []));
        return operations;
      };
      for (const record of world.registrations)
        of(record.aor).push(...registering(record, world.options.expiresSeconds * 1_000));
      // Calls go on without a store, and may be decided twice then.
      if (world.isStrict)
        for (const call of world.calls) {
          const operation = lookingUp(world, call, rung.get(call.plan.callId));
          if (operation !== undefined) of(`sip:${call.plan.callee}@${world.domain}`).push(operation);
        }
      for (const [aor, operations] of byAor) {
        const first = operations.toSorted((a, b) => a.beginMs - b.beginMs).slice(0, operationsMax);
        if (linearize(first, new Map(), keyOf, stepsMax) !== 'not linearizable') continue;
        const history = shortest(first).map(
          ({ text, beginMs, endMs }) => `${(beginMs / 1_000).toFixed(2)}-${(endMs / 1_000).toFixed(2)} ${text}`,
        );
        world.fail('linear-registrations', 22, `no order of these explains what ${aor} saw: ${history.join('; ')}`);
      }
    },
  };
}

/** The history until the first answer that cannot be explained; what was under way then may have happened or not. */
function shortest(operations: readonly Operation<Bindings>[]): readonly Operation<Bindings>[] {
  const ends = operations.map(({ endMs }) => endMs).toSorted((a, b) => a - b);
  for (const untilMs of ends) {
    const part = operations
      .filter(({ beginMs }) => beginMs <= untilMs)
      .map((each) => (each.endMs <= untilMs ? each : { ...each, isDoubtful: true }));
    if (linearize(part, new Map(), keyOf, stepsMax) === 'not linearizable') return part.slice(-12);
  }
  return operations.slice(-12);
}

/** As long as was asked for, which is between the limits of the registrar. */
function checkExpiry(world: World, { phone, wants, status, expiresMs, sentAtMs, endedAtMs }: RegistrationRecord): void {
  const askedMs = world.options.expiresSeconds * 1_000;
  if (wants !== 'bind' || status !== 200) return;
  if (expiresMs > askedMs + slackMs || expiresMs < askedMs - (endedAtMs - sentAtMs) - slackMs)
    world.fail('linear-registrations', 22, `${phone} asked for ${askedMs} ms and is bound for ${expiresMs} ms`);
}

function registering(record: RegistrationRecord, expiresMs: number): Operation<Bindings>[] {
  const { phone, contact, wants, sentAtMs, status } = record;
  const endMs = record.endedAtMs === 0 ? Infinity : record.endedAtMs;
  const change = (state: Bindings, bound: Bound): Bindings => {
    const next = new Map(state);
    if (wants === 'bind') next.set(contact, bound);
    else next.delete(contact);
    return next;
  };
  const maybe: Operation<Bindings> = {
    process: phone,
    beginMs: sentAtMs,
    endMs: Infinity,
    isDoubtful: true,
    apply: (state) => change(state, { fromMs: sentAtMs, toMs: Infinity, expiresMs }),
    text: `${phone} perhaps ${wants}`,
  };
  if (status !== 200) {
    // Refused for what it is: nothing has happened. Without an answer, or 5xx: nobody knows.
    return status >= 400 && status < 500 ? [] : [maybe];
  }
  const listed = new Set(record.listed);
  const surely: Operation<Bindings> = {
    process: phone,
    beginMs: sentAtMs,
    endMs,
    isDoubtful: false,
    apply: (state) => {
      if (listed.has(contact) !== (wants === 'bind')) return undefined;
      const others = new Map(state);
      others.delete(contact);
      const shown = new Set(listed);
      shown.delete(contact);
      const left = seen(others, shown, none, sentAtMs, endMs);
      return left && change(left, { fromMs: sentAtMs, toMs: endMs, expiresMs: record.expiresMs });
    },
    text: `${phone} ${wants}: ${record.listed.join(' ') || 'nothing'}`,
  };
  // Asked again, it may have been carried out more than once: by a node that was lost with its answer.
  return endMs - sentAtMs > 400 ? [maybe, surely] : [surely];
}

function lookingUp(
  world: World,
  call: CallRecord,
  rung: { readonly atMs: number; readonly contacts: ReadonlySet<string> } | undefined,
): Operation<Bindings> | undefined {
  const [final] = call.finals;
  if (call.invitedAtMs === 0) return undefined;
  // 480: known and not bound. Without any INVITE it was the proxy who said so.
  const nobody = rung === undefined && final?.status === 480;
  if (rung === undefined && !nobody) return undefined;
  const contacts = rung?.contacts ?? new Set<string>();
  const endMs = rung?.atMs ?? final!.atMs;
  // What leaves for a connection that is gone is seen by nobody.
  const unreachable = new Set<string>();
  for (const { name, contactUri, line } of world.phones.values())
    if (line !== undefined && mayMiss(world, name, call.invitedAtMs, endMs)) unreachable.add(contactUri);
  return {
    process: call.plan.callId,
    beginMs: call.invitedAtMs,
    endMs,
    isDoubtful: false,
    apply: (state) => seen(state, contacts, unreachable, call.invitedAtMs, endMs),
    text: `${call.plan.callId} rings ${[...contacts].join(' ') || 'nobody'}`,
  };
}

/**
 * The bindings without those that had lapsed by then; undefined when they are not what was seen.
 * @param hidden nobody can say of these, when they are not shown, whether they are bound.
 */
function seen(
  state: Bindings,
  shown: ReadonlySet<string>,
  hidden: ReadonlySet<string>,
  beginMs: number,
  endMs: number,
): Bindings | undefined {
  for (const contact of shown) {
    const bound = state.get(contact);
    if (bound === undefined || bound.toMs + bound.expiresMs + slackMs < beginMs) return undefined;
  }
  let left = state;
  for (const [contact, { fromMs, expiresMs }] of state) {
    if (shown.has(contact) || hidden.has(contact)) continue;
    if (fromMs + expiresMs - slackMs > endMs) return undefined;
    const next = new Map(left);
    next.delete(contact);
    left = next;
  }
  return left;
}

function keyOf(state: Bindings): string {
  return [...state]
    .map(([contact, { fromMs, expiresMs }]) => `${contact} ${fromMs} ${expiresMs}`)
    .toSorted()
    .join();
}
