/** The report of one world as one file for people: nothing in it is fetched from anywhere, and no script runs. */
import { points } from '../coverage.ts';
import { invariants } from '../invariants.ts';
import type { SimResult } from '../simulate.ts';
import { anchorOf } from './call-lanes.ts';
import { callPanel } from './call-ladder.ts';
import { describeFault } from './lanes.ts';
import { Markup, seconds, tag } from './markup.ts';
import { style } from './style.ts';
import { timeLine } from './time-line.ts';

const logLinesMax = 4_000;

export function reportPage(result: SimResult): string {
  const { options, failure, calls, virtualMs } = result;
  const begun = calls.filter(({ plan }) => plan.startMs < virtualMs);
  const page = tag(
    'html',
    { lang: 'en' },
    tag(
      'head',
      {},
      tag('meta', { charset: 'utf-8' }),
      tag('meta', {
        'http-equiv': 'Content-Security-Policy',
        'content': "default-src 'none'; style-src 'unsafe-inline'",
      }),
      tag('meta', { name: 'viewport', content: 'width=device-width' }),
      tag(
        'title',
        {},
        `Seed ${options.seed}: ${failure === undefined ? 'held' : `invariant ${failure.invariant} broken`}`,
      ),
      styleSheet(),
    ),
    tag(
      'body',
      {},
      tag(
        'main',
        { id: 'time' },
        head(result),
        ...(failure === undefined ? [] : [violation(result)]),
        tag(
          'section',
          { class: 'card' },
          tag(
            'h2',
            {},
            'Time line',
            tag('small', {}, 'point at anything to see what it is; a click on a call opens its ladder'),
          ),
          tag('div', { class: 'scroll' }, timeLine(result)),
          legend(),
        ),
        tag('div', { class: 'two' }, tag('div', {}, faultTable(result), counterTable(result)), coverageTable(result)),
        details('Options', 'all that the seed was expanded to', JSON.stringify(options, undefined, 2)),
        details('Log', 'what nodes and phones said', result.recorder.lines.slice(-logLinesMax).join('\n')),
      ),
      ...begun.map((call, index) => callPanel(call, result, begun[index + 1])),
    ),
  );
  return `<!doctype html>\n${page.html}\n`;
}

/** The text of a style sheet is not escaped by HTML; ours is constant. */
function styleSheet(): Markup {
  const sheet = tag('style');
  return new Markup(sheet.html.replace('></', () => `>${style}</`));
}

function head({ options, failure, virtualMs, events, messages, trace, calls, recorder }: SimResult): Markup {
  const facts: readonly (readonly [string, string | number])[] = [
    ['simulated', seconds(virtualMs, 1)],
    ['events', events.toLocaleString('en')],
    ['datagrams', messages.toLocaleString('en')],
    ['nodes × workers', `${options.nodes} × ${options.workers}`],
    ['partitions', options.partitions],
    ['phones', options.devices.reduce((sum, each) => sum + each, 0)],
    ['calls', calls.filter(({ plan }) => plan.startMs < virtualMs).length],
    ['faults', recorder.story?.faults.length ?? 0],
    ['tables', recorder.story?.tables.length ?? 0],
    ['loss', `${(options.weather.loss * 100).toFixed(0)} %`],
    ['trace', trace],
  ];
  return tag(
    'header',
    {},
    tag(
      'div',
      { class: 'top' },
      tag('h1', {}, `Seed ${options.seed}`),
      failure === undefined
        ? tag('span', { class: 'pill good' }, 'every invariant held')
        : tag('a', { class: 'pill bad', href: '#violation' }, `invariant ${failure.invariant} broken`),
    ),
    tag(
      'ul',
      { class: 'facts' },
      ...facts.map(([name, value]) =>
        tag('li', {}, tag('b', { class: name === 'trace' ? 'mono' : undefined }, value), tag('span', {}, name)),
      ),
    ),
  );
}

