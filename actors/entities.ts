/**
 * The life of the entities of one partition: waking, one turn per input, saving, falling asleep, breaking and coming back
 * from a snapshot, the end. The partition around it decides when an input gets its turn.
 */
import { limits } from '../src/limits.ts';
import { Asks, forgetAsk } from './asks.ts';
import { Awake } from './awake.ts';
import { changeTimers } from './change-timers.ts';
import { Exit } from './exit.ts';
import { type Behaviours, type Input, type Kind, kinds, type SipRequest } from './entity.ts';
import { type Envelope, makesEntity } from './envelope.ts';
import { type Listed, look } from './listed.ts';
import { nowhere } from './memories.ts';
import { minuteMs, napOf, type NapReason } from './nap.ts';
import type { PartitionPorts, WriteResult } from './ports.ts';
import { Saver } from './saver.ts';
import { type EntityTimer, type Item, KindTables, Life, Slot, type TimerOwner, WakeUp } from './slot.ts';
import { type Snapshot, unpackOctets, unpackState } from './snapshot.ts';
import { firstAskId, isAnswer, type Outgoing, RecordedTurn, repeats, type TurnOwner } from './turn.ts';

/** The partition. */
export interface EntitiesOwner {
  readonly number: number;
  readonly epoch: number;
  readonly owner: string;
  /** Something has happened to the entity: it is to have a turn. */
  enqueue(slot: Slot, item: Item): void;
  /** For an entity of this partition. */
  deliver(envelope: Envelope): boolean;
  writeEnded(result: WriteResult): void;
}

export class Entities implements TimerOwner, TurnOwner {
  readonly number: number;
  nextAskId: number;
  readonly tables: KindTables;
  readonly asks: Asks;
  readonly saver: Saver;
  readonly #owner: EntitiesOwner;
  readonly #ports: PartitionPorts;
  readonly #turn: RecordedTurn;
  readonly #exit: Exit;
  readonly #awake: Awake;
  /** Whose turn it is, or was last. */
  #handled: Slot | undefined = undefined;

  constructor(owner: EntitiesOwner, ports: PartitionPorts, behaviours: Behaviours) {
    this.#owner = owner;
    this.#ports = ports;
    this.tables = new KindTables(behaviours, ports.hashSeed);
    this.number = owner.number;
    this.nextAskId = firstAskId(ports.clock.clusterMs());
    this.#turn = RecordedTurn.of(ports);
    this.#awake = new Awake(ports.wheel, (slot, nowMs) => this.#rest(slot, slot.life!, nowMs, 'idle'));
    this.#exit = new Exit(owner, ports, (id) => this.asks.start(id, ports.clock.clusterMs()));
    this.asks = new Asks(ports.wheel, {
      post: (envelope) => this.#exit.post(envelope),
      askExpired: (slot, id) => owner.enqueue(slot, { type: 'ask-failed', id }),
    });
    this.saver = new Saver(ports, {
      number: owner.number,
      epoch: owner.epoch,
      owner: owner.owner,
      released: (slot, effects) => this.#exit.letAll(slot, effects),
      packFailed: (slot, error) => this.#crashed(slot, undefined, error),
      promiseBroken: (slot) => this.#undoPromises(slot),
      settled: (slot) => this.#settled(slot),
      writeEnded: (result) => owner.writeEnded(result),
    });
  }

  get awakeCount(): number {
    return this.#awake.size;
  }

  awake(): Iterable<Slot> {
    return this.#awake.slots();
  }

  slotOf(kind: Kind, key: string): Slot {
    const table = this.tables.of(kind);
    let slot = table.get(key);
    if (slot === undefined) {
      slot = new Slot(table, key);
      table.add(slot);
    }
    return slot;
  }

  /** An entity of an earlier owner: stays packed until an input or its wake-up time. */
  adopt(key: string, snapshot: Snapshot): void {
    const slot = this.slotOf(snapshot.kind, key);
    slot.packed = snapshot.packed;
    slot.version = snapshot.version;
    slot.stored = true;
    if (snapshot.wakeAtMs > 0) this.#armWakeUp(slot, snapshot.wakeAtMs);
  }

