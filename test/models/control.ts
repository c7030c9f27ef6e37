/**
 * Several nodes of Control with everything between them in any order: frames of one link in turn, answers of the store,
 * words of the workers, the ticks of the clock, starts and deaths, cuts and stops are events that fast-check orders.
 *
 * Invariants: no partition is acted for by two at the same moment (1, 4); what the store acknowledged is what the next
 * owner begins with (31); when all is well again every partition is served (33, 36).
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Control } from '../../cluster/control.ts';
import { ownerName } from '../../cluster/control-types.ts';
import type { ControlEffect, ControlInput, Share } from '../../cluster/control-types.ts';
import { Preferences } from '../../cluster/ring.ts';
import { MemoryStore } from '../../cluster/stores/memory.ts';
import { Order } from './order.ts';

const partitions = 4;
const preferences = new Preferences(partitions);

interface Held {
  epoch: number;
  isServing: boolean;
  value: number;
}

class Node {
  readonly id: string;
  readonly incarnation: number;
  readonly control: Control;
  readonly startedMs: number;
  alive = true;
  /** Stopped by its machine: hears nothing until then, and may act for one moment when it wakes. */
  isPaused = false;
  readonly missed: ControlInput[] = [];
  serveUntilMs = 0;
  readonly held = new Map<number, Held>();
  readonly peers = new Set<Node>();

  constructor(id: string, incarnation: number, startedMs: number) {
    this.id = id;
    this.incarnation = incarnation;
    this.startedMs = startedMs;
    const identity = { id, incarnation, link: `${id}:1`, linkHeld: true, workers: 1, schema: 1 };
    this.control = new Control({ identity, preferences });
  }

  get name(): string {
    return ownerName(this.id, this.incarnation);
  }
}

class World {
  nowMs = 0;
  readonly order: Order;
  readonly store = new MemoryStore({ nowMs: () => 1_700_000_000_000 + this.nowMs });
  readonly nodes = new Map<string, Node>();
  readonly cut = new Set<string>();
  storeUp = true;
  /** What the store has acknowledged of each partition. */
  readonly acknowledged = new Map<number, number>();
  /** What waits for the store or for its node, tried again with the clock. */
  readonly #again: (() => void)[] = [];
  #incarnations = 0;

  constructor(scheduler: fc.Scheduler) {
    this.order = new Order(scheduler);
  }

  start(id: string): void {
    if (this.nodes.get(id)?.alive === true) return;
    const node = new Node(id, ++this.#incarnations, this.nowMs);
    this.nodes.set(id, node);
    this.step(node, { type: 'tick' });
    this.order.later(`${node.name} worker up`, () => this.step(node, { type: 'worker-up', worker: 0 }));
  }

  kill(node: Node, released: boolean): void {
    if (!node.alive) return;
    node.alive = false;
    if (released) this.order.later(`${node.name} released`, () => this.#release(node));
    this.#dropLinks(node);
  }

  #release(node: Node): void {
    if (this.storeUp) this.store.release(node.id, node.incarnation);
  }

  #dropLinks(node: Node): void {
    for (const peer of node.peers) {
      peer.peers.delete(node);
      this.order.inTurn(`${node.name}>${peer.name}`, () =>
        this.step(peer, { type: 'peer-down', peer: node.id, incarnation: node.incarnation }),
      );
    }
    node.peers.clear();
  }

  /** Both sides hear that their link is gone, one day. */
  cutLink(a: Node, b: Node): void {
    if (!a.peers.delete(b)) return;
    b.peers.delete(a);
    for (const [end, other] of [
      [a, b],
      [b, a],
    ] as const) {
      this.order.inTurn(`${other.name}>${end.name}`, () =>
        this.step(end, { type: 'peer-down', peer: other.id, incarnation: other.incarnation }),
      );
    }
  }