function violation({ failure, calls, options }: SimResult): Markup {
  const { invariant, checker, message, callId, atMs } = failure!;
  const call = calls.find(({ plan }) => plan.callId === callId);
  const rows: readonly (readonly [string, Markup | string])[] = [
    ['Expected', invariants[invariant] ?? ''],
    ['Seen', message],
    ['When', seconds(atMs)],
    [
      'Call',
      call === undefined
        ? callId || 'of no call'
        : tag(
            'a',
            { href: `#${anchorOf(call.plan.number)}` },
            `${call.plan.caller} to ${call.plan.callee}: its ladder`,
          ),
    ],
    ['Checker', tag('code', {}, `sim/checkers/${checker}.ts`)],
    ['Again', tag('code', {}, `carillon sim --replay fail-${options.seed}.json`)],
  ];
  return tag(
    'section',
    { class: 'card violation', id: 'violation' },
    tag('h2', {}, `Invariant ${invariant} does not hold`),
    tag('dl', {}, ...rows.flatMap(([name, value]) => [tag('dt', {}, name), tag('dd', {}, value)])),
  );
}

function legend(): Markup {
  const keys: readonly (readonly [string, string])[] = [
    ['--n0', 'serving, in the colour of the node'],
    ['--warn', 'latched: lease out, may not act'],
    ['--soft', 'stopped'],
    ['--gap', 'dead, or handled by nobody'],
    ['--request', 'handed over'],
    ['--bad', 'taken over; faults; lost'],
    ['--dim', 'trying'],
    ['--ring', 'ringing'],
    ['--up', 'call is up'],
    ['--turned', 'turned down or cancelled'],
  ];
  return tag(
    'ul',
    { class: 'legend' },
    ...keys.map(([colour, name]) => tag('li', {}, tag('i', { style: `--k: var(${colour})` }), name)),
  );
}

function faultTable({ recorder }: SimResult): Markup {
  const faults = recorder.story?.faults ?? [];
  return tag(
    'section',
    { class: 'card' },
    tag('h2', {}, 'Faults', tag('small', {}, faults.length === 0 ? 'none' : `${faults.length}, as they struck`)),
    tag(
      'table',
      {},
      ...faults.map(({ atMs, fault }) =>
        tag('tr', {}, tag('td', { class: 'num' }, seconds(atMs)), tag('td', {}, describeFault(fault))),
      ),
    ),
  );
}

function coverageTable({ reached }: SimResult): Markup {
  const count = points.filter((point) => reached.has(point)).length;
  return tag(
    'section',
    { class: 'card' },
    tag('h2', {}, 'Coverage', tag('small', {}, `${count} of ${points.length} points in this seed`)),
    tag(
      'table',
      {},
      ...points
        .filter((point) => reached.has(point))
        .toSorted((a, b) => reached.get(b)! - reached.get(a)!)
        .map((point) => tag('tr', {}, tag('td', {}, point), tag('td', { class: 'num' }, reached.get(point)!))),
    ),
    tag('p', { class: 'soft' }, `Not in this seed: ${points.filter((point) => !reached.has(point)).join(', ')}.`),
  );
}

function counterTable({ recorder }: SimResult): Markup {
  const nodes = [...(recorder.story?.nodes.keys() ?? [])].toSorted();
  const counters = [...(recorder.story?.counters ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return tag(
    'section',
    { class: 'card' },
    tag('h2', {}, 'Counters', tag('small', {}, 'of all incarnations of a node')),
    tag(
      'table',
      {},
      tag('tr', {}, tag('th', {}, ''), ...nodes.map((node) => tag('th', { class: 'num' }, node))),
      ...counters.map(([metric, of]) =>
        tag('tr', {}, tag('td', {}, metric), ...nodes.map((node) => tag('td', { class: 'num' }, of.get(node) ?? ''))),
      ),
    ),
  );
}

function details(name: string, what: string, text: string): Markup {
  return tag('details', { class: 'card' }, tag('summary', {}, name, tag('small', {}, what)), tag('pre', {}, text));
}
