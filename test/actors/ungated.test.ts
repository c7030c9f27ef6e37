/**
 * A partition whose packets wait for nothing, between its entities and a store that is slow or refuses: nothing is lost by an
 * orderly hand-over, whatever the moment, and of what has ended the store has nothing when it was given time. Each row that is
 * taken out was there, what is gone leaves none, and nobody waits for rows that do not come.
 * Seen failing with: what has ended and the store never had left out of a hand-over; its row kept, or taken out though the store
 * never had it; what falls asleep while it is handed over taken out; a row taken out and still believed to be there.
 */
import assert from 'node:assert';
import test from 'node:test';
import fc from 'fast-check';
import { Answers } from '../../actors/answers.ts';
import type { Behaviour, Input } from '../../actors/entity.ts';
import { Memories } from '../../actors/memories.ts';
import { Partition } from '../../actors/partition.ts';
import { decodeRow, rowKey, unpackState } from '../../actors/snapshot.ts';
import { Wheel } from '../../actors/wheel.ts';
import { Replicator } from '../../cluster/buddy/replicator.ts';
import { MemoryStore } from '../../cluster/stores/memory.ts';
import { StoreError } from '../../cluster/store-ports.ts';

type Op = 'change' | 'change quietly' | 'look' | 'end' | 'end quietly' | 'stop' | 'crash';
type Command = readonly [serial: number, op: Op];

interface Toy {
  serial: number;
  /** 0: it goes on. */
  endsAtMs: number;
}

const here = 7;
const lingerMs = 32_000;
const keys = ['a', 'b', 'c'];

class World {
  nowMs = 1_795_000_000_000;
  readonly store = new MemoryStore({ nowMs: () => this.nowMs });
  readonly wheel = new Wheel(this.nowMs);
  readonly soon: (() => void)[] = [];
  /** The store's work. */
  readonly writes: ((ok: boolean) => void)[] = [];
  /** What is, and what was before the changes that nobody saved. */
  readonly living = new Map<string, Toy>();
  /** Broken, so nobody knows what it has gone back to. */
  readonly broken = new Set<string>();
  /** Have been, and stay awake for a minute. */
  readonly shaky = new Set<string>();
  /** Ended, that was saved, and nothing has happened since but looks: the store need not have it. */
  readonly ended = new Set<string>();
  epoch = 0;
  handedOver = 0;
  forgotten = 0;
  partition: Partition;
  replicator: Replicator;

  constructor() {
    [this.partition, this.replicator] = this.start();
  }

  start(): [Partition, Replicator] {
    const epoch = ++this.epoch;
    const owner = `a.${epoch}`;
    this.store.seal([here], epoch, owner);
    const isAlive = (): boolean => this.epoch === epoch;
    const replicator = new Replicator({
      gate: 'off',
      store: {
        write: (partition, writeEpoch, writer, rows, _durable, done) => {
          const copies = rows.map(([key, value]) => [key, value && Buffer.from(value)] as const);
          assert(copies.length > 0, 'a write of nothing');
          this.writes.push((ok) => {
            this.hasStumbled ||= !ok;
            if (!ok) return isAlive() ? done(new StoreError('busy', 'busy'), undefined) : undefined;
            for (const [key, value] of copies)
              assert(
                !isAlive() || value !== null || this.rows().has(key) || this.hasStumbled,
                `${key} was never there`,
              );
            const reply = this.store.write(partition, writeEpoch, writer, copies);
            if (isAlive()) done(undefined, reply);
          });
        },
        loadPieces: () => assert.fail('loaded by the test'),
        user: () => assert.fail('no users'),
      },
      nowMs: () => this.nowMs,
      toBuddy: () => assert.fail('there is nobody'),
      fenced: () => assert.fail('fenced'),
      soon: (run) => this.soon.push(() => isAlive() && run()),
      count: () => {},
    });
    const partition = new Partition(
      here,
      epoch,
      owner,
      {
        clock: { monotonicMs: () => this.nowMs, clusterMs: () => this.nowMs },
        wheel: this.wheel,
        memories: new Memories(this.wheel),
        answers: new Answers(this.wheel, 1),
        load: { queuedItems: 0, isClosing: false },
        hashSeed: 1,
        isUngated: true,
        partitionOf: () => here,
        wake: () => {},
        send: () => {},
        post: () => {},
        write: (number, writeEpoch, writer, rows, durable, done) =>
          replicator.write(number, writeEpoch, writer, rows, durable, (error, reply) =>
            done(error === undefined && reply === 'ok' ? 'ok' : 'failed'),
          ),
        keep: (number, keepEpoch, keeper, late, rowOf) => replicator.keep(number, keepEpoch, keeper, late, rowOf),
        overloaded: () => assert.fail('overloaded'),
        failed: () => {},
        unsaved: () => assert.fail('nothing is promised'),
        fenced: () => assert.fail('fenced'),
        note: () => {},
        count: () => {},
      },
      { call: toy(this), aor: toy(this), limit: toy(this) },
    );
    replicator.begin(here, epoch, owner, [], false);
    partition.load(this.store.load([here]));
    return [partition, replicator];
  }