  tick(byMs: number): void {
    this.nowMs += byMs;
    for (const load of this.#again.splice(0)) load();
    for (const node of this.nodes.values()) if (!node.isPaused) this.step(node, { type: 'tick' });
  }

  wake(node: Node): void {
    node.isPaused = false;
    // Its workers may be the first to run.
    this.check();
    for (const input of node.missed.splice(0)) this.step(node, input);
    this.step(node, { type: 'tick' });
  }

  step(node: Node, input: ControlInput): void {
    if (!node.alive) return;
    if (node.isPaused) {
      node.missed.push(input);
      return;
    }
    for (const effect of node.control.step(input, this.nowMs - node.startedMs)) {
      this.#perform(node, effect);
      if (!node.alive) break;
    }
    this.check();
  }

  acts(node: Node, partition: number): boolean {
    const mayAct = node.alive && !node.isPaused && this.nowMs < node.serveUntilMs;
    return mayAct && node.held.get(partition)?.isServing === true;
  }

  check(): void {
    for (let partition = 0; partition < partitions; partition++) {
      const acting = [...this.nodes.values()].filter((node) => this.acts(node, partition));
      assert(acting.length <= 1, `${acting.map(({ name }) => name).join(' and ')} act for partition ${partition}`);
    }
  }

  #perform(node: Node, effect: ControlEffect): void {
    switch (effect.do) {
      case 'store':
        return this.order.later(`${node.name} asks to ${effect.op}`, () => {
          const { id, op, args } = effect;
          if (!this.storeUp || !node.alive || this.cut.has(node.id))
            return this.order.later('no answer', () => this.step(node, { type: 'store-error', id, error: 'lost' }));
          const result = (this.store[op] as (...list: readonly unknown[]) => never)(...args);
          this.order.later(`${node.name} hears of ${op}`, () => this.step(node, { type: 'store-reply', id, result }));
        });
      case 'serve-until':
        node.serveUntilMs = node.startedMs + effect.untilMs;
        return;
      case 'connect':
        return this.order.later(`${node.name} connects to ${effect.peer}`, () => this.#connect(node, effect.peer));
      case 'send': {
        const peer = this.nodes.get(effect.peer);
        if (peer?.incarnation !== effect.incarnation || !node.peers.has(peer)) return;
        return this.order.inTurn(`${node.name}>${peer.name}`, () => {
          if (!node.peers.has(peer)) return;
          const { id, incarnation } = node;
          this.step(peer, { type: 'peer-frame', peer: id, incarnation, frame: effect.frame });
        });
      }
      case 'assign':
        for (const share of effect.shares) this.#assign(node, share);
        return;
      case 'freeze':
        for (const share of effect.shares) this.#freeze(node, effect.attempt, share);
        return;
      case 'thaw':
        for (const { partition, epoch } of effect.shares) {
          const held = node.held.get(partition);
          if (held?.epoch === epoch) held.isServing = true;
        }
        return;
      case 'drop':
        for (const partition of effect.partitions) node.held.delete(partition);
        return;
      case 'exit':
        return this.kill(node, true);
      default:
    }
  }

  #connect(node: Node, id: string): void {
    const peer = this.nodes.get(id);
    const isCut = this.cut.has(node.id) || this.cut.has(id);
    if (peer === undefined || !node.alive || !peer.alive || isCut || node.peers.has(peer)) return;
    node.peers.add(peer);
    peer.peers.add(node);
    this.step(node, { type: 'peer-up', peer: peer.id, incarnation: peer.incarnation });
    this.step(peer, { type: 'peer-up', peer: node.id, incarnation: node.incarnation });
  }

