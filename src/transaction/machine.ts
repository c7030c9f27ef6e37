/**
 * A running transaction: which table, which state, which timers, and the bytes it repeats. The call actor owns the objects
 * and performs the effects; `apply` looks the rule up, moves the state and calls the sink, without allocating.
 */
import type { Flow } from '../outside.ts';
import { step } from './table.ts';
import type { Effect, Event, Failure, Rule, State, Table } from './table.ts';
import { delayMs, isGiveUpTimer, isRepeatTimer, nextSlot, slotOffsetMs, T1 } from './timers.ts';
import type { RepeatTimer, TimerName } from './timers.ts';
import { tableOf } from './tables.ts';

/** The world of a transaction. One object may serve all transactions of an actor. Calls come in the order of the rule. */
export interface Sink {
  /** Give `tx.sent` to the transport, on `tx.flow`. */
  send(tx: Transaction): void;
  /** The same bytes once more. Never called before something was sent. */
  resend(tx: Transaction): void;
  /** Hand the message just received to the TU. */
  pass(tx: Transaction): void;
  /** Build the ACK of 17.1.1.3 for the response just received and send it on `tx.flow`. */
  ack(tx: Transaction): void;
  /** Deliver the timer's letter as an event at `atMs` (cluster time); replaces the timer of the same name. */
  timer(tx: Transaction, name: TimerName, atMs: number): void;
  clearTimer(tx: Transaction, name: TimerName): void;
  tell(tx: Transaction, what: Failure): void;
}

const nothing = new Uint8Array(0);

/** What client and server have in common. Use `ClientTransaction` and `ServerTransaction`. */
export abstract class Transaction {
  readonly table: Table;
  /** serverKey() or clientKey() of key.ts. */
  readonly key: string;
  /** Where its messages go. */
  flow: Flow;
  state: State;
  /** Given to the transport last: the request of a client, until it rests; the response of a server. Empty before. */
  sent: Uint8Array = nothing;
  /** The running repeat timer (A, E or G), '' when none. */
  repeat: RepeatTimer | '' = '';
  /** Cluster time from which its slots are counted: the first transmission. */
  repeatStartedAtMs = 0;
  /** Slots already used: retransmissions made, and those skipped. */
  repeatSlot = 0;
  /** Timer E in Proceeding: slots are T2 apart. */
  repeatAtCap = false;
  /** The running timer that ends the state (B, D, F, H, I, J, K, L or M), '' when none. */
  timeout: TimerName | '' = '';
  timeoutStartedAtMs = 0;
  #repeatName = '';
  #timeoutName = '';

  constructor(table: Table, key: string, flow: Flow) {
    this.table = table;
    this.key = key;
    this.flow = flow;
    this.state = table.enter.to === 'stay' ? 'terminated' : table.enter.to;
  }

  /** `<letter> <key>`: the name under which its owner knows a timer. The same string for arming and disarming it. */
  timerName(timer: TimerName): string {
    const isRepeat = isRepeatTimer(timer);
    const known = isRepeat ? this.#repeatName : this.#timeoutName;
    if (known.charCodeAt(0) === timer.charCodeAt(0)) return known;
    const name = `${timer} ${this.key}`;
    if (isRepeat) this.#repeatName = name;
    else this.#timeoutName = name;
    return name;
  }

  get reliable(): boolean {
    return this.flow.protocol !== 'udp';
  }

  get terminated(): boolean {
    return this.state === 'terminated';
  }

  /** One line for people: `invite-server completed udp 10.0.0.1:5060 G4 H INVITE ...`. */
  describe(): string {
    const repeat = this.repeat === '' ? '' : ` ${this.repeat}${this.repeatSlot}`;
    const timeout = this.timeout === '' ? '' : ` ${this.timeout}`;
    return `${this.table.kind} ${this.state} ${this.flow.protocol} ${this.flow.address}:${this.flow.port}${repeat}${timeout} ${this.key}`;
  }
}

/** RFC 3261 17.1: sends a request and brings its responses to the TU. */
export class ClientTransaction extends Transaction {
  constructor(kind: 'invite-client' | 'client', key: string, flow: Flow) {
    super(tableOf(kind), key, flow);
  }

  /** The request as it went out; ACK and CANCEL are built from it. Empty before `begin` and after `rest`. */
  get request(): Uint8Array {
    return this.sent;
  }

  /** Lets go of a request that is answered, when neither a repetition nor an ACK of ours can follow; the state stays. */
  rest(): void {
    const isDone = this.table.kind === 'client' ? this.state === 'completed' : this.state === 'accepted';
    if (isDone || this.terminated) this.sent = nothing;
  }
}

/** RFC 3261 17.2: brings a request to the TU and its responses to the peer. */
export class ServerTransaction extends Transaction {
  constructor(kind: 'invite-server' | 'server', key: string, flow: Flow) {
    super(tableOf(kind), key, flow);
  }

  /** The most recent response; empty before the first. */
  get lastResponse(): Uint8Array {
    return this.sent;
  }

  /** Whether the TU may still answer with any status: no final response was sent yet (9.2 asks this for CANCEL). */
  get pending(): boolean {
    return this.state === 'trying' || this.state === 'proceeding';
  }
}

