/**
 * The questions of entities as a model: repeated every askRetryMs until answered, cancelled or given up after askTimeoutMs,
 * counted from the moment in which the gate let the first one out; an answer counts once, and for its asker only.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Asks } from '../../actors/asks.ts';
import type { Behaviour, Behaviours } from '../../actors/entity.ts';
import { KindTable, Slot } from '../../actors/slot.ts';
import { Wheel } from '../../actors/wheel.ts';
import { limits } from '../../src/limits.ts';
import { command } from './command.ts';

const startMs = 1_795_000_000_000;

interface Question {
  readonly id: number;
  readonly asker: number;
  /** 0: still behind the gate. */
  sentAtMs: number;
  nextAtMs: number;
}

interface Model {
  nowMs: number;
  next: number;
  open: Question[];
}

interface Real {
  readonly wheel: Wheel;
  readonly asks: Asks;
  readonly slots: readonly Slot[];
  said: string[];
}

type AsksCommand = fc.Command<Model, Real>;

const add = (asker: number): AsksCommand =>
  command(`${asker} asks`, (model, real) => {
    const id = model.next++;
    model.open.push({ id, asker, sentAtMs: 0, nextAtMs: Infinity });
    real.asks.add(real.slots[asker]!, id, { kind: 'aor', key: 'k' }, id);
    assert.deepEqual(real.said, [], 'said before the gate let it out');
  });

const start = (pick: number): AsksCommand =>
  command(
    `the gate lets ${pick} out`,
    (model, real) => {
      const behindGate = model.open.filter(({ sentAtMs }) => sentAtMs === 0);
      const question = behindGate[pick % behindGate.length]!;
      question.sentAtMs = model.nowMs;
      question.nextAtMs = model.nowMs + limits.askRetryMs;
      real.asks.start(question.id, model.nowMs);
      assert.deepEqual(real.said.splice(0), [`ask ${question.id}`]);
    },
    (model) => model.open.some(({ sentAtMs }) => sentAtMs === 0),
  );

const answer = (id: number, asker: number): AsksCommand =>
  command(`answer ${id} to ${asker}`, (model, real) => {
    const isRight = model.open.some((each) => each.id === id && each.asker === asker);
    if (isRight) model.open = model.open.filter((each) => each.id !== id);
    assert.equal(real.asks.settle(id, real.slots[asker]!), isRight);
  });

const cancel = (id: number): AsksCommand =>
  command(`cancel ${id}`, (model, real) => {
    model.open = model.open.filter((each) => each.id !== id);
    real.asks.cancel(id);
    real.asks.start(id, model.nowMs + 1);
    if (!model.open.some((each) => each.id === id)) assert.deepEqual(real.said, [], 'said after it was cancelled');
  });

const wait = (ms: number): AsksCommand =>
  command(`wait ${ms}`, (model, real) => {
    for (let left = ms; left > 0; left -= limits.timerTickMs) {
      model.nowMs += limits.timerTickMs;
      const expected: string[] = [];
      for (const question of [...model.open]) {
        if (question.nextAtMs > model.nowMs) continue;
        if (model.nowMs >= question.sentAtMs + limits.askTimeoutMs) {
          model.open.splice(model.open.indexOf(question), 1);
          expected.push(`${question.asker} gives ${question.id} up`);
        } else {
          const nextMs = Math.min(limits.askRetryMs, question.sentAtMs + limits.askTimeoutMs - model.nowMs);
          question.nextAtMs = model.nowMs + nextMs;
          expected.push(`ask ${question.id}`);
        }
      }
      real.wheel.advance(model.nowMs);
      assert.deepEqual(real.said.splice(0).toSorted(), expected.toSorted());
    }
    assert.equal(real.asks.size, model.open.length);
  });

const id = fc.nat(6);
const commands = fc.commands(
  [
    fc.nat(1).map(add),
    fc.nat(3).map(start),
    fc.nat(3).map(start),
    fc.tuple(id, fc.nat(1)).map(([each, asker]) => answer(each, asker)),
    id.map(cancel),
    fc.constantFrom(10, 290, 300, 1_000, 8_000).map(wait),
  ],
  { maxCommands: 20, size: 'max' },
);

export function model(): fc.IRawProperty<unknown> {
  return fc.property(commands, (sequence) => {
    const wheel = new Wheel(startMs);
    const table = new KindTable('call', { call: {} as Behaviour<unknown> } as Behaviours, 1);
    const slots = [new Slot(table, '0'), new Slot(table, '1')];
    const said: string[] = [];
    const asks = new Asks(wheel, {
      post: (envelope) => said.push(`ask ${envelope.type === 'ask' ? envelope.asker.id : '?'}`),
      askExpired: (slot, expired) => said.push(`${slot.key} gives ${expired} up`),
    });
    fc.modelRun(() => ({ model: { nowMs: startMs, next: 0, open: [] }, real: { wheel, asks, slots, said } }), sequence);
    for (const each of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]) asks.cancel(each);
    assert.equal(wheel.size, 0, 'a timer outlived its question');
  });
}
