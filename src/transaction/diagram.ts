/** The tables as Mermaid state diagrams, so that the pictures in the documents cannot drift from the code. */
import { isRepeatTimer } from './timers.ts';
import type { TimerName } from './timers.ts';
import type { Draft, Effect, Event, Rule, State, Table } from './table.ts';

const isTimer = (event: string): boolean => /^[A-M]$/.test(event);

/** The document docs/generated/transactions.md. */
export function transactionsDocument(tables: readonly Table[]): string {
  const parts = [
    '# Transactions\n',
    'Drawn from the tables in `src/transaction`; do not edit. `UPDATE_DOCS=1 npm test` writes it anew.',
    'An arrow carries the event over the effects, as in the figures of RFC 3261 section 17. Timers marked * run on unreliable transports only.\n',
  ];
  for (const table of tables)
    parts.push(`## ${table.title}\n`, '```mermaid', diagram(table), '```\n', overReliable(table));
  return parts.join('\n');
}

/** One table as the text of a Mermaid state diagram, for unreliable transports. */
export function diagram(table: Table): string {
  const lines = ['stateDiagram-v2', `  [*] --> ${table.enter.to} : ${label('begin', table.enter)}`];
  for (const [state, event, rule] of rules(table)) {
    lines.push(`  ${state} --> ${rule.to === 'stay' ? state : rule.to} : ${label(eventName(event), rule)}`);
  }
  lines.push('  terminated --> [*]');
  return lines.join('\n');
}

/** What is different on reliable transports, as a list; the shortcuts come from timers of zero seconds. */
function overReliable(table: Table): string {
  const lines = ['On reliable transports no timer marked * is started, and these arrows lead straight to the end:\n'];
  for (const [state, event, rule] of rules(table)) {
    if (rule.toOnReliable !== rule.to)
      lines.push(`- ${state}, ${eventName(event)}: ${rule.toOnReliable} (instead of ${rule.to})`);
  }
  return lines.length === 1 ? '' : `${lines.join('\n')}\n`;
}

function* rules(table: Table): Generator<[State, Event, Rule]> {
  for (const [state, row] of Object.entries(table.states) as [State, { readonly [event in Event]?: Rule }][]) {
    for (const [event, rule] of Object.entries(row) as [Event, Rule][]) yield [state, event, rule];
  }
}

function label(event: string, rule: Draft): string {
  return rule.effects.length === 0 ? `${event} / -` : `${event} / ${rule.effects.map(effectName).join(', ')}`;
}

function eventName(event: Event): string {
  return isTimer(event) ? `timer ${event}` : event;
}

function effectName(effect: Effect): string {
  switch (effect.do) {
    case 'start':
      return `start ${timerName(effect.timer)}${effect.atCap ? ' with T2' : ''}`;
    case 'stop':
      return `stop ${timerName(effect.timer)}`;
    case 'tell':
      return `tell ${effect.what}`;
    case 'pass':
      return 'pass to TU';
    default:
      return effect.do;
  }
}

const timerName = (timer: TimerName): string => (isRepeatTimer(timer) ? `${timer}*` : timer);
