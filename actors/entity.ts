/**
 * What an entity is: the contract between the actor runtime and the behaviours that it runs.
 *
 * An entity is one call, one address-of-record or one counter. It has an address, a state, named timers and a snapshot, and it handles
 * one input at a time. A behaviour is pure: it changes the state it is given and says what is to be done by calling the
 * turn; nothing of that happens before `receive` has returned, and nothing at all if it throws.
 */
import type { Flow, LogLevel } from '../src/outside.ts';
import type { SipMessage } from '../src/sip/message.ts';
import type { Answer } from './answers.ts';

export type Kind = 'call' | 'aor' | 'limit';

/** The numbers of the kinds in snapshots and envelopes. A number is never given to another kind. */
export const kindNumbers: Readonly<Record<Kind, number>> = { call: 1, aor: 2, limit: 3 };

export const kinds: readonly Kind[] = ['call', 'aor', 'limit'];

/** Where an entity lives: partition = partitionOf(key). A call's key is its Call-ID, an aor's the canonical AoR, a limit's its name. */
export interface Address {
  readonly kind: Kind;
  readonly key: string;
}

/** Who asked and under which number; goes back unchanged with the answer. MessagePack-able. */
export interface Asker {
  readonly kind: Kind;
  readonly key: string;
  readonly id: number;
}

/**
 * All that can happen to an entity. `body` is what the other entity handed over: MessagePack-able data that its receiver
 * must not change, and that may have crossed the network (then `undefined` has become `null` and a Buffer a Uint8Array).
 */
export type Input =
  | { readonly type: 'sip'; readonly message: SipMessage; readonly flow: Flow }
  | { readonly type: 'timer'; readonly name: string }
  | { readonly type: 'ask'; readonly asker: Asker; readonly body: unknown }
  | { readonly type: 'answer'; readonly id: number; readonly body: unknown }
  /** No answer within `limits.askTimeoutMs`. */
  | { readonly type: 'ask-failed'; readonly id: number }
  | { readonly type: 'tell'; readonly body: unknown }
  /** The packet that was sent with this token could not be given to the network (RFC 3261 18.4). */
  | { readonly type: 'undelivered'; readonly token: string };

/** 'store': what this turn lets out waits until the store has the state. 'none': the state is written soon, nothing waits. */
export type SaveGate = 'none' | 'store';

export interface SipRequest {
  readonly message: SipMessage;
  readonly flow: Flow;
}

/** All of them need the gate 'store'. */
export interface SaveOptions {
  /** The store must survive a power cut before it acknowledges. */
  readonly durable?: boolean;
  /**
   * The request whose answer promises that this is kept. When the store does not get it, the entity goes back to where it
   * was before this turn (later turns are undone too), what it wanted to let out since then is forgotten, and the request
   * is answered 503. Without this, what waits for a write that fails is let out all the same.
   */
  readonly promisedTo?: SipRequest;
}

/**
 * What a behaviour may do while it handles one input. The effects are performed in the order of the calls after it has
 * returned. A turn is good for that one call: never keep it.
 */