  /** A write failed: what came after it replaced its rows. */
  hasStumbled = false;

  rows(): Map<string, Uint8Array> {
    return new Map(this.store.load([here]).map(({ key, value }) => [key, value]));
  }

  /** What the store has of an entity. */
  stored(key: string): Toy | undefined {
    const name = rowKey('call', key);
    const value = this.rows().get(name);
    return value && toyOf(unpackState(decodeRow(name, value)!.snapshot.packed));
  }

  /** What there is of it; one whose time is over may be gone. */
  lives(key: string): Toy | undefined {
    return this.partition.find('call', key)?.view as Toy | undefined;
  }

  tell(key: string, command: Command): void {
    this.partition.deliver({ to: { kind: 'call', key }, type: 'tell', body: [key, ...command] });
  }

  drain(): void {
    for (let turns = 0; this.partition.drain(); turns++) assert(turns < 1_000, 'a drain that never ends');
    this.runSoon();
  }

  runSoon(): void {
    while (this.soon.length > 0) this.soon.shift()!();
  }

  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 50) {
      this.nowMs += Math.min(50, left);
      this.partition.advance(this.nowMs);
      this.drain();
      this.replicator.tick();
      this.runSoon();
    }
  }

  /** All that is under way, and as much time as the store may be behind. */
  settle(): void {
    for (
      let round = 0;
      round < 30 || this.replicator.stats().behind > 0 || this.replicator.nextTickMs() < Infinity;
      round++
    ) {
      assert(round < 100, 'the store is behind for ever');
      while (this.writes.length > 0) this.writes.shift()!(true);
      this.pass(100);
    }
  }

  /** Frozen and flushed, and what may happen to it meanwhile. */
  freeze(betweenMs: number): void {
    let isDone = false;
    this.partition.freeze((result) => {
      assert.equal(result, 'ok');
      this.pass(betweenMs);
      this.replicator.leave(here, () => (isDone = true));
    });
    for (let round = 0; !isDone; round++) {
      assert(round < 100, 'never flushed');
      this.writes.shift()?.(true);
      this.pass(10);
    }
    for (const key of keys) assert.deepEqual(this.stored(key), this.lives(key), `${key} is not so in the store`);
    assert.equal(this.partition.storedCount, this.rows().size);
    this.handedOver += this.ended.size;
    this.ended.clear();
  }

  /** With time for the store: it has forgotten what has ended, and nobody waits for it. */
  check(): void {
    this.settle();
    for (const key of this.ended)
      assert.equal(this.stored(key), undefined, `${key} has ended, and the store still has it`);
    this.forgotten += this.ended.size;
  }

  /** To a new process. What was under way comes to the store after it, and is refused. */
  takeOver(): void {
    this.partition.close();
    [this.partition, this.replicator] = this.start();
  }

  kill(): void {
    this.takeOver();
    this.ended.clear();
    this.broken.clear();
    for (const key of keys) {
      const stored = this.stored(key);
      if (stored === undefined) this.living.delete(key);
      else this.living.set(key, stored);
    }
  }
}

function toyOf(packed: readonly unknown[]): Toy {
  const [serial, endsAtMs] = packed as [number, number];
  return { serial, endsAtMs };
}

