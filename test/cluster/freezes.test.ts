/**
 * How many partitions a node has frozen at once. Seen failing with: as many again after freezes that took too long; no way
 * back up.
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
const members = ['a', 'b'].map((id) => ({
  id,
  incarnation: 1,
  link: `${id}:1`,
  workers: 1,
  draining: false,
  zone: '',
}));
const facts = { dead: new Set<string>(), draining: new Set<string>(), arrived: [], adoptedEpoch: () => 0 };
const preferences = new Preferences(count);
const alone = plan(undefined, { ...facts, joining: members.slice(0, 1) }, 'one', preferences)!;
const growing: Table = plan(alone, { ...facts, joining: members }, 'two', preferences)!;

test('freezes that take too long make it fewer at once, others more again', () => {
  const effects: ControlEffect[] = [];
  const asked: (() => void)[] = [];
  const shares = new Shares('a', 1, count, {
    emit: (effect) => effects.push(effect),
    ask: (op, args, done) => {
      if (op === 'seal') asked.push(() => done({ result: (args[0] as number[]).map(() => 0) } as never, 0));
      return asked.length;
    },
    tableIsOld: () => {},
  });
  type Orders = (ControlEffect & { readonly do: 'assign' | 'freeze' | 'thaw' })[];
  const taken = (what: 'assign' | 'freeze' | 'thaw'): Orders =>
    effects.splice(0).filter((effect): effect is Orders[number] => effect.do === what);
  const sharesOf = (orders: Orders): Share[] => orders.flatMap((order) => order.shares);
  let nowMs = 0;
  const run = (): void => shares.run((nowMs += limits.controlTickMs), true, false, true);
  shares.adopt(alone, nowMs);
  shares.take({ type: 'worker-up', worker: 0 }, nowMs);
  run();
  for (const answer of asked.splice(0)) answer();
  shares.take({ type: 'worker-serving', worker: 0, shares: sharesOf(taken('assign')) }, nowMs);
  shares.adopt(growing, nowMs);
  run();
  let freezes = taken('freeze');
  assert.equal(sharesOf(freezes).length, limits.freezesInFlightMax);
  for (let wanted = limits.freezesInFlightMax >> 1; wanted >= limits.freezesInFlightMin >> 1; wanted >>= 1) {
    nowMs += limits.freezeMs;
    run();
    assert.equal(sharesOf(taken('thaw')).length, sharesOf(freezes).length);
    nowMs += limits.controlRetryMs;
    run();
    freezes = taken('freeze');
    assert.equal(sharesOf(freezes).length, Math.max(wanted, limits.freezesInFlightMin));
  }
  // Each that is in time makes room for one more, up to the bound.
  let most = 0;
  for (let round = 0; round < 5; round++) {
    for (const order of freezes)
      if (order.do === 'freeze')
        shares.take({ type: 'worker-frozen', worker: 0, attempt: order.attempt, shares: order.shares }, nowMs);
    run();
    for (const answer of asked.splice(0)) answer();
    run();
    freezes = taken('freeze');
    most = Math.max(most, sharesOf(freezes).length);
  }
  assert.equal(most, limits.freezesInFlightMax);
});
