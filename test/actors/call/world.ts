/**
 * A small telephone network in one process for the call and address-of-record actors: virtual time, phones on UDP, and
 * a server whose node can be lost between any two events. What was saved with the gate 'store' survives, nothing else.
 */
import { decode, encode } from '@msgpack/msgpack';
import type {
  Address,
  Asker,
  Behaviour,
  Behaviours,
  Input,
  Kind,
  SaveGate,
  SaveOptions,
  Turn,
} from '../../../actors/entity.ts';
import { aorBehaviour } from '../../../actors/aor/behaviour.ts';
import { limitBehaviour } from '../../../actors/limit/behaviour.ts';
import type { Answer } from '../../../actors/answers.ts';
import { callBehaviour } from '../../../actors/call/behaviour.ts';
import { Edge } from '../../../actors/edge.ts';
import type { Envelope } from '../../../actors/envelope.ts';
import { partitionOf } from '../../../cluster/hash.ts';
import type { UserRecord } from '../../../src/auth/verify.ts';
import { LentCredits } from '../../../src/limit/credits.ts';
import type { Flow, LogLevel } from '../../../src/outside.ts';
import { Identifiers } from '../../../src/proxy/identifiers.ts';
import { Self } from '../../../src/proxy/self.ts';
import type { Listener } from '../../../src/proxy/self.ts';
import { defaultService } from '../../../src/routing/default-service.ts';
import type { Service } from '../../../src/routing/api.ts';

export interface Packet {
  readonly to: string;
  readonly from: string;
  readonly bytes: Buffer;
}

const serverAt = '10.0.0.1:5060';

/** How the node is lost at a save that something waits for: just before the store has it, or just after, packets unsent. */
export type LossAtSave = 'before' | 'after' | undefined;

interface Line {
  readonly receive: (packet: Packet) => void;
  readonly tcp: boolean;
  /** Whether a new connection to this phone is taken. */
  listens: boolean;
  /** Whether its connection to us stands. */
  connected: boolean;
  /** Nobody was told that it does not stand any more. */
  isMute: boolean;
  /** So long afterwards it is known that a packet did not go through a mute one; 0: never. */
  newsMs: number;
}

interface Slot {
  state: unknown;
  readonly timers: Map<string, number>;
  saved: Uint8Array | undefined;
  nextAsk: number;
}

export class World {
  nowMs = 1_000_000;
  readonly counts = new Map<string, number>();
  readonly notes: string[] = [];
  /** Every packet that left the server or a phone, in order. */
  readonly wire: Packet[] = [];
  readonly #phones = new Map<string, Line>();
  /** Called at each save with the gate 'store', with the number of those before it. */
  loseNodeAt: (save: number) => LossAtSave = () => undefined;
  #saves = 0;
  /** Kind, gate and durability of every save. */
  readonly saveLog: string[] = [];
  readonly #agenda: { atMs: number; order: number; run: () => void }[] = [];
  #order = 0;
  readonly #slots = new Map<string, Slot>();
  /** Of the node: lost with it. */
  readonly #answers = new Map<string, Answer>();
  readonly #behaviours: Behaviours;
  readonly #edge: Edge;
  readonly users = new Map<string, UserRecord>();
  latencyMs = 5;
  /** Chance of a packet to be lost, by a number in [0, 1) drawn for it. */
  lose: () => boolean = () => false;

