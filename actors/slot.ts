/**
 * The place of one entity in its partition. Most entities are asleep at any time, so a slot alone is small: a key and the
 * packed state. What an entity needs only while it is awake, or while the store owes an answer about it, is its `Life`.
 */
import { Chained, type Link } from './chained.ts';
import type { Behaviour, Behaviours, Kind, SipRequest } from './entity.ts';
import type { Envelope } from './envelope.ts';
import { Gate } from './gate.ts';
import type { MailboxOwner } from './mailbox.ts';
import { nowhere, type Rememberer } from './memories.ts';
import type { Late } from './ports.ts';
import type { Packed } from './snapshot.ts';
import type { Outgoing } from './turn.ts';
import { Scheduled } from './wheel.ts';

/** All entities of one kind in one partition. */
export class KindTable extends Chained<Slot> {
  readonly kind: Kind;
  readonly behaviour: Behaviour<unknown>;

  /** @param seed textHash */
  constructor(kind: Kind, behaviours: Behaviours, seed: number) {
    super(seed);
    this.kind = kind;
    this.behaviour = behaviours[kind];
  }
}

/** All entities of one partition. */
export class KindTables {
  readonly call: KindTable;
  readonly aor: KindTable;
  readonly limit: KindTable;

  constructor(behaviours: Behaviours, seed: number) {
    this.call = new KindTable('call', behaviours, seed);
    this.aor = new KindTable('aor', behaviours, seed);
    this.limit = new KindTable('limit', behaviours, seed);
  }

  /** As `this[kind]`, which V8 would look up by its text for each packet. */
  of(kind: Kind): KindTable {
    return kind === 'call' ? this.call : kind === 'aor' ? this.aor : this.limit;
  }
}

/** Who hears when a timer of an entity is due. */
export interface TimerOwner {
  timerDue(slot: Slot, timer: EntityTimer | WakeUp, nowMs: number): void;
}

export class Slot implements Link, MailboxOwner, Rememberer, Late {
  readonly table: KindTable;
  readonly key: string;
  nextOfChain: this | undefined = undefined;
  queuedItems = 0;
  life: Life | undefined = undefined;
  /** The state as it was last handed to the store, or as it was when it fell asleep. `undefined`: none. */
  packed: Packed | undefined = undefined;
  wakeUp: WakeUp | undefined = undefined;
  /** Of the snapshot in the store; counts on from there when the entity wakes. */
  version = 0;
  /** There may be a row in the store. */
  stored = false;
  /** `packed` is not what the store has. */
  unsaved = false;
  /** Its row will be asked for. */
  isLate = false;
  /** What it remembers while it sleeps, and the store does not have. */
  memoryAt = nowhere;

  constructor(table: KindTable, key: string) {
    this.table = table;
    this.key = key;
  }

  get isAwake(): boolean {
    return this.life !== undefined && this.life.awake;
  }

  /** Whether there is an entity, awake or asleep; if not, the slot waits for its first input or its last acknowledgement. */
  get exists(): boolean {
    return this.isAwake || this.packed !== undefined;
  }

  /** It sleeps, and when its time comes it is gone. */
  get hasEnded(): boolean {
    return this.wakeUp !== undefined && this.wakeUp.isEnd && !this.isAwake;
  }
}

/** A save that must not fail silently, and where the entity goes back to when it does. */
export interface PromisedSave {
  readonly version: number;
  readonly to: readonly SipRequest[];
  readonly before: Packed | undefined;
  readonly beforeVersion: number;
}

export class Life {
  awake = false;
  /** Among those that are looked at now and then, since it stayed awake after a turn. */
  isListed = false;
  state: unknown = undefined;
  readonly gate: Gate<Outgoing>;
  /** Few: searched by name. */
  timers: EntityTimer[] = [];
  /** Ids of the asks that wait for an answer. */
  asks: number[] = [];
  /** The version of `Slot.packed`, or of the removal: where the entity goes back to when it breaks. */
  packedVersion: number;
  /** The highest version that is in the store or on its way there. */
  submittedVersion: number;
  /** The highest version that the store has acknowledged. */
  storedVersion: number;
  /** The last version that must survive the machine too; 0: none. */
  durableVersion = 0;
  writesInFlight = 0;
  /** What answers behind the gate promise, in order. */
  promises: PromisedSave[] = [];
  touchedAtMs = 0;
  /** `Slot.packed` is its state: it had no turn since it was packed. */
  isPacked = false;
  crashes = 0;
  crashesSinceMs = 0;

