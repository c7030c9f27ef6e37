/** Broken copies of a table, one mistake each: what a slip of the hand could do to a row. */
import { step } from '../../src/transaction/table.ts';
import type { Effect, Event, Rule, State, Table } from '../../src/transaction/table.ts';
import { externalEvents } from './world.ts';

export interface Mistake {
  readonly name: string;
  /** Whether it concerns the reliable column; the run must be made on that transport. */
  readonly reliable: boolean;
  readonly table: Table;
}

interface Column {
  readonly to: State | 'stay';
  readonly effects: readonly Effect[];
}

const column = (rule: Rule, reliable: boolean): Column =>
  reliable ? { to: rule.toOnReliable, effects: rule.onReliable } : { to: rule.to, effects: rule.effects };

const withColumn = (rule: Rule, reliable: boolean, { to, effects }: Column): Rule =>
  reliable ? { ...rule, toOnReliable: to, onReliable: effects } : { ...rule, to, effects };

/** The states that this transport can reach, and the timers it can start: a mistake anywhere else changes nothing. */
function reach(table: Table, reliable: boolean): { states: State[]; timers: Set<Event> } {
  const states: State[] = [];
  const timers = new Set<Event>();
  const visit = (to: State | 'stay', effects: readonly Effect[]): void => {
    for (const effect of effects) if (effect.do === 'start') timers.add(effect.timer);
    if (to === 'stay' || states.includes(to)) return;
    states.push(to);
    for (const rule of Object.values(table.states[to] ?? {}))
      visit(column(rule, reliable).to, column(rule, reliable).effects);
  };
  visit(column(table.enter, reliable).to, column(table.enter, reliable).effects);
  return { states, timers };
}

export function mistakes(table: Table, reliable: boolean): Mistake[] {
  const made: Mistake[] = [];
  const { states, timers } = reach(table, reliable);
  const others = Object.keys(table.states) as State[];
  const make = (name: string, broken: Table): void =>
    void made.push({ name: `${table.kind}${reliable ? ' reliable' : ''}: ${name}`, reliable, table: broken });
  const replace = (state: State, event: Event, rule: Rule | undefined): Table => {
    const { [event]: _, ...rest } = table.states[state] ?? {};
    return { ...table, states: { ...table.states, [state]: rule === undefined ? rest : { ...rest, [event]: rule } } };
  };
  const spoil = (name: string, rule: Rule, at: State | undefined, put: (rule: Rule) => Table): void => {
    const { to, effects } = column(rule, reliable);
    for (const other of others) {
      if (other === to || (to === 'stay' && other === at)) continue;
      make(`${name} goes to ${other}, not ${to}`, put(withColumn(rule, reliable, { to: other, effects })));
    }
    if (to !== 'stay' && at !== undefined)
      make(`${name} stays`, put(withColumn(rule, reliable, { to: 'stay', effects })));
    effects.forEach((effect, index) => {
      const word = effect.do === 'start' || effect.do === 'stop' ? `${effect.do} ${effect.timer}` : effect.do;
      make(`${name} without ${word}`, put(withColumn(rule, reliable, { to, effects: effects.toSpliced(index, 1) })));
      if (effect.do === 'start' && effect.timer === 'E' && at !== undefined) {
        const swapped = effects.with(index, { ...effect, atCap: !effect.atCap });
        make(
          `${name} with ${effect.atCap ? 'doubling' : 'T2'} for E`,
          put(withColumn(rule, reliable, { to, effects: swapped })),
        );
      }
      if (effect.do === 'tell') {
        const swapped = effects.with(index, {
          do: 'tell',
          what: effect.what === 'timeout' ? 'transport-error' : 'timeout',
        });
        make(`${name} tells the wrong failure`, put(withColumn(rule, reliable, { to, effects: swapped })));
      }
    });
    for (const extra of ['send', 'resend', 'pass', 'ack'] as const) {
      // A server that has sent nothing yet has nothing to resend: no mistake.
      if (
        extra === 'resend' &&
        table.kind.endsWith('server') &&
        (at === undefined || at === 'trying') &&
        !effects.some((e) => e.do === 'send')
      )
        continue;
      if (!effects.some((e) => e.do === extra))
        make(
          `${name} with ${extra} too`,
          put(withColumn(rule, reliable, { to, effects: [...effects, { do: extra }] })),
        );
    }
  };
  spoil('enter', table.enter, undefined, (rule) => ({ ...table, enter: rule }));
  for (const state of states) {
    for (const event of [...externalEvents(table), ...timers] as Event[]) {
      const rule = step(table, state, event);
      const name = `${state} on ${event}`;
      if (rule !== undefined) {
        make(`${name} dropped`, replace(state, event, undefined));
        spoil(name, rule, state, (broken) => replace(state, event, broken));
      } else if (!timers.has(event)) {
        make(
          `${name} absorbed`,
          replace(state, event, { to: 'stay', effects: [], toOnReliable: 'stay', onReliable: [] }),
        );
      }
    }
  }
  return made;
}