  /** Writes every entity that is awake, or differs from what the store has; `anyway`: all of them. */
  saveAll(anyway: boolean): void {
    for (const kind of kinds) {
      for (const slot of this.tables.of(kind).values()) {
        if (anyway || slot.isAwake || slot.unsaved)
          this.saver.mark(slot, (slot.life ??= new Life(slot.version)), false, false);
      }
    }
    this.saver.write();
  }

  /** Forgets everything and disarms all timers. */
  close(): void {
    this.saver.close();
    for (const kind of kinds) {
      for (const slot of this.tables.of(kind).values()) {
        this.#disarmWakeUp(slot);
        if (slot.life !== undefined) this.#sleep(slot, slot.life);
      }
      this.tables.of(kind).clear();
    }
  }

  /** Called by the wheel. */
  timerDue(slot: Slot, timer: EntityTimer | WakeUp, nowMs: number): void {
    if (timer.type === 'wake-up' && nowMs < timer.wantedMs) this.#ports.wheel.schedule(timer, timer.wantedMs);
    else this.#owner.enqueue(slot, timer);
  }

  /** Called by the turn. */
  isToSay(key: string): boolean {
    return this.#handled?.life?.gate.holds((effect) => isAnswer(effect, key)) === true;
  }

  look(slot: Slot): Listed | undefined {
    return look(slot, this, this.#ports);
  }

  /** One input has its turn. */
  handle(slot: Slot, item: Item, nowMs: number): void {
    if (!this.#concerns(slot, item)) return this.#tidy(slot);
    const turn = this.#turn;
    if (item.type === 'wake-up' && item.isEnd) {
      this.#remove(slot, false, false);
      return this.#tidy(slot);
    }
    this.#handled = slot;
    turn.begin(this, slot.key, nowMs, slot.life === undefined ? 0 : slot.life.asks.length);
    try {
      const life = slot.isAwake ? slot.life! : this.#wake(slot);
      life.touchedAtMs = nowMs;
      life.isPacked = false;
      if (item.type !== 'wake-up') slot.table.behaviour.receive(life.state, item as Input, turn);
    } catch (error) {
      this.#crashed(slot, item, error);
      return;
    }
    this.#perform(slot, slot.life!);
  }

  /** Whether the entity is still to hear of it, or ever was. */
  #concerns(slot: Slot, item: Item): boolean {
    switch (item.type) {
      case 'sip':
      case 'ask':
      case 'tell':
        return true;
      case 'timer':
        return slot.life !== undefined && slot.life.dropTimer(item);
      case 'wake-up':
        return slot.wakeUp === item;
      case 'answer':
        if (this.asks.settle(item.id, slot)) return forgetAsk(slot.life!.asks, item.id);
        this.#ports.count('answer.unknown');
        return false;
      case 'ask-failed':
        return slot.life !== undefined && forgetAsk(slot.life.asks, item.id);
      case 'undelivered':
        return slot.exists;
    }
  }

  #wake(slot: Slot): Life {
    const { behaviour } = slot.table;
    const life = (slot.life ??= new Life(slot.version));
    life.state =
      slot.packed === undefined
        ? behaviour.create(slot.key, this.#turn)
        : behaviour.unpack(slot.key, unpackState(slot.packed), this.#turn);
    const memory = slot.memoryAt === nowhere ? undefined : this.#ports.memories.take(slot, this.#turn.nowMs);
    if (memory !== undefined) behaviour.recall?.(life.state, unpackOctets(memory), this.#turn);
    life.awake = true;
    return life;
  }

  /** The turn has come to its end: does what it asked for. */
  #perform(slot: Slot, life: Life): void {
    const turn = this.#turn;
    const { packed: before, table } = slot;
    const { packedVersion: beforeVersion } = life;
    const gated = turn.saved === 'store' && this.#ports.isUngated !== true;
    const mayRest = !gated && (table.behaviour.remember ?? table.behaviour.endsAtMs) !== undefined;
    if (turn.stopped) {
      this.#sleep(slot, life);
      this.#remove(slot, gated, turn.durable);
    } else if (!mayRest) {
      this.#stay(slot, life);
      if (turn.saved !== undefined) this.saver.mark(slot, life, gated, turn.durable);
    }
    if (turn.promisedTo !== undefined && !life.gate.isOpen)
      life.promises.push({ version: life.gate.version, to: turn.promisedTo, before, beforeVersion });
    turn.promisedTo = undefined;
    const outgoing = turn.outgoing;
    for (let index = 0; index < turn.outgoingCount; index++) {
      const effect = outgoing[index]!;
      outgoing[index] = undefined;
      if (effect.do === 'ask' && !turn.stopped) {
        life.asks.push(effect.id);
        this.asks.add(slot, effect.id, effect.to, effect.body, effect.isOnce);
      }
      if (life.gate.isOpen) this.#exit.let(slot, effect);
      else if (!life.gate.holds((held) => repeats(effect, held))) life.gate.hold(effect);
    }
    if (turn.stopped) return this.#tidy(slot);
    if (!mayRest || this.#rest(slot, life, turn.nowMs, turn.saved === undefined ? 'unchanged' : 'changed')) return;
    this.#stay(slot, life);
    if (turn.saved !== undefined) this.saver.markUngated(slot, life, turn.durable);
  }

  /** It stays awake after its turn, with the timers that it wanted. */
  #stay(slot: Slot, life: Life): void {
    if (!life.isListed) {
      life.isListed = true;
      this.#disarmWakeUp(slot);
      this.#awake.add(slot, this.#turn.nowMs);
    }
    if (this.#turn.timerCount > 0) changeTimers(slot, life, this.#turn, this.#ports, this);
  }

  /**
   * The entity broke. It goes back to the snapshot that was last handed to the store, and what it wanted to let out since
   * then is forgotten. Without a snapshot, or when its own timers break it again and again, it is removed.
   */
  #crashed(slot: Slot, item: Item | undefined, error: unknown): void {
    const nowMs = this.#ports.clock.clusterMs();
    const life = (slot.life ??= new Life(slot.version));
    const wasAwake = life.awake;
    const external = item !== undefined && makesEntity(item);
    this.#ports.count('entity.crashed');
    this.#ports.note('error', 'entity-crashed', {
      partition: this.#owner.number,
      kind: slot.table.kind,
      key: slot.key,
      input: item === undefined ? 'pack' : item.type,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    this.#sleep(slot, life);
    life.gate.forgetAfter(life.packedVersion);
    this.#refuse(life.takePromisesAfter(life.packedVersion));
    this.saver.revert(slot, life);
    if (nowMs - life.crashesSinceMs > minuteMs) {
      life.crashes = 0;
      life.crashesSinceMs = nowMs;
    }
    life.crashes++;
    if (slot.packed !== undefined && wasAwake) {
      this.#disarmWakeUp(slot);
      // What strangers send cannot end an entity, however often it breaks; what it does to itself would go on for ever.
      if (life.crashes > limits.restartsPerMinuteMax && !external) {
        this.#ports.count('entity.ended');
        this.#ports.note('error', 'entity-ended', { kind: slot.table.kind, key: slot.key });
        this.#remove(slot, false, false);
      } else {
        this.#armWakeUp(slot, nowMs);
      }
    }
    this.#tidy(slot);
    if (item !== undefined && 'to' in item) this.#ports.failed(item);
  }

  /**
   * The store did not get what answers behind the gate promise (RFC 3261 10.3: then all of the update is removed). The
   * entity goes back to before the first of them, and that is written, since nobody knows what the store has.
   */
  #undoPromises(slot: Slot): void {
    const life = slot.life!;
    const { before, beforeVersion } = life.promises[0]!;
    this.#sleep(slot, life);
    this.#disarmWakeUp(slot);
    slot.packed = before;
    life.gate.forgetAfter(beforeVersion);
    this.saver.mark(slot, life, false, false);
    life.packedVersion = life.gate.version;
    if (before !== undefined) this.#armWakeUp(slot, this.#ports.clock.clusterMs());
    this.#refuse(life.takePromisesAfter(0));
  }

  #refuse(requests: readonly SipRequest[]): void {
    if (requests.length === 0) return;
    for (let index = 0; index < requests.length; index++) this.#ports.count('promise.refused');
    this.#ports.unsaved(requests);
  }

