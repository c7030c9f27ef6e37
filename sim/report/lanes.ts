/** Lanes of the time line for nodes, and for the store and the network with what was done to them. */
import type { Fault } from '../options.ts';
import type { SimResult } from '../simulate.ts';
import { all, colourOf, seconds, tag } from './markup.ts';
import type { Markup } from './markup.ts';
import type { NodeSpan } from './story.ts';
import type { Lane, Scale } from './lane.ts';
import { gutter, width } from './lane.ts';

const nodeHeight = 40;
const barTop = 16;
const barHeight = 16;

export function nodeLanes({ recorder }: SimResult, scale: Scale): Lane[] {
  const { story } = recorder;
  if (story === undefined) return [];
  return [...story.nodes]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, spans]): Lane => {
      const faults = story.faults.filter(({ fault }) => fault.node === id && placeOf(fault) === 'node');
      return {
        height: nodeHeight,
        drawing: tag(
          'g',
          { class: colourOf(id) },
          tag('rect', { class: 'own', x: 8, y: barTop + 2, width: 12, height: 12, rx: 3 }),
          tag('text', { class: 'head', x: 28, y: barTop + 12 }, `node ${id}`),
          ...spans.map((span, index) => nodeSpan(span, spans[index - 1], scale)),
          ...faults.map(({ atMs, fault }) => pin(atMs, fault, scale)),
        ),
      };
    });
}

function nodeSpan(span: NodeSpan, before: NodeSpan | undefined, { x }: Scale): Markup {
  const { state, incarnation, fromMs, toMs } = span;
  const from = x(fromMs);
  const long = Math.max(1, x(toMs) - from);
  const isNew = before !== undefined && before.incarnation !== incarnation;
  const label = state === 'serving' ? (isNew || before === undefined ? `.${incarnation}` : '') : state;
  return tag(
    'g',
    {},
    tag('title', {}, `${state} from ${seconds(fromMs)} to ${seconds(toMs)}, incarnation ${incarnation}`),
    tag('rect', {
      class: state,
      x: from,
      y: state === 'dead' ? barTop + 6 : barTop,
      width: long,
      height: state === 'dead' ? 4 : barHeight,
      rx: 2,
    }),
    ...(long > label.length * 5.4 + 6 && label !== ''
      ? [
          tag(
            'text',
            {
              class: state === 'dead' ? 'dead-text' : 'state',
              x: from + 4,
              y: state === 'dead' ? barTop + 20 : barTop + 12,
            },
            label,
          ),
        ]
      : []),
  );
}

/** A fault of a node: a mark above its bar, with a line for how long. */
function pin(atMs: number, fault: Fault, { x, endMs }: Scale): Markup {
  const at = x(atMs);
  const until = x(Math.min(endMs, atMs + fault.forMs));
  return tag(
    'g',
    {},
    tag('title', {}, `${seconds(atMs)} ${describeFault(fault)}`),
    tag('rect', { class: 'faultbar', x: at, y: 12.5, width: Math.max(1, until - at), height: 2 }),
    tag('path', { class: 'fault', d: `M${at.toFixed(1)} 14l-4 -7h8z` }),
    tag(
      'text',
      { class: 'dead-text', x: at + 6, y: 10 },
      fault.kind.includes('cut') ? `${fault.kind} ${fault.other}` : fault.kind,
    ),
  );
}

export function faultLane({ recorder }: SimResult, { x, endMs }: Scale, place: 'store' | 'network'): Lane {
  const faults = (recorder.story?.faults ?? []).filter(({ fault }) => placeOf(fault) === place);
  let lastX = 0;
  return {
    height: 30,
    drawing: all([
      tag('text', { class: 'head', x: 28, y: 18 }, place),
      tag('rect', { class: 'calm', x: gutter, y: 12, width: x(endMs) - gutter, height: 4, rx: 2 }),
      ...faults.map(({ atMs, fault }) => {
        const from = x(atMs);
        const long = Math.max(2, x(Math.min(endMs, atMs + fault.forMs)) - from);
        const label = fault.kind.endsWith('cut') ? `${fault.kind} ${fault.node}` : fault.kind;
        const isFree = from > lastX;
        if (isFree) lastX = from + label.length * 5.6 + 4;
        return tag(
          'g',
          {},
          tag('title', {}, `${seconds(atMs)} ${describeFault(fault)}`),
          tag('rect', { class: 'faultbar', x: from, y: 10, width: long, height: 8, rx: 2 }),
          ...(isFree ? [tag('text', { class: 'dead-text', x: Math.min(from, width - 90), y: 28 }, label)] : []),
        );
      }),
    ]),
  };
}

export function describeFault(fault: Fault): string {
  const { kind, node, other, forMs, released, onWrite } = fault;
  const isPair = kind.includes('cut') || kind === 'isolate';
  return (
    `${kind} ${placeOf(fault) === 'network' ? '' : node}${isPair ? ` and ${other}` : ''} for ${seconds(forMs, 2)}` +
    `${kind === 'crash' && released ? ', released by its supervisor' : ''}${onWrite ? ', while it writes to the store' : ''}`
  );
}

/** Kinds that are of no node say so by their name. */
function placeOf({ kind }: Fault): 'node' | 'store' | 'network' {
  if (/^(store|redis|disk|fsync|sentinel)/.test(kind)) return 'store';
  return /^(weather|network|loss|delay|swizzle|reconnect|link)/.test(kind) ? 'network' : 'node';
}
