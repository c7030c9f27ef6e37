/**
 * Shortcuts that the hub gives to its workers, in any order of tables, orders, deaths and items: where there is one, the hub
 * itself would send an item of that partition at once, and to the same place. So what goes by it overtakes nothing that waits.
 * Seen failing with: a shortcut kept when the partition is dropped; kept while something waits; kept when the worker dies;
 * opened again while a worker still gives back; led past a redirect.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Target } from '../../../cluster/data-frame.ts';
import { noPlace, ownSlot, placeOf, Shortcuts, slotAt, workerAt } from '../../../cluster/direct/shortcuts.ts';
import { packDrop } from '../../../cluster/giving-back.ts';
import { Hub } from '../../../cluster/hub.ts';
import type { Table } from '../../../cluster/table.ts';
import { limits } from '../../../src/limits.ts';

const partitions = 6;
const members = ['a', 'b', 'c'];
const payload = Buffer.from('item');

type Step =
  | { readonly do: 'table'; readonly owners: readonly number[]; readonly moving: readonly number[] }
  | { readonly do: 'assign'; readonly worker: number; readonly partition: number }
  | {
      readonly do: 'drop';
      readonly worker: number;
      readonly partition: number;
      readonly to: 'b' | 'c' | 0 | 1 | undefined;
    }
  | { readonly do: 'gave-back' | 'tick' }
  | { readonly do: 'worker-down'; readonly worker: number }
  | { readonly do: 'link'; readonly node: string; readonly up: boolean }
  | { readonly do: 'item'; readonly partition: number; readonly hops: number };

const partition = fc.nat(partitions - 1);
const worker = fc.nat(1);
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('table' as const),
    owners: fc.array(fc.nat(members.length - 1), { minLength: partitions, maxLength: partitions }),
    moving: fc.array(partition, { maxLength: 2 }),
  }),
  fc.record({ do: fc.constant('assign' as const), worker, partition }),
  fc.record({
    do: fc.constant('drop' as const),
    worker,
    partition,
    to: fc.constantFrom<'b' | 'c' | 0 | 1 | undefined>('b', 'c', 0, 1, undefined),
  }),
  fc.record({ do: fc.constantFrom('gave-back' as const, 'tick' as const) }),
  fc.record({ do: fc.constant('worker-down' as const), worker }),
  fc.record({ do: fc.constant('link' as const), node: fc.constantFrom('b', 'c'), up: fc.boolean() }),
  fc.record({ do: fc.constant('item' as const), partition, hops: fc.nat(1) }),
);

class Node {
  nowMs = 0;
  readonly places = new Int32Array(partitions);
  readonly shortcuts = new Shortcuts('a', this.places);
  readonly down = new Set<string>();
  readonly drops: number[] = [];
  sent: string[] = [];
  epoch = 0;
  readonly hub = new Hub({
    node: 'a',
    incarnation: 1,
    nowMs: () => this.nowMs,
    toWorker: (to, target) => this.#send(`worker ${to}`, target),
    toNode: (to, target) => !this.down.has(to) && this.#send(to, target),
    relayTo: () => undefined,
    shortcuts: this.shortcuts,
    count: () => {},
  });

  #send(to: string, target: Target): boolean {
    if (target[0] === 0) this.sent.push(to);
    return true;
  }

  do(step: Step): void {
    this.nowMs += 10;
    switch (step.do) {
      case 'table':
        return this.hub.adopt(this.#table(step.owners, step.moving));
      case 'assign':
        return this.hub.assigned(step.worker, [step.partition]);
      case 'drop': {
        const to =
          typeof step.to === 'string' ? { node: step.to } : step.to === undefined ? undefined : { worker: step.to };
        this.drops.push(this.hub.dropped(step.worker, [step.partition], to));
        return;
      }
      case 'gave-back':
        return this.hub.fromWorker('', [2], packDrop(this.drops.shift() ?? 0));
      case 'tick':
        return this.hub.tick();
      case 'worker-down':
        return this.hub.workerDown(step.worker);
      case 'link':
        if (step.up) this.down.delete(step.node);
        else this.down.add(step.node);
        return;
      case 'item':
        return this.hub.fromWorker('', [0, step.partition, step.hops], payload);
    }
  }

  #table(owners: readonly number[], moving: readonly number[]): Table {
    const owner = new Uint16Array(limits.partitions);
    owners.forEach((member, index) => (owner[index] = member));
    return {
      epoch: (this.epoch += 1),
      nonce: 'x',
      members: members.map((id) => ({ id, incarnation: 1, link: `${id}:1`, workers: 2, draining: false, zone: '' })),
      owner: owner.subarray(0, partitions),
      buddy: new Uint16Array(partitions).fill(0xffff),
      moving: new Map(moving.map((each) => [each, 1])),
      voters: members,
      nextVoters: [],
      jointSince: 0,
    };
  }

  /** Where an item of the partition goes at once; '' when it waits. Leaves no trace but in `sent`, since it is the last thing asked. */
  routeOf(asked: number): string {
    this.sent = [];
    this.hub.fromWorker('', [0, asked, 0], payload);
    return this.sent.join();
  }
}

describe('a shortcut', () => {
  it('leads where the hub would send an item at once', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 40 }), partition, (plan, asked) => {
        const node = new Node();
        for (const step of plan) node.do(step);
        const place = placeOf(node.places, asked);
        if (place === noPlace) return;
        const isOwn = slotAt(place) === ownSlot;
        const slots = new Map(members.map((id) => [node.shortcuts.slotOf(id), id]));
        const to = isOwn ? `worker ${workerAt(place)}` : slots.get(slotAt(place))!;
        // A link that is down now is no matter of the hub: the way itself asks whether it is there.
        node.down.clear();
        assert.equal(node.routeOf(asked), to);
      }),
      { numRuns: 3_000 },
    );
  });

  it('is there for every partition when all is in order', () => {
    const node = new Node();
    node.do({ do: 'table', owners: [0, 1, 2, 0, 1, 2], moving: [] });
    node.do({ do: 'assign', worker: 0, partition: 0 });
    node.do({ do: 'assign', worker: 1, partition: 3 });
    const [b, c] = [node.shortcuts.slotOf('b'), node.shortcuts.slotOf('c')];
    assert.deepEqual(
      [0, 1, 2, 3].map((each) => placeOf(node.places, each)).map((place) => [slotAt(place), workerAt(place)]),
      [
        [ownSlot, 0],
        [b, -1],
        [c, -1],
        [ownSlot, 1],
      ],
    );
  });

  it('comes back when what waited has gone on', () => {
    const node = new Node();
    node.do({ do: 'table', owners: [1, 1, 1, 1, 1, 1], moving: [] });
    node.do({ do: 'link', node: 'b', up: false });
    node.do({ do: 'item', partition: 2, hops: 0 });
    assert.equal(placeOf(node.places, 2), noPlace);
    node.do({ do: 'link', node: 'b', up: true });
    node.do({ do: 'tick' });
    assert.notEqual(placeOf(node.places, 2), noPlace);
  });

  it('has room for many nodes that come and go, and no more', () => {
    const shortcuts = new Shortcuts('a', new Int32Array(1));
    for (let node = 1; node < limits.directSlotsMax; node++) assert.equal(shortcuts.slotOf(`n${node}`), node);
    assert.equal(shortcuts.slotOf('one more'), -1);
    assert.equal(shortcuts.slotOf('n1'), 1);
  });
});
