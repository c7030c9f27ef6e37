/** The form of the tables: frozen rules, the order of effects, the columns for reliable transports. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { absorb, go, pass, send, start, stay, step, stop, table } from '../../src/transaction/table.ts';
import type { Event, Rule, State, Table } from '../../src/transaction/table.ts';
import { tables } from '../../src/transaction/tables.ts';

function rules(of: Table): [string, Rule][] {
  const all: [string, Rule][] = [['enter', of.enter]];
  for (const state of Object.keys(of.states) as State[]) {
    for (const event of Object.keys(of.states[state] ?? {}) as Event[]) {
      const rule = step(of, state, event);
      if (rule !== undefined) all.push([`${of.kind} ${state} on ${event}`, rule]);
    }
  }
  return all;
}

test('rules are frozen, and step gives the rule itself', () => {
  for (const one of tables) {
    for (const [name, rule] of rules(one)) {
      assert(Object.isFrozen(rule) && Object.isFrozen(rule.effects) && Object.isFrozen(rule.onReliable), name);
      for (const effect of [...rule.effects, ...rule.onReliable]) assert(Object.isFrozen(effect), name);
    }
    assert.equal(step(one, 'terminated', '2xx'), undefined);
    assert(Object.isFrozen(one) && Object.isFrozen(one.states));
  }
});

test('pass and tell come last: the TU may step the machine from inside', () => {
  for (const one of tables) {
    for (const [name, rule] of rules(one)) {
      for (const effects of [rule.effects, rule.onReliable]) {
        const index = effects.findIndex((e) => e.do === 'pass' || e.do === 'tell');
        assert(index === -1 || index === effects.length - 1, name);
      }
    }
  }
});

test('every timer that a machine starts has a rule where it may fire, and every timer rule is started', () => {
  for (const one of tables) {
    const started = new Set<string>();
    const handled = new Set<string>();
    for (const [, rule] of rules(one)) for (const e of rule.effects) if (e.do === 'start') started.add(e.timer);
    for (const row of Object.values(one.states))
      for (const event of Object.keys(row)) if (/^[A-M]$/.test(event)) handled.add(event);
    assert.deepEqual([...started].sort(), [...handled].sort(), one.kind);
  }
});

test('reliable column: no repeat timers, timers of zero seconds have fired, the others stay', () => {
  const made = table('client', 'a made-up machine', go('trying', send, start('E'), start('F')), {
    trying: {
      '2xx': go('completed', stop('E'), stop('F'), start('K'), pass),
      '1xx': stay(pass),
      'F': go('terminated'),
    },
    completed: { '2xx': absorb, 'K': go('terminated') },
    terminated: {},
  });
  assert.deepEqual(made.enter.onReliable, [send, start('F')]);
  assert.equal(made.enter.toOnReliable, 'trying');
  const answered = step(made, 'trying', '2xx');
  assert.deepEqual([answered?.to, answered?.toOnReliable], ['completed', 'terminated']);
  assert.deepEqual(answered?.onReliable, [stop('F'), pass]);
  assert.deepEqual(step(made, 'trying', '1xx')?.onReliable, [pass]);
});
