/**
 * One turn of one entity: writes down what the behaviour wants, so that it can be performed when the behaviour has come to
 * its end, or forgotten when it has thrown. One object serves all partitions of a worker, so that it stays in the caches.
 */
import assert from 'node:assert';
import { limits } from '../src/limits.ts';
import type { Flow, LogLevel } from '../src/outside.ts';
import type { Answer } from './answers.ts';
import type { Address, Asker, SaveGate, SaveOptions, SipRequest, Turn } from './entity.ts';
import type { PartitionPorts } from './ports.ts';

/** What leaves the entity, and therefore passes its gate. */
export type Outgoing =
  /** `token` is '' when nobody wants to hear of a failure. `untilMs`: how long it is to be known by that; 0: it is not. */
  | {
      readonly do: 'send';
      readonly flow: Flow;
      readonly bytes: Uint8Array;
      readonly token: string;
      readonly untilMs: number;
    }
  | { readonly do: 'tell'; readonly to: Address; readonly body: unknown }
  | { readonly do: 'ask'; readonly id: number; readonly to: Address; readonly body: unknown; readonly isOnce: boolean }
  | { readonly do: 'answer'; readonly asker: Asker; readonly body: unknown };

/** A repetition of what has not left yet: with a store that takes seconds they would all leave at once. */
export function repeats(effect: Outgoing, held: Outgoing): boolean {
  if (effect.do !== 'send' || held.do !== 'send') return false;
  return held.bytes === effect.bytes && held.token === effect.token && held.flow === effect.flow;
}

/** The answer to the request of this key. */
export function isAnswer(effect: Outgoing, key: string): boolean {
  return effect.do === 'send' && effect.untilMs > 0 && effect.token === key;
}

/** The partition that has its turn. */
export interface TurnOwner {
  readonly number: number;
  /**
   * Ask ids start at the time of day in steps of 2048 per millisecond (`firstAskId`): no partition that served these entities
   * before, on whatever node, can have come so far.
   */
  nextAskId: number;
  /** The entity that has its turn has an answer of this key that has not left yet. */
  isToSay(key: string): boolean;
}

export function firstAskId(clusterMs: number): number {
  return Math.floor(clusterMs) * 2_048;
}

export class RecordedTurn implements Turn {
  partition = 0;
  nowMs = 0;
  /** The first `outgoingCount` are of this turn. Never shortened: an array that is emptied has to grow again. */
  readonly outgoing: (Outgoing | undefined)[] = [];
  outgoingCount = 0;
  /** Timers stay inside the entity: they change at the end of the turn whatever its gate. The first `timerCount` are of this turn. */
  readonly timerNames: string[] = [];
  /** NaN to disarm. */
  readonly timersAtMs: number[] = [];
  timerCount = 0;
  saved: SaveGate | undefined = undefined;
  durable = false;
  promisedTo: SipRequest[] | undefined = undefined;
  stopped = false;
  readonly #ports: PartitionPorts;
  #owner: TurnOwner | undefined;
  #key = '';
  #asksAllowed = 0;

  constructor(ports: PartitionPorts) {
    this.#ports = ports;
  }

  /** The one for all partitions that have these ports: no turn begins within another. */
  static of(ports: PartitionPorts): RecordedTurn {
    let turn = turns.get(ports);
    if (turn === undefined) turns.set(ports, (turn = new RecordedTurn(ports)));
    return turn;
  }

  /** @param key of the entity */
  begin(owner: TurnOwner, key: string, nowMs: number, asksWaiting: number): void {
    this.#owner = owner;
    this.#key = key;
    this.partition = owner.number;
    this.nowMs = nowMs;
    this.outgoingCount = 0;
    this.timerCount = 0;
    this.saved = undefined;
    this.durable = false;
    this.promisedTo = undefined;
    this.stopped = false;
    this.#asksAllowed = limits.asksOutstandingPerEntityMax - asksWaiting;
  }

  send(flow: Flow, bytes: Uint8Array, token = ''): void {
    this.#add({ do: 'send', flow, bytes, token, untilMs: 0 });
  }

  sendFinal(flow: Flow, bytes: Uint8Array, key: string, untilMs: number): void {
    this.#add({ do: 'send', flow, bytes, token: key, untilMs });
  }

  sayAgain(key: string): boolean {
    const known = this.answered(key);
    if (known !== undefined) this.send(known.flow, known.response, key);
    return known !== undefined || this.#owner!.isToSay(key);
  }

  answered(key: string): Answer | undefined {
    return this.#ports.answers.find(this.#key, key, this.nowMs);
  }

  tell(to: Address, body: unknown): void {
    this.#add({ do: 'tell', to, body });
  }

  ask(to: Address, body: unknown, isOnce = false): number {
    assert(this.#asksAllowed > 0, 'too many asks are waiting for their answers');
    this.#asksAllowed--;
    const id = this.#owner!.nextAskId++;
    this.#add({ do: 'ask', id, to, body, isOnce });
    return id;
  }

  answer(asker: Asker, body: unknown): void {
    this.#add({ do: 'answer', asker, body });
  }

  timer(name: string, atMs: number): void {
    assert(Number.isFinite(atMs), 'a timer needs a time');
    this.#change(name, atMs);
  }

  clearTimer(name: string): void {
    this.#change(name, Number.NaN);
  }

  save(gate: SaveGate, options?: SaveOptions): void {
    if (gate === 'store' || this.saved === undefined) this.saved = gate;
    if (options?.durable === true) this.durable = true;
    if (options?.promisedTo !== undefined) (this.promisedTo ??= []).push(options.promisedTo);
  }

  stop(): void {
    this.stopped = true;
  }

  note(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#ports.note(level, event, fields);
  }

  count(metric: string): void {
    this.#ports.count(metric);
  }

  #add(effect: Outgoing): void {
    assert(this.outgoingCount < limits.effectsPerTurnMax, 'too many effects in one turn');
    this.outgoing[this.outgoingCount++] = effect;
  }

  #change(name: string, atMs: number): void {
    assert(this.timerCount < limits.effectsPerTurnMax, 'too many timer changes in one turn');
    this.timerNames[this.timerCount] = name;
    this.timersAtMs[this.timerCount++] = atMs;
  }
}

const turns = new WeakMap<PartitionPorts, RecordedTurn>();
