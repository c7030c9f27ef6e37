/**
 * The four transaction machines of RFC 3261 figures 5 to 8 with RFC 6026, on UDP and on TCP, moved to other nodes in
 * between. The reference below is written from the prose of section 17: a state, the moment of the next repetition and the
 * moment of the end; it knows neither the tables nor the slots of the timers.
 */
import assert from 'node:assert/strict';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { apply, begin, ClientTransaction, resume, ServerTransaction } from '../../src/transaction/machine.ts';
import type { Sink, Transaction } from '../../src/transaction/machine.ts';
import { pack, unpack } from '../../src/transaction/pack.ts';
import type { Kind } from '../../src/transaction/table.ts';
import { takeoverGraceMs } from '../../src/transaction/timers.ts';
import type { TimerName } from '../../src/transaction/timers.ts';
import { externalEvents } from '../transaction/world.ts';
import type { External } from '../transaction/world.ts';
import { tableOf } from '../../src/transaction/tables.ts';
import { command } from './command.ts';

const t1Ms = 500;
const t2Ms = 4_000;
const t4Ms = 5_000;
const longMs = 64 * t1Ms;

/** What the prose says of one transaction. Effects are words: `send`, `resend`, `pass`, `ack`, `tell ...`, `end`. */
class Prose {
  readonly kind: Kind;
  readonly udp: boolean;
  nowMs = 0;
  state: string;
  /** When it repeats, and how long after that again; Infinity: not. */
  repeatAtMs = Infinity;
  intervalMs = 0;
  /** A repetition was made after a provisional response: from then on they are T2 apart. */
  isEven = false;
  endAtMs = Infinity;
  /** The end is a failure that the user hears of, and after a takeover has a time of grace. */
  isPatience = false;
  hasSent = false;

  constructor(kind: Kind, udp: boolean) {
    this.kind = kind;
    this.udp = udp;
    if (kind === 'invite-client' || kind === 'client') {
      this.state = kind === 'client' ? 'trying' : 'calling';
      this.#repeat();
      this.#endAfter(longMs, true);
    } else this.state = kind === 'server' ? 'trying' : 'proceeding';
  }

  get isOver(): boolean {
    return this.state === 'terminated';
  }

  /** `undefined`: the machine has no rule for it. */
  hear(event: External): string[] | undefined {
    switch (this.kind) {
      case 'invite-client':
        return this.#inviteClient(event);
      case 'client':
        return this.#client(event);
      case 'invite-server':
        return this.#inviteServer(event);
      case 'server':
        return this.#server(event);
    }
  }