  constructor(
    options: { service?: Service; authenticate?: boolean; noAnswerMs?: number; listeners?: readonly Listener[] } = {},
  ) {
    const listeners = options.listeners ?? [
      { protocol: 'udp', address: '10.0.0.1', port: 5060, host: '10.0.0.1' } as const,
      { protocol: 'tcp', address: '10.0.0.1', port: 5060, host: '10.0.0.1' } as const,
    ];
    const self = new Self(listeners, ['example.test']);
    const identifiers = new Identifiers(Buffer.from('secret'));
    let randomCounter = 0;
    const deps = {
      self,
      identifiers,
      service: options.service ?? defaultService({ authenticate: options.authenticate ?? false }),
      random: { bytes: (n: number) => Buffer.alloc(n, (randomCounter += 1)), fraction: () => 0.5 },
      nonceSecret: 'nonce secret',
      noAnswerMs: options.noAnswerMs ?? 120_000,
      directory: { record: (aor: string) => this.users.get(aor) },
      registrar: { minExpiresSeconds: 60, maxExpiresSeconds: 7200, maxContacts: 10 },
      credits: new LentCredits(),
    };
    this.#behaviours = {
      call: callBehaviour(deps) as Behaviour<unknown>,
      aor: aorBehaviour(deps) as Behaviour<unknown>,
      limit: limitBehaviour() as Behaviour<unknown>,
    };
    this.#edge = new Edge(self, identifiers, {
      partitionOf,
      deliver: (_partition, envelope) => this.#deliver(envelope),
      send: (flow, bytes) => this.#fromServer(flow, bytes),
      note: (level, event) => this.notes.push(`${level} ${event}`),
      count: (metric) => this.#count(metric),
    });
  }

  phone(at: string, receive: (packet: Packet) => void, stream: 'udp' | 'tcp' | 'tcp-listening' = 'udp'): void {
    this.#phones.set(at, {
      receive,
      tcp: stream !== 'udp',
      listens: stream === 'tcp-listening',
      connected: true,
      isMute: false,
      newsMs: 0,
    });
  }

  /** Saves with the gate 'store' so far. */
  get saves(): number {
    return this.#saves;
  }

  /** The connection of a phone breaks; what it listens on is not touched. `newsMs`: see Line. */
  cut(at: string, silently = false, newsMs = 0): void {
    const line = this.#phones.get(at);
    if (line === undefined) return;
    line.connected = false;
    line.isMute = silently;
    line.newsMs = newsMs;
  }

  /** A packet from a phone to the server. */
  send(from: string, text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.wire.push({ to: serverAt, from, bytes });
    const line = this.#phones.get(from);
    const tcp = line?.tcp === true;
    if (line !== undefined) line.connected = true;
    if (!tcp && this.lose()) return;
    const colon = from.lastIndexOf(':');
    const flow: Flow = {
      protocol: tcp ? 'tcp' : 'udp',
      listener: tcp ? 1 : 0,
      address: from.slice(0, colon),
      port: Number(from.slice(colon + 1)),
      connection: tcp ? `to ${from}` : '',
    };
    this.after(this.latencyMs, () => this.#edge.receive(Buffer.from(bytes), flow));
  }

  after(delayMs: number, run: () => void): void {
    this.#agenda.push({ atMs: this.nowMs + delayMs, order: (this.#order += 1), run });
  }

  /** The node is lost and its partitions are taken over from the store, both in this instant. */
  kill(): void {
    const keys = [...this.#slots.entries()];
    this.#slots.clear();
    this.#answers.clear();
    for (const [id, slot] of keys) {
      if (slot.saved === undefined) continue;
      this.#revive(id, slot);
    }
  }

  /** Pack and unpack everything, as a planned hand-off does with full snapshots. */
  move(): void {
    this.#answers.clear();
    for (const [id, slot] of [...this.#slots.entries()]) {
      const [kind, key] = split(id);
      const packed = this.#behaviours[kind].pack(slot.state);
      this.#slots.delete(id);
      if (packed === null) continue;
      slot.saved = encode(packed);
      this.#revive(id, slot);
      void key;
    }
  }

  #revive(id: string, slot: Slot): void {
    const [kind, key] = split(id);
    const fresh: Slot = { state: undefined, timers: new Map(), saved: slot.saved, nextAsk: slot.nextAsk + 1000 };
    this.#slots.set(id, fresh);
    this.#turn(id, fresh, (turn) => {
      fresh.state = this.#behaviours[kind].unpack(key, decode(slot.saved ?? new Uint8Array()) as unknown[], turn);
    });
  }

  /** Runs until nothing is left to do or the time is over. */
  run(forMs: number): void {
    const endMs = this.nowMs + forMs;
    for (let steps = 0; steps < 200_000; steps += 1) {
      const next = this.#next(endMs);
      if (next === undefined) break;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    this.nowMs = endMs;
  }

  /** All actors of a kind are lost with everything that was saved of them. */
  forget(kind: Kind): void {
    for (const id of this.#slots.keys()) if (split(id)[0] === kind) this.#slots.delete(id);
  }

  /** Somebody asks who hears no answer. */
  ask(to: Address, callId: string, body: unknown): void {
    this.#deliver({ to, type: 'ask', asker: { kind: 'call', key: callId, id: 1 }, body });
  }

  entities(): string[] {
    return [...this.#slots.entries()].map(([id, slot]) => this.#behaviours[split(id)[0]].describe(slot.state));
  }

  views(kind: Kind): unknown[] {
    return [...this.#slots.entries()].flatMap(([id, slot]) =>
      split(id)[0] === kind ? (this.#behaviours[kind].view(slot.state) as unknown[]) : [],
    );
  }

  #next(endMs: number): { atMs: number; run: () => void } | undefined {
    let best: { atMs: number; order: number; run: () => void } | undefined;
    for (const item of this.#agenda) {
      if (best === undefined || item.atMs < best.atMs || (item.atMs === best.atMs && item.order < best.order))
        best = item;
    }
    let timer: { atMs: number; run: () => void } | undefined;
    for (const [id, slot] of this.#slots) {
      for (const [name, atMs] of slot.timers) {
        if (timer !== undefined && timer.atMs <= atMs) continue;
        timer = { atMs, run: () => (slot.timers.delete(name), this.#input(id, { type: 'timer', name })) };
      }
    }
    if (timer !== undefined && (best === undefined || timer.atMs < best.atMs))
      return timer.atMs > endMs ? undefined : timer;
    if (best === undefined || best.atMs > endMs) return undefined;
    this.#agenda.splice(this.#agenda.indexOf(best), 1);
    return best;
  }

  #deliver(envelope: Envelope): void {
    const id = `${envelope.to.kind}:${envelope.to.key}`;
    if (!this.#slots.has(id)) {
      if (envelope.type === 'answer') return;
      const slot: Slot = { state: undefined, timers: new Map(), saved: undefined, nextAsk: 1 };
      this.#slots.set(id, slot);
      this.#turn(id, slot, (turn) => {
        slot.state = this.#behaviours[envelope.to.kind].create(envelope.to.key, turn);
      });
    }
    this.#input(id, envelope);
  }

  #input(id: string, input: Input): void {
    const slot = this.#slots.get(id);
    if (slot === undefined) return;
    this.#turn(id, slot, (turn) => this.#behaviours[split(id)[0]].receive(slot.state, input, turn));
  }

  /** Effects after the turn; 'store' is acknowledged at once, so what left the server is what was saved. */
  #turn(id: string, slot: Slot, body: (turn: Turn) => void): void {
    const [kind, key] = split(id);
    const effects: (() => void)[] = [];
    let save = false;
    let stop = false;
    const turn: Turn = {
      nowMs: this.nowMs,
      partition: partitionOf(key),
      send: (flow, bytes, token) =>
        effects.push(() => this.#fromServer(flow, bytes, token === undefined ? undefined : { id, token })),
      sendFinal: (flow, bytes, answerKey, untilMs) =>
        effects.push(() => {
          this.#answers.set(`${id} ${answerKey}`, { flow, response: bytes, untilMs });
          this.#fromServer(flow, bytes, { id, token: answerKey });
        }),
      sayAgain: (answerKey) => {
        const known = turn.answered(answerKey);
        if (known !== undefined) turn.send(known.flow, known.response, answerKey);
        return known !== undefined;
      },
      answered: (answerKey) => {
        const known = this.#answers.get(`${id} ${answerKey}`);
        return known !== undefined && known.untilMs > this.nowMs ? known : undefined;
      },
      tell: (to, told) => effects.push(() => this.after(1, () => this.#deliver({ to, type: 'tell', body: told }))),
      ask: (to, asked) => {
        const asker: Asker = { kind, key, id: (slot.nextAsk += 1) };
        effects.push(() => this.after(1, () => this.#deliver({ to, type: 'ask', asker, body: decode(encode(asked)) })));
        return asker.id;
      },
      answer: (asker, answered) =>
        effects.push(() =>
          this.after(1, () =>
            this.#deliver({
              to: { kind: asker.kind, key: asker.key },
              type: 'answer',
              id: asker.id,
              body: decode(encode(answered)),
            }),
          ),
        ),
      timer: (name, atMs) => void slot.timers.set(name, atMs),
      clearTimer: (name) => void slot.timers.delete(name),
      save: (gate: SaveGate, saveOptions?: SaveOptions) => {
        save ||= gate === 'store';
        this.saveLog.push(`${kind} ${gate}${saveOptions?.durable === true ? ' durable' : ''}`);
      },
      stop: () => void (stop = true),
      note: (level: LogLevel, event: string) => void this.notes.push(`${level} ${event}`),
      count: (metric) => this.#count(metric),
    };
    body(turn);
    if (stop) {
      this.#slots.delete(id);
      slot.timers.clear();
    } else if (save) {
      const loss = this.loseNodeAt((this.#saves += 1) - 1);
      if (loss === 'before') return this.kill();
      const packed = this.#behaviours[kind].pack(slot.state);
      slot.saved = packed === null ? undefined : encode(packed);
      if (loss === 'after') return this.kill();
    }
    for (const effect of effects) effect();
  }

  #fromServer(flow: Flow, bytes: Uint8Array, origin?: { id: string; token: string }): void {
    const packet: Packet = { to: `${flow.address}:${flow.port}`, from: serverAt, bytes: Buffer.from(bytes) };
    const line = this.#phones.get(packet.to);
    if (flow.protocol !== 'udp') {
      const reached = line?.tcp === true && (flow.connection === '' ? line.listens : line.connected);
      if (!reached) {
        const isMute = flow.connection !== '' && line?.isMute === true;
        if (origin !== undefined && (!isMute || line.newsMs > 0))
          this.after(isMute ? line.newsMs : 1, () =>
            this.#input(origin.id, { type: 'undelivered', token: origin.token }),
          );
        return;
      }
    }
    this.wire.push(packet);
    if (flow.protocol === 'udp' && this.lose()) return;
    this.after(this.latencyMs, () => line?.receive(packet));
  }

  #count(metric: string): void {
    this.counts.set(metric, (this.counts.get(metric) ?? 0) + 1);
  }
}

function split(id: string): [Kind, string] {
  const colon = id.indexOf(':');
  return [id.slice(0, colon) as Kind, id.slice(colon + 1)];
}