/** Starts a new transaction: a client sends `request` and starts its timers, a server passes its request to the TU. */
export function begin(tx: Transaction, nowMs: number, sink: Sink, request: Uint8Array = nothing): void {
  perform(tx, tx.table.enter, nowMs, sink, request);
}

/**
 * One event. `bytes` is the response when the TU of a server gives one. Returns the rule that was followed, undefined when
 * the machine has none for this event: then nothing happened (a stale timer, a response nobody may send any more).
 */
export function apply(
  tx: Transaction,
  event: Event,
  nowMs: number,
  sink: Sink,
  bytes: Uint8Array = nothing,
): Rule | undefined {
  const rule = step(tx.table, tx.state, event);
  if (rule === undefined) return undefined;
  if (event === tx.timeout) tx.timeout = '';
  perform(tx, rule, nowMs, sink, bytes);
  return rule;
}

/**
 * Ends a transaction from outside the figures, as the TU may: 9.1 (no final response 64*T1 after a CANCEL), 16.8 (timer C).
 */
export function destroy(tx: Transaction, sink: Sink): void {
  tx.state = 'terminated';
  if (tx.repeat !== '') stopTimer(tx, tx.repeat, sink);
  if (tx.timeout !== '') stopTimer(tx, tx.timeout, sink);
}

/**
 * Asks the sink for the timers again after `unpack`. Repetitions missed meanwhile become one, at once; the slots to come,
 * from T1 later on, stay where they were. A timeout that is past fires at once, or `graceMs` from now at the earliest: a node that takes over
 * from a dead one gives `takeoverGraceMs`, one that wakes its own sleeping call gives none.
 */
export function resume(tx: Transaction, nowMs: number, sink: Sink, graceMs = 0): void {
  if (tx.repeat !== '') {
    const slot = nextSlot(tx.repeat, tx.repeatStartedAtMs, nowMs, tx.repeatSlot, tx.repeatAtCap);
    if (slot === tx.repeatSlot + 1) armRepeat(tx, tx.repeat, nowMs, sink);
    else {
      tx.repeatSlot = slot - 2; // The last slot missed is not used yet: its timer fires now.
      sink.timer(tx, tx.repeat, nowMs);
    }
  }
  if (tx.timeout === '') return;
  const deadlineMs = tx.timeoutStartedAtMs + delayMs(tx.timeout, tx.reliable, 0);
  sink.timer(tx, tx.timeout, isGiveUpTimer(tx.timeout) ? Math.max(deadlineMs, nowMs + graceMs) : deadlineMs);
}

function perform(tx: Transaction, rule: Rule, nowMs: number, sink: Sink, bytes: Uint8Array): void {
  const reliable = tx.reliable;
  const to = reliable ? rule.toOnReliable : rule.to;
  const effects = reliable ? rule.onReliable : rule.effects;
  if (to !== 'stay') tx.state = to;
  for (let index = 0; index < effects.length; index += 1) perform1(tx, effects[index] as Effect, nowMs, sink, bytes);
}

function perform1(tx: Transaction, effect: Effect, nowMs: number, sink: Sink, bytes: Uint8Array): void {
  switch (effect.do) {
    case 'send':
      tx.sent = bytes;
      sink.send(tx);
      return;
    case 'resend':
      // 17.2.1 Proceeding: the most recent response, if there is one yet.
      if (tx.sent.length > 0) sink.resend(tx);
      return;
    case 'pass':
      sink.pass(tx);
      return;
    case 'ack':
      sink.ack(tx);
      return;
    case 'start':
      startTimer(tx, effect.timer, effect.atCap, nowMs, sink);
      return;
    case 'stop':
      stopTimer(tx, effect.timer, sink);
      return;
    case 'tell':
      sink.tell(tx, effect.what);
      return;
  }
}

function startTimer(tx: Transaction, timer: TimerName, atCap: boolean, nowMs: number, sink: Sink): void {
  if (!isRepeatTimer(timer)) {
    tx.timeout = timer;
    tx.timeoutStartedAtMs = nowMs;
    sink.timer(tx, timer, nowMs + delayMs(timer, tx.reliable, 0));
    return;
  }
  if (tx.repeat === timer && tx.repeatAtCap === atCap) {
    tx.repeatSlot += 1; // The timer has fired and is started again: one slot is used.
    // It may have fired late: nothing is repeated sooner than T1 after the last time, so a slot before that is skipped.
    armRepeat(tx, timer, nowMs + T1 - 1, sink);
    return;
  }
  tx.repeat = timer;
  tx.repeatStartedAtMs = nowMs;
  tx.repeatSlot = 0;
  tx.repeatAtCap = atCap;
  armRepeat(tx, timer, nowMs, sink);
}

/** Its next slot is the first one after `afterMs`. */
function armRepeat(tx: Transaction, timer: RepeatTimer, afterMs: number, sink: Sink): void {
  const slot = nextSlot(timer, tx.repeatStartedAtMs, afterMs, tx.repeatSlot, tx.repeatAtCap);
  tx.repeatSlot = slot - 1;
  sink.timer(tx, timer, tx.repeatStartedAtMs + slotOffsetMs(timer, slot, tx.repeatAtCap));
}

function stopTimer(tx: Transaction, timer: TimerName, sink: Sink): void {
  if (tx.repeat === timer) tx.repeat = '';
  if (tx.timeout === timer) tx.timeout = '';
  sink.clearTimer(tx, timer);
}
