/**
 * How many partitions a node has frozen at once, and how many it begins to give away at the same time. Seen failing with: as
 * many again after freezes that took too long; no way back up; all begun in one step; as many in the first step as later; as
 * many of each giver as of one alone.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ControlEffect, Share } from '../../cluster/control-types.ts';
import { plan } from '../../cluster/plan.ts';
import { Preferences } from '../../cluster/ring.ts';
import { Shares } from '../../cluster/shares.ts';
import type { Table } from '../../cluster/table.ts';
import { limits } from '../../src/limits.ts';

const count = 1_024;
const members = ['a', 'b', 'c', 'd'].map((id) => ({
  id,
  incarnation: 1,
  link: `${id}:1`,
  workers: 1,
  draining: false,
  zone: '',
}));
const facts = { dead: new Set<string>(), draining: new Set<string>(), arrived: [], adoptedEpoch: () => 0 };
const preferences = new Preferences(count);

/** The last of so many members has just come, and nothing has moved yet. */
function tables(size: number): readonly [before: Table, growing: Table] {
  const before = plan(undefined, { ...facts, joining: members.slice(0, size - 1) }, 'one', preferences)!;
  return [before, plan(before, { ...facts, joining: members.slice(0, size) }, 'two', preferences)!];
}

type Orders = (ControlEffect & { readonly do: 'assign' | 'freeze' | 'thaw' })[];

class Giver {
  nowMs = 0;
  readonly #effects: ControlEffect[] = [];
  readonly asked: (() => void)[] = [];
  readonly shares = new Shares('a', 1, count, {
    emit: (effect) => this.#effects.push(effect),
    ask: (op, args, done) => {
      if (op === 'seal') this.asked.push(() => done({ result: (args[0] as number[]).map(() => 0) } as never, 0));
      return this.asked.length;
    },
    tableIsOld: () => {},
  });

  /** Serves what the table before says, and has adopted the growing one. */
  constructor([before, growing]: readonly [Table, Table]) {
    this.shares.adopt(before, this.nowMs);
    this.shares.take({ type: 'worker-up', worker: 0 }, this.nowMs);
    this.run();
    this.answer();
    this.shares.take({ type: 'worker-serving', worker: 0, shares: sharesOf(this.taken('assign')) }, this.nowMs);
    this.shares.adopt(growing, this.nowMs);
  }

  run(byMs: number = limits.controlTickMs): void {
    this.shares.run((this.nowMs += byMs), true, false, true);
  }

  answer(): void {
    for (const answer of this.asked.splice(0)) answer();
  }

  taken(what: 'assign' | 'freeze' | 'thaw'): Orders {
    return this.#effects.splice(0).filter((effect): effect is Orders[number] => effect.do === what);
  }

  /** What is begun while others could begin once. */
  step(): Orders {
    const orders: Orders = [];
    for (const endMs = this.nowMs + limits.givesEveryMs; this.nowMs < endMs;) {
      this.run();
      orders.push(...this.taken('freeze'));
    }
    return orders;
  }

  /** What is frozen as long as nothing is late. */
  fill(): Orders {
    const orders: Orders = [];
    for (const endMs = this.nowMs + 0.75 * limits.freezeMs; this.nowMs < endMs;) orders.push(...this.step());
    return orders;
  }
}

const sharesOf = (orders: Orders): Share[] => orders.flatMap((order) => order.shares);

test('freezes that take too long make it fewer at once, others more again', () => {
  const giver = new Giver(tables(2));
  let freezes = giver.fill();
  assert.equal(sharesOf(freezes).length, limits.freezesInFlightMax);
  for (let wanted = limits.freezesInFlightMax >> 1; wanted >= limits.freezesInFlightMin >> 1; wanted >>= 1) {
    giver.nowMs += limits.freezeMs;
    giver.run();
    assert.equal(sharesOf(giver.taken('thaw')).length, sharesOf(freezes).length);
    giver.nowMs += limits.controlRetryMs;
    freezes = giver.fill();
    assert.equal(sharesOf(freezes).length, Math.max(wanted, limits.freezesInFlightMin));
  }
  // Each that is in time makes room for one more, up to the bound.
  let most = 0;
  for (let round = 0; round < 5; round++) {
    for (const order of freezes)
      if (order.do === 'freeze')
        giver.shares.take(
          { type: 'worker-frozen', worker: 0, attempt: order.attempt, shares: order.shares },
          giver.nowMs,
        );
    giver.run();
    const begun = giver.taken('freeze');
    giver.answer();
    freezes = [...begun, ...giver.fill()];
    most = Math.max(most, sharesOf(freezes).length);
  }
  assert.equal(most, limits.freezesInFlightMax);
});

test('few are given away at a time, at first one, and of several givers each gives less', () => {
  for (const [size, most] of [
    [2, Math.ceil(count / limits.giveTimesAim)],
    [3, Math.ceil(count / 2 / limits.giveTimesAim / 2)],
  ] as const) {
    const [before, growing] = tables(size);
    const moving = new Map(Array.from({ length: 900 }, (_, partition) => [partition, size - 1]));
    const giver = new Giver([before, { ...growing, moving }]);
    const steps: number[] = [];
    for (let step = 0; step < limits.giveTimesEach * 5; step++) {
      const orders = giver.step();
      steps.push(sharesOf(orders).length);
      for (const order of orders)
        if (order.do === 'freeze')
          giver.shares.take(
            { type: 'worker-frozen', worker: 0, attempt: order.attempt, shares: order.shares },
            giver.nowMs,
          );
      giver.run(0);
      giver.answer();
    }
    assert.equal(steps[0], 1);
    assert.equal(Math.max(...steps), most);
    assert(steps.every((each, i) => i === 0 || each <= 2 * steps[i - 1]!));
  }
});
