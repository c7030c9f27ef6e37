/**
 * A model of the second copy: an owner that changes entities, buddies' memories, a store that is slow or refuses, a link that is
 * late, loses or breaks, datagrams that come late, twice, out of order or never, a new buddy now and then.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isOwners, markerKey, packWord, readMarker, unpackWord } from '../../../../cluster/buddy/messages.ts';
import { Replicator } from '../../../../cluster/buddy/replicator.ts';
import type { GateClass } from '../../../../cluster/buddy/replicator.ts';
import { Tails } from '../../../../cluster/buddy/tails.ts';
import { Takeover } from '../../../../cluster/buddy/takeover.ts';
import type { Left } from '../../../../cluster/buddy/takeover.ts';
import { MemoryStore } from '../../../../cluster/stores/memory.ts';
import type { SnapshotAccess } from '../../../../cluster/store-access.ts';
import { StoreError } from '../../../../cluster/store-ports.ts';

export const partition = 7;
export const keys = ['call:1', 'call:2', 'aor:3'];

export class World {
  nowMs = 0;
  readonly store = new MemoryStore({ nowMs: () => this.nowMs });
  readonly nodes = new Map(['a.1', 'b.1', 'c.1'].map((name) => [name, new Tails(name)]));
  storeFails = false;
  /** Only the next operation. */
  storeFailsOnce = false;
  /** Late things: steps of the test run some of them. */
  readonly storeQueue: (() => void)[] = [];
  readonly soon: (() => void)[] = [];
  /** Words under way, of each direction in order. */
  readonly toBuddies: { to: string; payload: Uint8Array; owner: Owner }[] = [];
  readonly toOwner: { payload: Uint8Array; owner: Owner }[] = [];
  /** Datagrams under way: whichever comes next. */
  readonly datagrams: { to: string; payload: Uint8Array; owner: Owner }[] = [];
  readonly answers: { payload: Uint8Array; owner: Owner }[] = [];
  /** Octets of the longest one, 0: there is no such way. */
  room = 0;
  readonly later: { atMs: number; run: () => void }[] = [];
  linkUp = true;
  owner: Owner;
  epoch = 1;

  constructor(gate: GateClass) {
    this.store.seal([partition], 1, 'a.1');
    this.owner = new Owner(this, 'a.1', gate, 1);
    this.owner.replicator.begin(partition, 1, 'a.1', [], false);
  }

  access(isAlive: () => boolean): SnapshotAccess {
    return {
      write: (number, epoch, owner, rows, _durable, done) => {
        const copy = rows.map(([key, value]) => [key, value === null ? null : value.slice()] as const);
        this.storeQueue.push(() => {
          const fails = this.storeFails || this.storeFailsOnce;
          this.storeFailsOnce = false;
          if (fails) return isAlive() ? done(new StoreError('busy', 'busy'), undefined) : undefined;
          const reply = this.store.write(number, epoch, owner, copy);
          if (isAlive()) done(undefined, reply);
        });
      },
      loadPieces: (partitions, onRows, done) => {
        onRows(this.store.load(partitions));
        done(undefined);
      },
      user: (_aor, done) => done(undefined, undefined),
    };
  }

  deliverToBuddy(): void {
    const next = this.toBuddies.shift();
    if (next === undefined) return;
    const word = unpackWord(next.payload);
    assert(word !== undefined && isOwners(word));
    const name = `${next.to}.1`;
    for (const answer of this.nodes.get(name)?.receive(partition, word, this.nowMs) ?? [])
      this.toOwner.push({ payload: Uint8Array.from(packWord(answer)), owner: next.owner });
  }

  deliverDatagram(index = 0): void {
    const [next] = this.datagrams.splice(index % Math.max(1, this.datagrams.length), 1);
    if (next === undefined) return;
    const word = unpackWord(next.payload);
    assert(word?.type === 'copy');
    for (const answer of this.nodes.get(next.to)?.receive(partition, word, this.nowMs, false) ?? [])
      this.answers.push({ payload: Uint8Array.from(packWord(answer)), owner: next.owner });
  }

  deliverAnswer(index = 0): void {
    const [next] = this.answers.splice(index % Math.max(1, this.answers.length), 1);
    if (next !== undefined) this.#tellOwner(next);
  }

  deliverToOwner(): void {
    const next = this.toOwner.shift();
    if (next !== undefined) this.#tellOwner(next);
  }

  #tellOwner(next: { payload: Uint8Array; owner: Owner }): void {
    const word = unpackWord(next.payload);
    assert(word !== undefined);
    if (word.type === 'tail') next.owner.takeover.onWord(partition, word);
    else if (word.type === 'ack' || word.type === 'refused') next.owner.replicator.onWord(partition, word);
  }

  settle(): void {
    for (let round = 0; round < 400; round++) {
      this.soon.shift()?.();
      this.storeQueue.shift()?.();
      this.deliverToBuddy();
      this.deliverToOwner();
      this.deliverDatagram();
      this.deliverAnswer();
      this.nowMs += 10;
      for (const { run } of this.later.splice(0).filter((each) => {
        if (each.atMs <= this.nowMs) return true;
        this.later.push(each);
        return false;
      }))
        run();
      this.owner.replicator.tick();
    }
  }
}