  /** 17.1.1.2, 17.1.1.3, RFC 6026 8.4. */
  #inviteClient(event: External): string[] | undefined {
    const isWaiting = this.state === 'calling' || this.state === 'proceeding';
    if (event === 'transport-error')
      return this.state === 'calling' || this.state === 'completed' ? this.#fail('transport-error') : undefined;
    if (isWaiting) {
      this.repeatAtMs = this.endAtMs = Infinity;
      this.isPatience = false;
      if (event === '1xx') return this.#go('proceeding', 'pass');
      if (event === '2xx') return this.#go('accepted', 'pass', longMs);
      return this.#go('completed', 'ack pass', this.udp ? longMs : 0);
    }
    if (this.state === 'accepted') return event === '2xx' ? ['pass'] : undefined;
    return event === '3xx-6xx' ? ['ack'] : undefined;
  }

  /** 17.1.2.2. */
  #client(event: External): string[] | undefined {
    if (this.state === 'completed') return event === 'transport-error' ? undefined : [];
    if (event === 'transport-error') return this.#fail('transport-error');
    if (event === '1xx') {
      this.state = 'proceeding';
      return ['pass'];
    }
    this.repeatAtMs = Infinity;
    return this.#go('completed', 'pass', this.udp ? t4Ms : 0);
  }

  /** 17.2.1, RFC 6026 7.1, 8.7, 8.8. */
  #inviteServer(event: External): string[] | undefined {
    if (event === 'transport-error') return this.state === 'confirmed' ? undefined : ['tell transport-error'];
    switch (this.state) {
      case 'proceeding':
        if (event === 'ACK') return undefined;
        if (event === 'INVITE') return this.hasSent ? ['resend'] : [];
        this.hasSent = true;
        if (event === '1xx') return ['send'];
        if (event === '2xx') return this.#go('accepted', 'send', longMs);
        this.#repeat();
        this.#go('completed', 'send', longMs);
        this.isPatience = true;
        return ['send'];
      case 'accepted':
        if (event === 'INVITE') return [];
        if (event === 'ACK') return ['pass'];
        return event === '2xx' ? ['send'] : undefined;
      case 'completed':
        if (event === 'INVITE') return ['resend'];
        if (event !== 'ACK') return undefined;
        this.repeatAtMs = Infinity;
        this.isPatience = false;
        return this.#go('confirmed', '', this.udp ? t4Ms : 0);
      default:
        return event === 'INVITE' || event === 'ACK' ? [] : undefined;
    }
  }

  /** 17.2.2. */
  #server(event: External): string[] | undefined {
    if (event === 'request') return this.hasSent ? ['resend'] : [];
    if (event === 'transport-error') return this.hasSent ? ['tell transport-error'] : undefined;
    if (this.state === 'completed') return event === '1xx' ? undefined : [];
    this.hasSent = true;
    if (event === '1xx') return this.#go('proceeding', 'send');
    return this.#go('completed', 'send', this.udp ? longMs : 0);
  }

  /** What happens by itself until then, each with its moment. */
  wait(untilMs: number): string[] {
    const happened: string[] = [];
    for (;;) {
      const atMs = Math.min(this.repeatAtMs, this.endAtMs);
      if (this.isOver || atMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, atMs);
      if (this.repeatAtMs <= this.endAtMs) {
        happened.push(`${this.nowMs} resend`);
        this.#nextRepetition(this.nowMs);
      } else happened.push(...this.#end().map((each) => `${this.nowMs} ${each}`));
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
    return happened;
  }

  /** Nobody answered for it for so long; then another node goes on, with what was missed said once. */
  move(downMs: number): string[] {
    this.nowMs += downMs;
    const wasEven = this.isEven;
    let missed = 0;
    while (this.repeatAtMs <= this.nowMs) {
      missed++;
      this.#nextRepetition(this.repeatAtMs);
    }
    // It is said now, late, and nothing is said again sooner than T1 after that.
    while (missed > 0 && this.repeatAtMs < this.nowMs + t1Ms) this.#nextRepetition(this.repeatAtMs);
    if (this.isPatience) this.endAtMs = Math.max(this.endAtMs, this.nowMs + takeoverGraceMs);
    // The first repetition after a provisional response begins the intervals of T2, whenever it is made.
    if (missed > 0 && this.kind === 'client' && this.state === 'proceeding' && !wasEven)
      this.repeatAtMs = this.nowMs + t2Ms;
    const repeated = missed > 0 ? [`${this.nowMs} resend`] : [];
    return [...repeated, ...this.wait(this.nowMs)];
  }

  #repeat(): void {
    if (!this.udp) return;
    this.intervalMs = t1Ms;
    this.repeatAtMs = this.nowMs + t1Ms;
  }

  /** The interval doubles: without end for an INVITE, else up to T2; it is T2 once a provisional response came. */
  #nextRepetition(sinceMs: number): void {
    this.isEven = this.kind === 'client' && this.state === 'proceeding';
    if (this.isEven) this.intervalMs = t2Ms;
    else this.intervalMs = Math.min(this.intervalMs * 2, this.kind === 'invite-client' ? Infinity : t2Ms);
    this.repeatAtMs = sinceMs + this.intervalMs;
  }

  #endAfter(afterMs: number, isPatience: boolean): void {
    this.endAtMs = this.nowMs + afterMs;
    this.isPatience = isPatience;
  }

  #go(state: string, effects: string, endAfterMs?: number): string[] {
    this.state = state;
    const said = effects === '' ? [] : effects.split(' ');
    if (endAfterMs === undefined) return said;
    this.#endAfter(endAfterMs, false);
    return endAfterMs === 0 ? [...said, ...this.#end()] : said;
  }

  #end(): string[] {
    return this.isPatience ? this.#fail('timeout') : this.#over();
  }

  #fail(what: string): string[] {
    return [`tell ${what}`, ...this.#over()];
  }

  #over(): string[] {
    this.state = 'terminated';
    return ['end'];
  }
}

/** The machine with its timers in a drawer. */
class Machine implements Sink {
  tx: Transaction;
  nowMs = 0;
  said: string[] = [];
  readonly #timers = new Map<TimerName, number>();

