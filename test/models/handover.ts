/**
 * Gate, saver, partition and its host while the partition moves: senders, the store and its answers, hand-offs, deaths,
 * stops and clocks are events that the scheduler of fast-check puts in any order. Two nodes of production code
 * (HostedPartitions, Partition), a store on paper, and what control does told in three lines each.
 *
 * Invariants: nothing passes a gate before the store has what it rests on (30); what a sender sends one entity is handled in
 * its order and never twice, and nothing of it is lost where both ends live (32); who no longer owns the partition writes
 * nothing (3) and sends nothing (4); an entity taken over is as the store acknowledged it, and its timers fire then, and not
 * before their time (31, 14).
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Behaviour } from '../../actors/entity.ts';
import type { Envelope } from '../../actors/envelope.ts';
import type { Row } from '../../actors/ports.ts';
import { SyncHost } from '../../actors/sync-host.ts';
import { Answers } from '../../actors/answers.ts';
import { Memories } from '../../actors/memories.ts';
import { Wheel } from '../../actors/wheel.ts';
import type { ShareReport } from '../../cluster/control-types.ts';
import { Replicator } from '../../cluster/buddy/replicator.ts';
import { Takeover } from '../../cluster/buddy/takeover.ts';
import { HostedPartitions } from '../../cluster/hosted.ts';
import type { SnapshotAccess } from '../../cluster/store-access.ts';
import { StoreError } from '../../cluster/store-ports.ts';
import { diary, entriesOf } from './diary.ts';
import type { Diary, Said, Word } from './diary.ts';
import { Order } from './order.ts';

const partition = 7;
const silent = { write: () => {} };

/** What becomes of a write. 'in doubt': it is carried out and said to have failed. */
type Fate = 'done' | 'in doubt' | 'not done';

class Node {
  readonly name: string;
  readonly hosted: HostedPartitions;
  readonly replicator: Replicator;
  readonly host = new SyncHost({
    crashed: (_name, error) => this.problems.push(error),
    refused: (name) => this.problems.push(new Error(`${name} refused`)),
    deadLetters: () => {},
  });
  readonly problems: unknown[] = [];
  readonly wheel: Wheel;
  serving = true;
  alive = true;
  /** Whom it gave the partition. */
  next: Node | undefined;

  constructor(world: World, name: string) {
    this.name = name;
    this.wheel = new Wheel(world.nowMs);
    const load = { queuedItems: 0 };
    const copies = {
      node: name,
      store: world.storeFor(this),
      nowMs: () => world.nowMs,
      toBuddy: () => false,
      later: (_delayMs: number, run: () => void) => world.order.later('retry', run),
      soon: (run: () => void) => world.order.later('soon', run),
      count: () => {},
    };
    this.replicator = new Replicator({
      ...copies,
      gate: 'store',
      fenced: (number) => this.hosted.overtaken(number),
    });
    this.hosted = new HostedPartitions(
      this.host,
      { replicator: this.replicator, takeover: new Takeover(copies) },
      `${name}.1`,
      silent,
      {
        serving: () => this.serving && this.alive,
        nowMs: copies.nowMs,
        elsewhere: (_partition, envelope) => world.forward(this, envelope),
        report: (report) => world.order.inTurn(`${name} reports`, () => world.reported(this, report)),
        soon: (run) => world.order.later('soon', run),
        later: (_delayMs, run) => world.order.later('retry', run),
        count: () => {},
      },
      () => ({
        clock: { monotonicMs: () => world.nowMs, clusterMs: () => world.nowMs },
        wheel: this.wheel,
        memories: new Memories(this.wheel),
        answers: new Answers(this.wheel, 1),
        load,
        hashSeed: 1,
        partitionOf: () => partition,
        wake: (number) => this.hosted.wake(number),
        send: (_flow, bytes) => {
          if (this.serving && this.alive) world.left(this, JSON.parse(Buffer.from(bytes).toString()) as Said);
        },
        post: () => {},
        write: (number, epoch, owner, rows, durable, done) =>
          this.replicator.write(number, epoch, owner, rows, durable, (error, reply) =>
            done(error !== undefined ? 'failed' : reply === 'ok' ? 'ok' : 'fenced'),
          ),
        overloaded: () => assert.fail('overloaded'),
        failed: () => assert.fail('an entity broke'),
        unsaved: () => assert.fail('nothing was promised'),
        fenced: () => {},
        note: () => {},
        count: () => {},
      }),
      { call: diary as Behaviour<unknown>, aor: diary as Behaviour<unknown>, limit: diary as Behaviour<unknown> },
    );
  }

  /** What is announced gets its turn; a process that is gone does nothing any more. */
  run(): void {
    if (this.alive) this.host.run();
    if (this.problems.length > 0) throw this.problems[0];
  }
}