  /** Forgets the live state, its timers and its asks. */
  #sleep(slot: Slot, life: Life): void {
    life.awake = false;
    life.state = undefined;
    if (life.isListed) this.#awake.delete(slot);
    life.isListed = false;
    for (const timer of life.timers) this.#ports.wheel.cancel(timer);
    for (const id of life.asks) this.asks.cancel(id);
    life.timers = [];
    life.asks = [];
  }

  #remove(slot: Slot, gated: boolean, durable: boolean): void {
    this.#disarmWakeUp(slot);
    slot.packed = undefined;
    if (slot.stored) {
      const life = (slot.life ??= new Life(slot.version));
      this.saver.mark(slot, life, gated, durable);
      life.packedVersion = life.gate.version;
      return;
    }
    // The store has never heard of it, so it has nothing to acknowledge.
    this.saver.unmark(slot);
    const { life } = slot;
    if (life === undefined) return;
    const released: Outgoing[] = [];
    life.keepPromises(life.gate.version);
    life.gate.pass(life.gate.version, released);
    this.#exit.letAll(slot, released);
  }

  /** Lets go of a slot that holds nothing any more. */
  #tidy(slot: Slot): void {
    if (slot.exists || slot.queuedItems > 0 || this.saver.isDirty(slot)) return;
    const life = slot.life;
    if (life !== undefined && (life.writesInFlight > 0 || life.gate.heldCount > 0)) return;
    slot.table.delete(slot);
  }

  /** The store has it, and what waited for that has left. Who can remember what else is to be known need not stay awake. */
  #settled(slot: Slot): void {
    if (slot.isAwake) this.#rest(slot, slot.life!, this.#ports.clock.clusterMs(), 'unchanged');
    this.#tidy(slot);
  }

  /** Falls asleep if nothing is to be done. False: it stays awake, and nothing has changed. */
  #rest(slot: Slot, life: Life, nowMs: number, reason: NapReason): boolean {
    try {
      const nap = napOf(slot, life, nowMs, reason, this.saver, this.#ports);
      if (nap === undefined) return false;
      const { packed, wakeAtMs, isUnsaved, isEnd } = nap;
      if (isUnsaved && !this.saver.keep(slot, isEnd)) {
        slot.memoryAt = nowhere;
        return false;
      }
      this.#sleep(slot, life);
      if (packed === undefined) {
        this.#remove(slot, false, false);
        this.#tidy(slot);
        return true;
      }
      if (!isUnsaved && packed !== slot.packed) slot.unsaved = true;
      slot.packed = packed;
      slot.version = isUnsaved ? life.gate.save(false) : life.gate.version;
      slot.life = undefined;
      if (isEnd || wakeAtMs === 0) this.#disarmWakeUp(slot);
      if (isEnd) (slot.wakeUp = new WakeUp(slot, this)).isEnd = true;
      if (wakeAtMs > 0) this.#armWakeUp(slot, wakeAtMs);
    } catch (error) {
      this.#crashed(slot, undefined, error);
    }
    return true;
  }

  #armWakeUp(slot: Slot, atMs: number): void {
    const wakeUp = (slot.wakeUp ??= new WakeUp(slot, this));
    wakeUp.wantedMs = atMs;
    if (wakeUp.place < 0 || atMs < wakeUp.atMs) this.#ports.wheel.schedule(wakeUp, atMs);
  }

  #disarmWakeUp(slot: Slot): void {
    if (slot.wakeUp === undefined) return;
    this.#ports.wheel.cancel(slot.wakeUp);
    slot.wakeUp = undefined;
  }
}
