/**
 * A hub and the items of a partition that goes away, which lie with its worker, on the way to it, and with the hub: orders and
 * items go to a worker by two ways, each in order, and whatever comes when, what one sender sent goes on in its order.
 * Seen failing with: the word of the worker after the order alone; after the number alone; no word waited for.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Target } from '../../cluster/data-frame.ts';
import { DropWords, packDrop } from '../../cluster/giving-back.ts';
import { Hub } from '../../cluster/hub.ts';
import { readUint32 } from '../../cluster/octets.ts';

const partition = 7;

/** As a SipWorker takes orders and items, without actors: its partition is frozen. */
class FrozenWorker {
  readonly orders: number[] = [];
  readonly items: (readonly [Target, Uint8Array])[] = [];
  readonly toHub: (readonly [Target, Uint8Array])[] = [];
  readonly #words = new DropWords();
  #held: Uint8Array[] | undefined = [];

  obey(): void {
    const number = this.orders.shift();
    if (number === undefined) return;
    for (const payload of this.#held ?? []) this.toHub.push([[0, partition, 1], payload]);
    this.#held = undefined;
    this.#onWord(number);
  }

  hear(): void {
    const [target, payload] = this.items.shift() ?? [];
    if (target === undefined || payload === undefined) return;
    if (target[0] === 2) this.#onWord(readUint32(payload, 0));
    else if (target[0] === 0) {
      if (this.#held !== undefined) this.#held.push(payload);
      else this.toHub.push([[0, partition, target[2] + 1], payload]);
    }
  }

  #onWord(number: number): void {
    if (this.#words.come(number)) this.toHub.push([[2], packDrop(number)]);
  }
}

type Event = 'item' | 'drop' | 'worker obeys' | 'worker hears' | 'hub hears' | 'tick';

test('what one sender sent goes to the next owner in its order, wherever it was when the partition went away', () => {
  const event = fc.constantFrom<Event>('item', 'item', 'drop', 'worker obeys', 'worker hears', 'hub hears', 'tick');
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const worker = new FrozenWorker();
      const arrived: number[] = [];
      const hub = new Hub({
        node: 'a',
        incarnation: 1,
        nowMs: () => 0,
        toWorker: (index, target, payload) => index === 0 && worker.items.push([target, payload.slice()]) > 0,
        toNode: (_node, _target, payload) => arrived.push(readUint32(payload, 0)) > 0,
        relayTo: () => undefined,
        count: (metric) => assert.fail(metric),
      });
      hub.assigned(0, [partition]);
      let sent = 0;
      let isDropped = false;
      const drop = (): void => {
        if (!isDropped) worker.orders.push(hub.dropped(0, [partition], { node: 'c' }));
        isDropped = true;
      };
      const hubHears = (): void => {
        const [target, payload] = worker.toHub.shift() ?? [];
        if (target !== undefined && payload !== undefined) hub.fromWorker('', target, payload);
      };
      for (const each of events) {
        if (each === 'item') hub.fromNode('b', [0, partition, 0], packDrop(sent++));
        else if (each === 'drop') drop();
        else if (each === 'worker obeys') worker.obey();
        else if (each === 'worker hears') worker.hear();
        else if (each === 'hub hears') hubHears();
        else hub.tick();
      }
      drop();
      while (worker.orders.length + worker.items.length + worker.toHub.length > 0) {
        worker.obey();
        worker.hear();
        hubHears();
      }
      assert.deepEqual(
        arrived,
        Array.from({ length: sent }, (_, index) => index),
      );
      assert.equal(hub.waitingCount, 0);
    }),
    { numRuns: 1_000 },
  );
});