export interface Turn {
  /** Cluster time in milliseconds since 1970. All deadlines are in it, so that they mean the same on another node. */
  readonly nowMs: number;
  readonly partition: number;
  /** With a token the entity hears `undelivered` when the network refuses the packet. */
  send(flow: Flow, bytes: Uint8Array, token?: string): void;
  /**
   * As `send` with the key as token, over datagrams, of a final response: from when it leaves until `untilMs` this worker
   * knows it by the key of its request.
   */
  sendFinal(flow: Flow, bytes: Uint8Array, key: string, untilMs: number): void;
  /** The request of this key was answered by `sendFinal`: the answer leaves once more, unless it still has to for the first time. */
  sayAgain(key: string): boolean;
  /** An answer that has left. */
  answered(key: string): Answer | undefined;
  /** At most once: lost when the owner of `to` is gone or overloaded. */
  tell(to: Address, body: unknown): void;
  /**
   * At least once: repeated every `limits.askRetryMs` until answered, so the one asked must bear duplicates; `ask-failed`
   * after `limits.askTimeoutMs`. Returns an id that this entity never had before, also across restarts and nodes. Asks
   * are not part of the snapshot: a state that waits for an answer asks again in `unpack`. A turn that stops asks nothing.
   * `isOnce`: not repeated, and failed after `limits.askOnceTimeoutMs`: for who asks again anyway. Repeated questions of
   * many, and the answers to them, would fill the mailbox of one that waits for a slow store.
   * @throws when more than `limits.asksOutstandingPerEntityMax` are waiting.
   */
  ask(to: Address, body: unknown, isOnce?: boolean): number;
  answer(asker: Asker, body: unknown): void;
  /** Arms the one timer of this name (replacing it). It never fires early; a deadline in the past fires at once. */
  timer(name: string, atMs: number): void;
  clearTimer(name: string): void;
  /**
   * The state has changed: it is written after this turn. With 'store' every packet, tell, ask and answer of this turn,
   * and of later turns of this entity, waits until the store has acknowledged it; order is kept.
   */
  save(gate: SaveGate, options?: SaveOptions): void;
  /**
   * The entity is finished: removed after this turn, its snapshot deleted. What the turn lets out waits for the deletion
   * if `save('store')` was called too. A later input to the same address creates it anew.
   */
  stop(): void;
  note(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void;
  count(metric: string): void;
}

/**
 * The code of one kind of entity over its state S. An exception thrown by any of these undoes the turn: the entity goes
 * back to its last snapshot and the sender of the input is told 500.
 */
export interface Behaviour<S> {
  /** The first input for an address (SIP, ask or tell) makes the entity; `receive` follows with that input. */
  create(key: string, turn: Turn): S;
  receive(state: S, input: Input, turn: Turn): void;
  /**
   * The state as positional MessagePack-able data, the schema number of this behaviour first. `null`: there is nothing
   * worth keeping. Must not refer to bytes that will be changed later.
   */
  pack(state: S): readonly unknown[] | null;
  /**
   * The inverse of `pack`: `pack(unpack(p))` equals p. Arms its timers again and repeats asks that wait; may send. Reads
   * bytes as Uint8Array. Throws when it does not know the schema.
   */
  unpack(key: string, packed: readonly unknown[], turn: Turn): S;
  /** May be passivated: only the packed state and one wake-up time are kept until the next input. */
  isIdle(state: S): boolean;
  /**
   * What the entity must still know for a while when it falls asleep, and its next owner need not. With it, it may fall asleep
   * before it is idle, and does so as soon as the store has acknowledged what it did. `undefined`: it stays awake.
   */
  remember?(state: S, nowMs: number): Memory | undefined;
  /** Follows `unpack` when the entity wakes before the time of its memory has passed. */
  recall?(state: S, memory: readonly unknown[], turn: Turn): void;
  /**
   * Cluster time when the entity is over if nothing more happens to it: what is left only waits for what others may repeat. It
   * falls asleep as soon as that is saved, and is forgotten then without being woken. 0: there is more to do.
   */
  endsAtMs?(state: S): number;
  /** When a passivated entity must be woken, 0 for never. Default: its earliest timer. */
  nextWakeMs?(state: S): number;
  /** How long an idle entity stays unpacked. Default `limits.passivateIdleMs`. */
  readonly passivateAfterMs?: number;
  /** One line for logs, console and simulator. */
  describe(state: S): string;
  /** Plain data for listings of the admin API. */
  view(state: S): unknown;
}

/** Kept by the worker alone: whoever takes over does not have it. */
export interface Memory {
  /** MessagePack-able. Empty: there is nothing to remember. */
  readonly packed: readonly unknown[];
  /** Cluster time when it has lost its meaning. */
  readonly untilMs: number;
}

export type Behaviours = { readonly [K in Kind]: Behaviour<unknown> };
