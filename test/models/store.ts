/**
 * Two store clients, the store server between them and a store that answers late: the messages of each port in their order,
 * everything else in any order that fast-check draws.
 *
 * Invariants: every call is answered once, with the answer to itself; of the writes of one client one is stored after the
 * other; a write is acknowledged after the store has it, with its own verdict; one commit at a time; what a load
 * asked for after an acknowledgement brings is at least that new.
 */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import fc from 'fast-check';
import { StoreClient } from '../../cluster/stores/client.ts';
import type { ServedStore } from '../../cluster/stores/served.ts';
import { StoreServer } from '../../cluster/stores/server.ts';
import { StoreError } from '../../cluster/store-ports.ts';
import type { LoadedRow, WriteBatch } from '../../cluster/store-ports.ts';
import { Order } from './order.ts';

/** A MessagePort whose messages are events of the scheduler. */
class Port extends EventEmitter {
  readonly #order: Order;
  readonly #name: string;
  other: Port | undefined;

  constructor(order: Order, name: string) {
    super();
    this.#order = order;
    this.#name = name;
  }

  postMessage(message: unknown, transfer: readonly ArrayBuffer[]): void {
    const copy = structuredClone(message, { transfer: [...transfer] });
    this.#order.inTurn(this.#name, () => this.other?.emit('message', copy));
  }

  close(): void {
    this.#order.inTurn(this.#name, () => this.other?.emit('close'));
    this.emit('close');
  }
}

/** The store: a row is a serial number, a fence an epoch by partition. */
class Store implements ServedStore {
  readonly rows = new Map<string, number>();
  readonly stored: number[] = [];
  readonly #order: Order;
  readonly #fates: readonly boolean[];
  commits = 0;
  underWay = 0;
  /** Commits that were under way at the same time, at most. */
  atOnce = 0;

  constructor(order: Order, fates: readonly boolean[]) {
    this.#order = order;
    this.#fates = fates;
  }

  call(_operation: string, parameters: readonly unknown[], done: (error: undefined, result: unknown) => void): void {
    this.#order.later('answer', () => done(undefined, [{ epoch: (parameters[0] as number[])[0], owner: '' }]));
  }

  commit(batches: readonly WriteBatch[], _durable: boolean, done: (outcomes: never[]) => void): void {
    this.atOnce = Math.max(this.atOnce, ++this.underWay);
    const fails = this.#fates[this.commits++] === true;
    this.#order.later('commit', () => {
      this.underWay--;
      const outcomes = batches.map(({ partition, epoch, rows }) => {
        if (fails) return new StoreError('io', 'a bad moment');
        if (partition === fenced) return { fencedBy: epoch + 1 };
        for (const [key, value] of rows) {
          const serial = value![0]!;
          this.stored.push(serial);
          this.rows.set(`${partition} ${key}`, serial);
        }
        return 'ok';
      });
      done(outcomes as never[]);
    });
  }

  load(partitions: readonly number[]) {
    return {
      next: (done: (error: undefined, piece: { rows: LoadedRow[]; last: boolean }) => void) =>
        this.#order.later('piece', () => {
          const rows = [...this.rows].map(([id, serial]) => {
            const [partition, key] = id.split(' ') as [string, string];
            return { partition: Number(partition), key, value: Uint8Array.of(serial) };
          });
          done(undefined, { rows: rows.filter(({ partition }) => partitions.includes(partition)), last: true });
        }),
    };
  }

  close(done: () => void): void {
    done();
  }
}

/** Whose writes are refused: a later owner has it. */
const fenced = 3;

const action = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      at: fc.nat(1),
      partition: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('ask' as const, 'load' as const),
      at: fc.nat(1),
      partition: fc.integer({ min: 1, max: 2 }),
    }),
  },
  {
    weight: 2,
    // A turn of the loop ends, in which writes are sent, or all that was asked for comes to its end.
    arbitrary: fc.record({
      do: fc.constantFrom('turn' as const, 'settle' as const),
      at: fc.nat(1),
      partition: fc.constant(1),
    }),
  },
);

export function model(): fc.IRawProperty<unknown> {
  const drawn = fc.array(action, { maxLength: 20, size: 'max' });
  const fates = fc.array(fc.constantFrom(false, false, true), { maxLength: 4 });
  return fc.asyncProperty(fc.scheduler(), drawn, fates, async (scheduler, actions, failing) => {
    const order = new Order(scheduler);
    const store = new Store(order, failing);
    const server = new StoreServer(store);
    const clients = ['a', 'b'].map((name) => {
      const [near, far] = [new Port(order, `to ${name}`), new Port(order, `from ${name}`)];
      [near.other, far.other] = [far, near];
      server.connect(near as unknown as MessagePort);
      // Its only clock is the scheduler.
      return new StoreClient(far as unknown as MessagePort, 0);
    });
    const asked: string[] = [];
    const answered: string[] = [];
    const acknowledged: number[] = [];
    let serial = 0;
    for (const { do: what, at, partition } of actions) {
      const client = clients[at]!;
      const id = ++serial;
      if (what !== 'settle' && what !== 'turn') asked.push(`${id}`);
      if (what === 'settle') await order.runWithLoop();
      else if (what === 'turn') await new Promise((resolve) => setImmediate(resolve));
      else if (what === 'write')
        client.write(partition, 1, 'x.1', [[`${at}`, Uint8Array.of(id)]], false, (error, reply) => {
          answered.push(`${id}`);
          if (error !== undefined) return;
          if (partition === fenced) assert.deepEqual(reply, { fencedBy: 2 });
          else {
            assert.equal(reply, 'ok');
            assert(store.stored.includes(id), 'acknowledged before it was stored');
            acknowledged.push(id);
          }
        });
      else if (what === 'ask')
        client.owners([id], (_error, owners) => {
          answered.push(`${id}`);
          assert.equal(owners?.[0]?.epoch, id, 'the answer to another question');
        });
      else {
        const known = acknowledged.filter((each) => writers.get(each) === `${partition} ${at}`).at(-1) ?? 0;
        client.load([partition], (_error, rows) => {
          answered.push(`${id}`);
          assert(rows!.every((row) => row.partition === partition));
          const mine = rows!.find(({ key }) => key === `${at}`)?.value[0] ?? 0;
          assert(mine >= known, 'a load forgot what was acknowledged');
        });
      }
      if (what === 'write') writers.set(id, `${partition} ${at}`);
    }
    await order.runWithLoop();
    for (const at of ['0', '1']) {
      const mine = store.stored.filter((each) => writers.get(each)?.endsWith(at) === true);
      assert.deepEqual(
        mine,
        mine.toSorted((x, y) => x - y),
        'stored in another order',
      );
    }
    assert(store.atOnce <= 1, 'two commits at a time');
    assert.deepEqual(answered.toSorted(), asked.toSorted(), 'answered once each');
    for (const client of clients) assert.equal(client.rowsWaiting, 0);
    writers.clear();
  });
}

/** Which row a serial number was written to. */
const writers = new Map<number, string>();