  constructor(version: number) {
    this.gate = new Gate(version);
    this.packedVersion = version;
    this.submittedVersion = version;
    this.storedVersion = version;
  }

  /** @param mark markOf(name) */
  timerNamed(name: string, mark: number): EntityTimer | undefined {
    const { timers } = this;
    // Mostly one of the last is meant.
    for (let index = timers.length - 1; index >= 0; index--) {
      const timer = timers[index]!;
      if (timer.mark === mark && timer.name === name) return timer;
    }
    return undefined;
  }

  /** False: it is not there, since it was replaced or cleared. */
  dropTimer(timer: EntityTimer): boolean {
    const { timers } = this;
    const place = timers.indexOf(timer);
    if (place < 0) return false;
    const last = timers.pop()!;
    if (last !== timer) timers[place] = last;
    return true;
  }

  /** Something was promised up to this version. */
  hasPromise(version: number): boolean {
    return this.promises.length > 0 && this.promises[0]!.version <= version;
  }

  /** The store has this version. */
  keepPromises(version: number): void {
    while (this.promises.length > 0 && this.promises[0]!.version <= version) this.promises.shift();
  }

  /** Takes out the promises that were made after `version`. */
  takePromisesAfter(version: number): SipRequest[] {
    if (this.promises.length === 0) return [];
    const taken = this.promises.filter((each) => each.version > version).flatMap((each) => each.to);
    this.promises = this.promises.filter((each) => each.version <= version);
    return taken;
  }

  /** 0: none. */
  earliestTimerMs(): number {
    let earliest = 0;
    for (const timer of this.timers) if (earliest === 0 || timer.atMs < earliest) earliest = timer.atMs;
    return Math.max(0, earliest);
  }
}

/**
 * A named timer; itself the input that the entity gets. Each arming is a new object, which is its token: one that was
 * replaced or cleared while it waited in the mailbox is no longer found under its name, and does nothing.
 */
export class EntityTimer extends Scheduled {
  readonly type = 'timer';
  readonly name: string;
  readonly mark: number;
  readonly #slot: Slot;
  readonly #owner: TimerOwner;

  /** @param mark markOf(name) */
  constructor(name: string, mark: number, slot: Slot, owner: TimerOwner) {
    super();
    this.name = name;
    this.mark = mark;
    this.#slot = slot;
    this.#owner = owner;
  }

  due(nowMs: number): void {
    this.#owner.timerDue(this.#slot, this, nowMs);
  }
}

/** A number that tells most names apart: a call has many timers, and their names are long and much alike. */
export function markOf(name: string): number {
  const step = (name.length >> 4) + 1;
  let mark = name.charCodeAt(0);
  for (let index = name.length - 1; index > 0; index -= step) mark = (Math.imul(mark, 31) + name.charCodeAt(index)) | 0;
  return mark & 0x3fff_ffff;
}

/**
 * Wakes an entity that sleeps, so that it can arm its own timers. What refreshes an entity puts it off, mostly for long: then
 * it stays where it is in the wheel, among neighbours that nobody has looked at for long, and is moved when it is due there.
 */
export class WakeUp extends Scheduled {
  readonly type = 'wake-up';
  /** When it is wanted, cluster time; not before `atMs`. */
  wantedMs = 0;
  /** Not to wake it: it is over then. */
  isEnd = false;
  readonly #slot: Slot;
  readonly #owner: TimerOwner;

  constructor(slot: Slot, owner: TimerOwner) {
    super();
    this.#slot = slot;
    this.#owner = owner;
  }

  due(nowMs: number): void {
    this.#owner.timerDue(this.#slot, this, nowMs);
  }
}

/** What waits in the mailbox. */
export type Item = Envelope | EntityTimer | WakeUp | { readonly type: 'ask-failed'; readonly id: number };