function toy(world: World): Behaviour<unknown> {
  const behaviour: Behaviour<Toy> = {
    create: (key) => {
      const before = world.living.get(key);
      const isOver = before === undefined || (before.endsAtMs > 0 && before.endsAtMs <= world.nowMs);
      assert(isOver || world.broken.has(key), `${key} was lost`);
      world.living.delete(key);
      return { serial: 0, endsAtMs: 0 };
    },
    unpack: (_key, packed, turn) => {
      const state = toyOf(packed);
      if (state.endsAtMs > 0) turn.timer('over', state.endsAtMs);
      return state;
    },
    receive(state, input: Input, turn) {
      if (input.type === 'timer') return turn.stop();
      assert(input.type === 'tell');
      const [key, serial, op] = input.body as [string, number, Op];
      const before = world.living.get(key);
      if (before !== undefined && !world.broken.has(key)) assert.deepEqual(state, before, `${key} is another one`);
      world.broken.delete(key);
      if (op === 'crash') {
        world.broken.add(key);
        world.shaky.add(key);
        world.ended.delete(key);
        throw new Error('it breaks');
      }
      if (op === 'stop') {
        world.ended.delete(key);
        world.living.delete(key);
        return turn.stop();
      }
      if (op !== 'look') state.serial = serial;
      if (op !== 'look') world.ended.delete(key);
      if (op.startsWith('change')) {
        state.endsAtMs = 0;
        turn.clearTimer('over');
      }
      if (op.startsWith('end')) {
        state.endsAtMs = turn.nowMs + lingerMs;
        turn.timer('over', state.endsAtMs);
      }
      if (op === 'change' || op === 'end') turn.save('store');
      if (op === 'end' && !world.shaky.has(key)) world.ended.add(key);
      world.living.set(key, { ...state });
    },
    pack: ({ serial, endsAtMs }) => [serial, endsAtMs],
    isIdle: () => true,
    endsAtMs: (state) => state.endsAtMs,
    passivateAfterMs: 500,
    describe: (state) => JSON.stringify(state),
    view: (state) => ({ ...state }),
  };
  return behaviour as Behaviour<unknown>;
}

type Action =
  | { do: 'tell'; key: string; op: Op }
  | { do: 'drain' | 'store' | 'stumble' | 'check' | 'kill' | 'kill late' }
  | { do: 'pass' | 'call off' | 'give'; ms: number };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('tell' as const),
      key: fc.constantFrom(...keys),
      op: fc.constantFrom<Op>(
        'change',
        'change',
        'change quietly',
        'look',
        'end',
        'end',
        'end quietly',
        'stop',
        'crash',
      ),
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('drain', 'store') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('stumble', 'check', 'kill', 'kill late') }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(10, 200, 800, 1_200, 20_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('call off', 'give'), ms: fc.constantFrom(0, 600, 1_500) }),
  },
);

test('what has ended is handed over, and nothing else of it reaches the store', () => {
  let [handedOver, forgotten] = [0, 0];
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80, size: 'max' }), (actions) => {
      const world = new World();
      let serial = 0;
      for (const each of actions) {
        if (each.do === 'tell') world.tell(each.key, [++serial, each.op]);
        else step(world, each);
      }
      world.drain();
      world.check();
      world.pass(lingerMs);
      world.settle();
      for (const key of keys) {
        const its = world.lives(key);
        assert((its?.endsAtMs ?? 0) === 0, `${key} ended long ago`);
        if (its === undefined) assert.equal(world.stored(key), undefined, `${key} is gone, and the store has it`);
      }
      handedOver += world.handedOver;
      forgotten += world.forgotten;
    }),
    { numRuns: 400 },
  );
  assert(handedOver > 30, `${handedOver} handed over`);
  assert(forgotten > 30, `${forgotten} forgotten`);
});

function step(world: World, each: Exclude<Action, { do: 'tell' }>): void {
  switch (each.do) {
    case 'drain':
      return world.drain();
    case 'store':
      return world.writes.shift()?.(true);
    case 'stumble':
      return world.writes.shift()?.(false);
    case 'check':
      world.drain();
      return world.check();
    case 'kill':
      return world.kill();
    case 'kill late':
      world.drain();
      world.check();
      return world.kill();
    case 'pass':
      return world.pass(each.ms);
    case 'call off':
      world.freeze(each.ms);
      return world.partition.resume();
    case 'give': {
      world.freeze(each.ms);
      const held = world.partition.takeHeld();
      world.takeOver();
      for (const envelope of held) world.partition.deliver(envelope);
    }
  }
}