class World {
  nowMs = 1_795_000_000_000;
  readonly order: Order;
  readonly nodes: Node[] = [];
  readonly rows = new Map<string, Uint8Array>();
  sealed = { epoch: 0, owner: '' };
  epoch = 0;
  attempt = 0;
  /** How the partition is on its way, while it is. */
  moving: { from: Node; to: Node } | undefined;
  owner: Node;
  /** Where the senders send. */
  entry: Node;
  died = false;
  /** By key, in the order in which they left. */
  readonly out = new Map<string, Said[]>();
  /** What waited for a write that failed may leave all the same, as nothing was promised. */
  readonly forgiven = new Set<string>();
  /** Of the writes to come; all others are done. */
  fates: readonly Fate[];
  #writes = 0;

  constructor(scheduler: fc.Scheduler, fates: readonly Fate[]) {
    this.order = new Order(scheduler);
    this.fates = fates;
    this.owner = this.entry = this.newNode();
    this.assign(this.owner);
  }

  newNode(): Node {
    const node = new Node(this, 'abcdefgh'[this.nodes.length] ?? 'z');
    this.nodes.push(node);
    return node;
  }

  /** A word of a sender, at the node that it knows. */
  send(envelope: Envelope, sender: string): void {
    this.order.inTurn(`from ${sender}`, () => this.#arrive(this.entry, envelope));
  }

  /** Over the link to whom the partition was given: in order. */
  forward(from: Node, envelope: Envelope): void {
    const { next } = from;
    if (next !== undefined) this.order.inTurn(`${from.name} to ${next.name}`, () => this.#arrive(next, envelope));
  }

  #arrive(node: Node, envelope: Envelope): void {
    if (!node.alive) return;
    if (node.hosted.deliver(partition, envelope)) this.order.later(`${node.name} runs`, () => node.run());
    else this.forward(node, envelope);
  }

  /** What control does when it gives the partition to a node: the store knows the new epoch first. */
  assign(to: Node): void {
    this.epoch++;
    this.sealed = { epoch: this.epoch, owner: `${to.name}.1` };
    this.owner = to;
    to.hosted.assign([{ partition, epoch: this.epoch }]);
  }

  /** A planned hand-off begins, unless one is under way. */
  handOff(): void {
    if (this.moving !== undefined || !this.owner.hosted.has(partition)) return;
    this.moving = { from: this.owner, to: this.newNode() };
    this.owner.hosted.freeze(++this.attempt, [{ partition, epoch: this.epoch }]);
  }

  /** The receiver is gone, or the plan has changed. */
  callOff(): void {
    const { moving } = this;
    this.moving = undefined;
    moving?.from.hosted.thaw([{ partition, epoch: this.epoch }]);
  }

  reported(node: Node, report: ShareReport): void {
    node.run();
    if (report.type !== 'frozen' || this.moving?.from !== node || report.attempt !== this.attempt) return;
    const { to } = this.moving;
    this.moving = undefined;
    this.assign(to);
    node.next = to;
    node.hosted.drop([partition]);
  }

  /** The owner is lost, or only cut off: then it has stopped to act before anybody else begins (its lease is over). */
  lose(isAlive: boolean): void {
    const { owner } = this;
    this.died = true;
    this.moving = undefined;
    owner.serving = false;
    owner.alive = isAlive;
    this.entry = this.newNode();
    this.assign(this.entry);
  }

  /** Its worker has lost the partition and takes it once more. */
  again(): void {
    this.died = true;
    this.moving = undefined;
    this.assign(this.owner);
  }

  tick(byMs: number): void {
    this.nowMs += byMs;
    for (const node of this.nodes) {
      if (!node.alive || !node.serving) continue;
      node.hosted.resume();
      node.wheel.advance(this.nowMs);
      node.run();
    }
  }

  storeFor(node: Node): SnapshotAccess {
    return {
      write: (_partition, epoch, owner, rows, _durable, done) =>
        this.order.inTurn(`${node.name} writes`, () => {
          if (!node.alive) return;
          const fate = this.fates[this.#writes++] ?? 'done';
          const isOwner = epoch >= this.sealed.epoch && owner === this.sealed.owner;
          assert(isOwner || owner !== this.sealed.owner || epoch < this.sealed.epoch);
          if (isOwner && fate !== 'not done') this.#apply(rows);
          else for (const row of rows) for (const entry of entriesOf(row).entries) this.forgiven.add(entry);
          this.order.later(`${node.name} hears of its write`, () => {
            if (!node.alive) return;
            if (fate !== 'done') done(new StoreError('io', 'a bad moment'), undefined);
            else done(undefined, isOwner ? 'ok' : { fencedBy: this.sealed.epoch });
            node.run();
          });
        }),
      loadPieces: (_partitions, onRows, done) =>
        this.order.later(`${node.name} loads`, () => {
          onRows([...this.rows].map(([key, value]) => ({ partition, key, value })));
          done(undefined);
          this.order.later(`${node.name} runs`, () => node.run());
        }),
      user: () => {},
    };
  }

  #apply(rows: readonly Row[]): void {
    for (const [key, value] of rows) if (value !== null) this.rows.set(key, value);
  }

  stored(key: string): Diary {
    const id = `call:${key}`;
    return entriesOf([id, this.rows.get(id) ?? null]);
  }

  left(node: Node, said: Said): void {
    assert.equal(node, this.owner, 'a packet from a former owner');
    const isSafe = this.stored(said.key).entries.includes(said.entry) || this.forgiven.has(said.entry);
    assert(!said.gated || isSafe, 'a packet before its snapshot');
    this.out.set(said.key, [...(this.out.get(said.key) ?? []), said]);
  }
}

const word = fc.record({
  sender: fc.constantFrom('x', 'y'),
  key: fc.constantFrom('k', 'l'),
  gated: fc.boolean(),
  afterMs: fc.constantFrom(0, 0, 50, 3_000),
});
const move = fc.constantFrom(
  'hand off',
  'hand off',
  'hand off',
  'call off',
  'call off',
  'lose',
  'cut off',
  'again',
  'tick',
);
const losing = new Set(['lose', 'cut off', 'again']);
const scenario = fc.record({
  words: fc.array(word, { minLength: 1, maxLength: 12 }),
  moves: fc.array(move, { maxLength: 6 }),
  fates: fc.array(fc.constantFrom<Fate>('done', 'done', 'in doubt', 'not done'), { maxLength: 6 }),
});

export function model(): fc.IRawProperty<unknown> {
  return fc.asyncProperty(fc.scheduler(), scenario, async (scheduler, { words, moves, fates }) => {
    const world = new World(scheduler, moves.some((each) => losing.has(each)) ? [] : fates);
    const told = new Map<string, string[]>();
    words.forEach(({ sender, key, gated, afterMs }, index) => {
      const body: Word = [sender, index, gated, afterMs];
      world.send({ to: { kind: 'call', key }, type: 'tell', body }, sender);
      told.set(`${sender} ${key}`, [...(told.get(`${sender} ${key}`) ?? []), `${sender}${index}`]);
    });
    for (const each of moves)
      world.order.later(each, () => {
        if (each === 'hand off') world.handOff();
        else if (each === 'call off') world.callOff();
        else if (each === 'tick') world.tick(40);
        else if (each === 'again') world.again();
        else world.lose(each === 'cut off');
      });
    await world.order.run();
    for (let round = 0; round < 8; round++) {
      world.tick(2_000);
      await world.order.run();
    }
    for (const key of ['k', 'l']) check(world, key, told);
    // Whatever happened, it goes on.
    world.fates = [];
    world.send({ to: { kind: 'call', key: 'k' }, type: 'tell', body: ['z', 0, true, 0] satisfies Word }, 'z');
    await world.order.run();
    world.tick(2_000);
    await world.order.run();
    assert.equal(world.stored('k').entries.at(-1), 'z0', 'the partition is stuck');
  });
}

function check(world: World, key: string, told: ReadonlyMap<string, readonly string[]>): void {
  const { entries, dueMs, rung } = world.stored(key);
  const out = (world.out.get(key) ?? []).map(({ entry }) => entry);
  assert.equal(new Set(entries).size, entries.length, 'handled twice');
  assert.equal(new Set(out).size, out.length, 'left twice');
  assert.deepEqual(
    out.filter((entry) => entries.includes(entry)),
    entries.filter((entry) => out.includes(entry)),
    'the order in which it left',
  );
  for (const [from, serials] of told) {
    if (!from.endsWith(key)) continue;
    const mine = entries.filter((entry) => entry.startsWith(from[0]!));
    if (world.died)
      assert.deepEqual(
        mine,
        serials.filter((entry) => mine.includes(entry)),
        'out of order',
      );
    else {
      assert.deepEqual(mine, serials, 'lost, doubled or out of order');
      assert.deepEqual(
        out.filter((entry) => serials.includes(entry)),
        serials,
        'a packet was lost',
      );
    }
  }
  for (const { entry, gated } of world.out.get(key) ?? [])
    assert(!gated || entries.includes(entry), 'told a telephone what nobody remembers');
  assert.equal(dueMs, 0, 'a timer did not fire');
  assert(rung <= entries.length, 'a timer fired twice');
}