  constructor(kind: Kind, udp: boolean) {
    const flow = { protocol: udp ? 'udp' : 'tcp', listener: 0, address: '192.0.2.1', port: 5060 } as const;
    const whole = { ...flow, connection: udp ? '' : 'n1/0/1' };
    const isClient = kind === 'client' || kind === 'invite-client';
    this.tx = isClient ? new ClientTransaction(kind, 'key', whole) : new ServerTransaction(kind, 'key', whole);
    begin(this.tx, 0, this, Buffer.from('x'));
  }

  hear(event: External | TimerName): string[] | undefined {
    this.said = [];
    if (apply(this.tx, event, this.nowMs, this, Buffer.from('x')) === undefined) return undefined;
    return this.tx.terminated ? [...this.said, 'end'] : this.said;
  }

  wait(untilMs: number): string[] {
    const happened: string[] = [];
    for (let firings = 0; ; firings++) {
      assert(firings < 1_000, 'no rest');
      const [due] = [...this.#timers]
        .filter(([, atMs]) => atMs <= untilMs)
        .sort((a, b) => a[1] - b[1] || rank(a) - rank(b));
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.nowMs = Math.max(this.nowMs, due[1]);
      for (const each of this.hear(due[0]) ?? []) happened.push(`${this.nowMs} ${each}`);
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
    return happened;
  }

  move(downMs: number): string[] {
    this.#timers.clear();
    this.nowMs += downMs;
    this.tx = unpack(decode(encode(pack(this.tx))) as unknown[]);
    resume(this.tx, this.nowMs, this, takeoverGraceMs);
    return this.wait(this.nowMs);
  }

  send(): void {
    this.said.push('send');
  }
  resend(): void {
    this.said.push('resend');
  }
  pass(): void {
    this.said.push('pass');
  }
  ack(): void {
    this.said.push('ack');
  }
  tell(_tx: Transaction, what: string): void {
    this.said.push(`tell ${what}`);
  }
  timer(_tx: Transaction, name: TimerName, atMs: number): void {
    this.#timers.set(name, atMs);
  }
  clearTimer(_tx: Transaction, name: TimerName): void {
    this.#timers.delete(name);
  }
}

const rank = ([name]: readonly [TimerName, number]): number => ('AEG'.includes(name) ? 0 : 1);

type TransactionCommand = fc.Command<Prose, Machine>;

const isRunning = (prose: Readonly<Prose>): boolean => !prose.isOver;

const hear = (event: External): TransactionCommand =>
  command(
    event,
    (prose, machine) => {
      assert.deepEqual(machine.hear(event), prose.hear(event));
      assert.equal(machine.tx.state, prose.state);
    },
    (prose) => isRunning(prose) && externalEvents(tableOf(prose.kind)).includes(event),
  );

const wait = (forMs: number): TransactionCommand =>
  command(
    `wait ${forMs}`,
    (prose, machine) => {
      assert.deepEqual(machine.wait(machine.nowMs + forMs), prose.wait(prose.nowMs + forMs));
      assert.equal(machine.tx.state, prose.state);
    },
    isRunning,
  );

const move = (downMs: number): TransactionCommand =>
  command(`move ${downMs}`, (prose, machine) => assert.deepEqual(machine.move(downMs), prose.move(downMs)), isRunning);

const events: readonly External[] = ['1xx', '2xx', '3xx-6xx', 'INVITE', 'ACK', 'request', 'transport-error'];
const durationMs = fc.oneof(fc.integer({ min: 1, max: 900 }), fc.integer({ min: 1, max: 9_000 }), fc.nat(40_000));

const commands = fc.commands(
  [
    fc.constantFrom(...events, '1xx' as const, '3xx-6xx' as const).map(hear),
    durationMs.map(wait),
    durationMs.map(wait),
    durationMs.map(move),
  ],
  { maxCommands: 14, size: 'max' },
);

const kinds = fc.constantFrom<Kind>('invite-client', 'client', 'invite-server', 'server');

export function model(): fc.IRawProperty<unknown> {
  return fc.property(kinds, fc.boolean(), commands, (kind, udp, sequence) => {
    fc.modelRun(() => ({ model: new Prose(kind, udp), real: new Machine(kind, udp) }), sequence);
  });
}
