/**
 * The form of a transaction: a table from (state, event) to a frozen rule, and `step`, which looks the rule up.
 * A rule says where to go and which effects to perform, in order. Nothing here has a clock, a socket or a promise.
 * The four tables are in invite-client.ts, invite-server.ts, client.ts and server.ts.
 */
import { delayMs, never } from './timers.ts';
import type { TimerName } from './timers.ts';

/** Figures 5 to 8 of RFC 3261 section 17, with the Accepted state of RFC 6026. */
export type State = 'calling' | 'trying' | 'proceeding' | 'accepted' | 'completed' | 'confirmed' | 'terminated';

/**
 * What can happen to a transaction. Requests are retransmissions from the network (`request` = any method of a non-INVITE
 * transaction); responses come from the network at a client and from the TU at a server; a letter is that timer firing.
 */
export type Event = 'INVITE' | 'ACK' | 'request' | '1xx' | '2xx' | '3xx-6xx' | 'transport-error' | TimerName;

export type Failure = 'timeout' | 'transport-error';

/** Everything a transaction may ask of the world. */
export type Effect =
  /** Pass the new message (the TU's request or response) to the transport layer. */
  | { readonly do: 'send' }
  /** Pass the message last sent to the transport layer once more (the definition of retransmit, 17.1.1.2). */
  | { readonly do: 'resend' }
  /** Pass the message just received to the TU. */
  | { readonly do: 'pass' }
  /** Build the ACK of 17.1.1.3 for the response just received and send it where the INVITE went. */
  | { readonly do: 'ack' }
  /** `atCap`: run T2 whatever the attempt (timer E in Proceeding, 17.1.2.2). */
  | { readonly do: 'start'; readonly timer: TimerName; readonly atCap: boolean }
  | { readonly do: 'stop'; readonly timer: TimerName }
  /** Inform the TU that the transaction failed. */
  | { readonly do: 'tell'; readonly what: Failure };

/** `pass` and `tell` are always last: the TU may answer at once and step the machine again from inside. */
export interface Rule {
  readonly to: State | 'stay';
  readonly effects: readonly Effect[];
  /** The same for a reliable transport: no repeat timers, and a timer of zero seconds has fired already. */
  readonly toOnReliable: State | 'stay';
  readonly onReliable: readonly Effect[];
}

export type Kind = 'invite-client' | 'invite-server' | 'client' | 'server';

export interface Table {
  readonly kind: Kind;
  /** Title and source, for the diagrams. */
  readonly title: string;
  /** How the transaction begins: the arrow from nowhere at the top of each figure. */
  readonly enter: Rule;
  readonly states: { readonly [state in State]?: { readonly [event in Event]?: Rule } };
}

/** The whole of every transaction. `undefined`: the figure has no such arrow, the event changes nothing. Allocates nothing. */
export function step(table: Table, state: State, event: Event): Rule | undefined {
  return table.states[state]?.[event];
}

/** What a table's author writes; `table` adds the columns for reliable transports. */
export interface Draft {
  readonly to: State | 'stay';
  readonly effects: readonly Effect[];
}
export type DraftStates = { readonly [state in State]?: { readonly [event in Event]?: Draft } };

export const send: Effect = Object.freeze({ do: 'send' });
export const resend: Effect = Object.freeze({ do: 'resend' });
export const pass: Effect = Object.freeze({ do: 'pass' });
export const ack: Effect = Object.freeze({ do: 'ack' });
export const start = (timer: TimerName): Effect => Object.freeze({ do: 'start', timer, atCap: false });
export const startAtCap = (timer: TimerName): Effect => Object.freeze({ do: 'start', timer, atCap: true });
export const stop = (timer: TimerName): Effect => Object.freeze({ do: 'stop', timer });
export const tell = (what: Failure): Effect => Object.freeze({ do: 'tell', what });
export const go = (to: State, ...effects: readonly Effect[]): Draft => ({ to, effects });
export const stay = (...effects: readonly Effect[]): Draft => ({ to: 'stay', effects });
/** The event is expected and nothing follows from it. */
export const absorb: Draft = stay();

/** Makes a frozen table of the rules, with the columns for reliable transports computed from the delays of timers.ts. */
export function table(kind: Kind, title: string, enter: Draft, drafts: DraftStates): Table {
  const states: { [state in State]?: { readonly [event in Event]?: Rule } } = {};
  for (const [state, row] of Object.entries(drafts) as [State, { readonly [event in Event]?: Draft }][]) {
    const rules: { [event in Event]?: Rule } = {};
    for (const [event, draft] of Object.entries(row) as [Event, Draft][]) rules[event] = finish(draft, drafts);
    states[state] = Object.freeze(rules);
  }
  return Object.freeze({ kind, title, enter: finish(enter, drafts), states: Object.freeze(states) });
}

function finish(draft: Draft, drafts: DraftStates): Rule {
  const reliable = overReliable(draft, drafts);
  return Object.freeze({
    to: draft.to,
    effects: Object.freeze([...draft.effects]),
    toOnReliable: reliable.to,
    onReliable: Object.freeze([...reliable.effects]),
  });
}

/** Timers that never run are dropped; one that runs zero seconds is replaced by what its firing does (17.1.1.2, 17.1.2.2, 17.2). */
function overReliable(draft: Draft, drafts: DraftStates): Draft {
  const effects: Effect[] = [];
  let to = draft.to;
  for (const effect of draft.effects) {
    if (effect.do !== 'start' && effect.do !== 'stop') {
      effects.push(effect);
      continue;
    }
    const runsMs = delayMs(effect.timer, true, 0);
    if (runsMs === never) continue;
    if (runsMs > 0) {
      effects.push(effect);
      continue;
    }
    const fired = effect.do === 'start' && to !== 'stay' ? drafts[to]?.[effect.timer] : undefined;
    if (fired === undefined) continue;
    to = fired.to === 'stay' ? to : fired.to;
    effects.push(...fired.effects);
  }
  return { to, effects };
}