  #assign(node: Node, { partition, epoch }: Share): void {
    const held: Held = { epoch, isServing: false, value: 0 };
    node.held.set(partition, held);
    const load = (): void => {
      if (!node.alive || node.held.get(partition) !== held) return;
      if (!this.storeUp || node.isPaused) return void this.#again.push(load);
      held.value = this.store.load([partition])[0]?.value[0] ?? 0;
      const { owner } = this.store.owners([partition])[0]!;
      const known = this.acknowledged.get(partition) ?? 0;
      if (owner === node.name) assert(held.value >= known, `partition ${partition} lost what was acknowledged`);
      held.isServing = true;
      this.step(node, { type: 'worker-serving', worker: 0, shares: [{ partition, epoch }] });
    };
    this.order.later(`${node.name} loads`, load);
  }

  /** Whoever serves writes, whenever it may. */
  write(partition: number): void {
    for (const node of this.nodes.values()) {
      const held = node.held.get(partition);
      if (held === undefined || !this.acts(node, partition) || !this.storeUp) continue;
      held.value++;
      const row = ['value', Uint8Array.of(held.value)] as const;
      const reply = this.store.write(partition, held.epoch, node.name, [row]);
      if (reply === 'ok') this.acknowledged.set(partition, held.value);
      else {
        const shares = [{ partition, epoch: held.epoch }];
        this.order.later('fenced', () => this.step(node, { type: 'worker-fenced', worker: 0, shares }));
      }
    }
  }

  #freeze(node: Node, attempt: number, { partition, epoch }: Share): void {
    const held = node.held.get(partition);
    if (held?.epoch !== epoch || !held.isServing) return;
    held.isServing = false;
    this.order.later(`${node.name} froze`, () =>
      this.step(node, { type: 'worker-frozen', worker: 0, attempt, shares: [{ partition, epoch }] }),
    );
  }

  heal(): void {
    this.storeUp = true;
    this.cut.clear();
    for (const node of this.nodes.values()) {
      if (node.isPaused) this.wake(node);
      if (!node.alive) this.start(node.id);
    }
  }

  isMoving(): boolean {
    return [...this.nodes.values()].some(({ alive, control }) => alive && control.table?.moving.size !== 0);
  }

  unserved(): number[] {
    const all = [...this.nodes.values()];
    return Array.from({ length: partitions }, (_, at) => at).filter((at) => !all.some((node) => this.acts(node, at)));
  }
}

const id = fc.constantFrom('a', 'b', 'c', 'c');
const event = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('tick' as const), ms: fc.constantFrom(20, 20, 20, 200, 1_000, 3_000) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('write' as const), partition: fc.nat(partitions - 1) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('start' as const, 'kill' as const, 'pause' as const, 'cut' as const, 'drain' as const),
      id,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('store down' as const, 'store up' as const) }) },
);
type Event = typeof event extends fc.Arbitrary<infer E> ? E : never;

function happen(world: World, each: Event): void {
  if (each.do === 'tick') return world.tick(each.ms);
  if (each.do === 'write') return world.write(each.partition);
  if (!('id' in each)) {
    world.storeUp = each.do === 'store up';
    return;
  }
  if (each.do === 'start') return world.start(each.id);
  const node = world.nodes.get(each.id);
  if (node === undefined || !node.alive) return;
  if (each.do === 'kill') return world.kill(node, world.nowMs % 40 === 0);
  if (each.do === 'drain') return world.step(node, { type: 'drain' });
  if (each.do === 'pause') {
    node.isPaused = true;
    return world.order.later(`${node.name} wakes`, () => world.wake(node));
  }
  world.cut.add(each.id);
  for (const peer of node.peers) world.cutLink(node, peer);
}

export function model(): fc.IRawProperty<unknown> {
  const events = fc.array(event, { minLength: 3, maxLength: 24, size: 'max' });
  return fc.asyncProperty(fc.scheduler(), events, async (scheduler, drawn) => {
    const world = new World(scheduler);
    for (const each of ['a', 'b']) world.start(each);
    await untilServed(world);
    for (const each of drawn) world.order.later(each.do, () => happen(world, each));
    await world.order.run();
    // What is cut off stays so until the others have gone on without it.
    await rest(world, 60, 100);
    // Who has left, or leaves only now, is started again.
    for (let round = 0; round < 3; round++) {
      world.heal();
      await rest(world, 20, 100);
      await untilServed(world);
    }
    const views = [...world.nodes.values()].map(({ control }) => control.describe());
    assert.deepEqual(world.unserved(), [], views.join('\n'));
    assert(!world.isMoving(), `still moving\n${views.join('\n')}`);
  });
}

async function untilServed(world: World): Promise<void> {
  for (let round = 0; round < 200 && (round < 5 || world.isMoving() || world.unserved().length > 0); round++)
    await rest(world, 1, 100);
}

async function rest(world: World, rounds: number, eachMs: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    world.tick(eachMs);
    await world.order.run();
  }
}