export class Owner {
  readonly name: string;
  readonly epoch: number;
  readonly replicator: Replicator;
  readonly takeover: Takeover;
  readonly counted: string[] = [];
  alive = true;
  isLeaving = false;
  /** Keys that it has changed itself. */
  readonly changed = new Set<string>();
  /** Per key what each change made of it: `true` when it removed it. Change n stands at n - 1. */
  readonly changes = new Map<string, boolean[]>();
  /** Per key the last change that was acknowledged, 0 for none. */
  readonly acked = new Map<string, number>();

  constructor(world: World, name: string, gate: GateClass, epoch: number) {
    this.name = name;
    this.epoch = epoch;
    const ports = {
      node: 'a',
      store: world.access(() => this.alive),
      nowMs: () => world.nowMs,
      toBuddy: (to: string, _partition: number, payload: Uint8Array) => {
        if (!world.linkUp) return false;
        world.toBuddies.push({ to, payload: Uint8Array.from(payload), owner: this });
        return true;
      },
      roomForCopy: () => world.room,
      copyDirectly: (to: string, _partition: number, payload: Uint8Array) => {
        assert(payload.length <= world.room);
        world.datagrams.push({ to, payload: Uint8Array.from(payload), owner: this });
      },
      soon: (run: () => void) => void world.soon.push(() => this.alive && run()),
      later: (delayMs: number, run: () => void) => void world.later.push({ atMs: world.nowMs + delayMs, run }),
      count: (metric: string) => void this.counted.push(metric),
    };
    this.replicator = new Replicator({ ...ports, gate, fenced: () => {} });
    this.takeover = new Takeover(ports);
  }

  change(key: string, remove: boolean, durable: boolean): void {
    const changes = this.changes.get(key) ?? [];
    this.changes.set(key, changes);
    this.changed.add(key);
    const number = changes.push(remove);
    const value = remove ? null : Uint8Array.of(number & 0xff, number >> 8);
    let answered = 0;
    let isBack = false;
    this.replicator.write(partition, this.epoch, this.name, [[key, value]], durable, (error, reply) => {
      assert.equal(++answered, 1, 'answered twice');
      assert(isBack, 'answered before the call returned');
      if (error === undefined && reply === 'ok') this.acked.set(key, Math.max(number, this.acked.get(key) ?? 0));
    });
    isBack = true;
  }
}

export type Step =
  | { do: 'change'; key: number; remove: boolean; durable: boolean }
  | { do: 'store' | 'soon' | 'to-buddy' | 'to-owner' | 'lose' | 'store-turns' | 'link-turns' }
  | { do: 'store-stumbles' | 'leave' | 'stay' }
  | { do: 'datagram' | 'datagram-lost' | 'datagram-twice' | 'answer' | 'answer-lost' | 'answer-twice'; index: number }
  | { do: 'room'; bytes: number }
  | { do: 'time'; ms: number }
  | { do: 'buddy'; name: string };

export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('change' as const),
      key: fc.nat(2),
      remove: fc.boolean(),
      durable: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constantFrom('store' as const, 'soon' as const, 'to-buddy' as const, 'to-owner' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('lose' as const, 'store-stumbles' as const, 'store-turns' as const, 'link-turns' as const),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom('datagram' as const, 'answer' as const), index: fc.nat(3) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('datagram-lost', 'datagram-twice', 'answer-lost', 'answer-twice'),
      index: fc.nat(3),
    }),
  },
  // Some copies are too long.
  { weight: 1, arbitrary: fc.record({ do: fc.constant('room' as const), bytes: fc.constantFrom(0, 30, 1_000) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('time' as const), ms: fc.constantFrom(10, 60, 200, 1_200) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('leave' as const, 'stay' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('buddy' as const), name: fc.constantFrom('b.1', 'c.1', '') }) },
);

/** To be given away: once that is done, and nothing has happened since, the store has everything and names nobody. */
function leave({ store, owner }: World): void {
  const changeCount = (): number => [...owner.changes.values()].reduce((sum, { length }) => sum + length, 0);
  const count = changeCount();
  owner.isLeaving = true;
  owner.replicator.leave(partition, () => {
    if (changeCount() !== count || !owner.isLeaving) return;
    const found = new Map(store.load([partition]).map(({ key, value }) => [key, value]));
    const marker = found.get(markerKey);
    assert.equal(marker === undefined ? '' : readMarker(marker)?.buddy, '');
    for (const [key, changes] of owner.changes) {
      if (!owner.changed.has(key)) continue;
      const value = found.get(key);
      assert.equal(value && value[0]! | (value[1]! << 8), changes.at(-1) === true ? undefined : changes.length);
    }
  });
}

export function play(world: World, steps: readonly Step[]): void {
  const { owner } = world;
  for (const each of steps) {
    switch (each.do) {
      case 'change':
        owner.change(keys[each.key]!, each.remove, each.durable);
        break;
      case 'store':
        world.storeQueue.shift()?.();
        break;
      case 'soon':
        world.soon.shift()?.();
        break;
      case 'to-buddy':
        world.deliverToBuddy();
        break;
      case 'to-owner':
        world.deliverToOwner();
        break;
      case 'lose':
        world.toBuddies.shift();
        break;
      case 'store-turns':
        world.storeFails = !world.storeFails;
        break;
      case 'link-turns':
        world.linkUp = !world.linkUp;
        break;
      case 'store-stumbles':
        world.storeFailsOnce = true;
        world.storeQueue.shift()?.();
        break;
      case 'datagram':
        world.deliverDatagram(each.index);
        break;
      case 'datagram-lost':
        world.datagrams.splice(each.index, 1);
        break;
      case 'datagram-twice':
        world.datagrams.push(...world.datagrams.slice(each.index, each.index + 1));
        break;
      case 'answer':
        world.deliverAnswer(each.index);
        break;
      case 'answer-lost':
        world.answers.splice(each.index, 1);
        break;
      case 'answer-twice':
        world.answers.push(...world.answers.slice(each.index, each.index + 1));
        break;
      case 'room':
        world.room = each.bytes;
        break;
      case 'time':
        world.nowMs += each.ms;
        owner.replicator.tick();
        break;
      case 'leave':
        leave(world);
        break;
      case 'stay':
        owner.isLeaving = false;
        owner.replicator.stay(partition);
        break;
      case 'buddy':
        owner.replicator.buddies(each.name, [partition]);
        break;
    }
  }
}

/** The owner's node is gone; `name` takes the partition. What was under way to the store may still arrive, or not. */
export function takeOver(world: World, name: string, lateWrites: boolean): void {
  const before = world.owner;
  before.alive = false;
  if (lateWrites) while (world.storeQueue.length > 0) world.storeQueue.shift()!();
  world.storeQueue.length = 0;
  world.storeFails = false;
  world.linkUp = true;
  world.epoch++;
  world.store.seal([partition], world.epoch, name);
  const next = new Owner(world, name, 'buddy', world.epoch);
  world.owner = next;
  let left: Left | undefined;
  next.takeover.load([{ partition, epoch: world.epoch }], (found) => (left = found), assert.fail);
  world.settle();
  assert(left !== undefined, 'nothing was taken over');
  const found = new Map(left.rows.map(({ key, value }) => [key, value[0]! | (value[1]! << 8)]));
  for (const [key, changes] of before.changes) {
    const acked = before.acked.get(key) ?? 0;
    const number = found.get(key);
    // Of a removal only that it is gone can be seen: right if some change from the acknowledged one on removed it.
    const removal = changes.lastIndexOf(true) + 1;
    if (number === undefined) assert(acked === 0 || removal >= acked, `${key}: change ${acked} is lost`);
    else assert(number >= acked && !changes[number - 1], `${key}: acknowledged ${acked}, found ${number}`);
    next.changes.set(key, changes);
    next.acked.set(key, number ?? removal);
  }
  assert(left.rows.length + left.unstored.length <= 2 * keys.length);
  next.replicator.begin(partition, world.epoch, name, left.unstored, left.marker !== undefined);
  const { marker, unstored } = left;
  if (unstored.length > 0) next.replicator.flush(partition, () => next.takeover.stored({ ...left!, marker }));
}

/** Every entity is there, and the buddy is relied on. */
export function begin(world: World): void {
  for (const key of keys) world.owner.change(key, false, false);
  world.settle();
  world.owner.change(keys[0]!, false, false);
  world.settle();
}
