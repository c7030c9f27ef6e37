/** The ladder of one call as SVG: phones and processes as columns, what went between them as arrows, faults across. */
import { ladderOf, lossOf } from '../ladder.ts';
import type { Ladder, LadderRow } from '../ladder.ts';
import type { CallRecord } from '../phone/history.ts';
import type { SimResult } from '../simulate.ts';
import { anchorOf } from './call-lanes.ts';
import { describeFault } from './lanes.ts';
import { all, colourOf, seconds, tag } from './markup.ts';
import type { Markup } from './markup.ts';
import { outcomeOf } from './outcome.ts';

const left = 96;
const panelWidth = 1_244;
const rowHeight = 25;
const headHeight = 44;
/** A wait of so long is said. */
const gapMs = 1_000;
const rowsMax = 500;

/** The panel that opens when the call is chosen. */
export function callPanel(call: CallRecord, result: SimResult, next: CallRecord | undefined): Markup {
  const { plan } = call;
  const { word } = outcomeOf(call, result.virtualMs);
  const plans = plan.devices.map(({ does, status, afterMs, ringAfterMs }) =>
    does === 'ring'
      ? 'rings for ever'
      : `${does === 'answer' ? 'answers' : `says ${status}`} after ${seconds(ringAfterMs + afterMs, 2)}`,
  );
  if (plan.cancelAfterMs !== undefined) plans.push(`caller cancels after ${seconds(plan.cancelAfterMs, 2)}`);
  const ladder = ladderOf(result.recorder.passages, result.recorder.forwards, plan.callId);
  return tag(
    'section',
    { class: 'ladder', id: anchorOf(plan.number) },
    tag('a', { 'class': 'behind', 'href': '#time', 'aria-label': 'close' }),
    tag(
      'div',
      {},
      tag(
        'nav',
        {},
        tag('b', {}, `${plan.caller} calls ${plan.callee}`),
        tag('span', {}, `${word}. ${plans.join('; ')}. Call-ID ${plan.callId}`),
        ...(next === undefined ? [] : [tag('a', { href: `#${anchorOf(next.plan.number)}` }, 'next')]),
        tag('a', { href: '#time' }, 'close'),
      ),
      drawing(ladder, result, plan.callId),
    ),
  );
}

interface Line {
  readonly atMs: number;
  readonly row: LadderRow | undefined;
  /** Across the whole width instead. */
  readonly text: string;
}

function drawing(ladder: Ladder, result: SimResult, callId: string): Markup {
  const lines = linesOf(ladder, result, callId);
  const columnWidth = Math.max(100, Math.min(190, (panelWidth - left) / Math.max(1, ladder.sides.length)));
  const width = left + ladder.sides.length * columnWidth;
  const x = (side: string): number => left + (ladder.sides.indexOf(side) + 0.5) * columnWidth;
  let y = headHeight + 14;
  let beforeMs = lines[0]?.atMs ?? 0;
  const drawn: Markup[] = [];
  for (const line of lines) {
    if (line.atMs - beforeMs >= gapMs) {
      drawn.push(
        tag(
          'text',
          { 'class': 'soft tiny', 'x': left - 10, 'y': y + 19, 'text-anchor': 'end' },
          `+ ${seconds(line.atMs - beforeMs, 1)}`,
        ),
      );
      y += 18;
    }
    beforeMs = line.atMs;
    y += rowHeight;
    drawn.push(
      tag(
        'text',
        { 'class': 'soft mono', 'x': left - 10, 'y': y + 4, 'text-anchor': 'end' },
        (line.atMs / 1_000).toFixed(3),
      ),
      line.row === undefined
        ? across(line.text, y, width)
        : arrow(line.row, x(line.row.from), x(line.row.to), y, columnWidth),
    );
  }
  const height = y + 26;
  return tag(
    'div',
    { class: 'scroll' },
    tag(
      'svg',
      { viewBox: `0 0 ${width} ${height}`, width, height },
      ...ladder.sides.map((side) => column(side, x(side), height)),
      ...drawn,
    ),
  );
}

/** What happened to the world meanwhile stands between the messages. */
function linesOf({ rows }: Ladder, { recorder, failure }: SimResult, callId: string): Line[] {
  const lines: Line[] = rows.slice(0, rowsMax).map((row) => ({ atMs: row.atMs, row, text: '' }));
  const isGuilty = failure?.callId === callId;
  const fromMs = (rows[0]?.atMs ?? 0) - 100;
  const toMs = isGuilty ? failure.atMs : (rows.at(-1)?.atMs ?? 0) + 100;
  for (const { atMs, fault } of recorder.story?.faults ?? [])
    if (atMs >= fromMs && atMs <= toMs) lines.push({ atMs, row: undefined, text: describeFault(fault) });
  if (rows.length > rowsMax)
    lines.push({ atMs: toMs, row: undefined, text: `${rows.length - rowsMax} more are not shown` });
  if (isGuilty)
    lines.push({
      atMs: failure.atMs,
      row: undefined,
      text: `invariant ${failure.invariant} broken: ${failure.message}`,
    });
  return lines.sort((a, b) => a.atMs - b.atMs);
}

function column(side: string, x: number, height: number): Markup {
  const isNode = /^[a-z]\.\d+$/.test(side);
  return tag(
    'g',
    {},
    tag('line', { class: 'life', x1: x, x2: x, y1: headHeight, y2: height }),
    tag('rect', {
      class: isNode ? `box node ${colourOf(side)}` : 'box',
      x: x - 46,
      y: 8,
      width: 92,
      height: 28,
      rx: isNode ? 5 : 14,
    }),
    tag('text', { 'class': 'boxtext', 'x': x, 'y': 26, 'text-anchor': 'middle' }, isNode ? `node ${side}` : side),
  );
}

function across(text: string, y: number, width: number): Markup {
  return all([
    tag('rect', { class: 'event', x: left, y: y - 11, width: width - left, height: 20, rx: 4 }),
    tag('text', { class: 'eventtext', x: left + 10, y: y + 3 }, text.split('\n')[0]!.slice(0, 160)),
  ]);
}

function arrow(row: LadderRow, from: number, to: number, y: number, columnWidth: number): Markup {
  const { fate, status, text } = row;
  const isGone = fate !== 'arrived' && fate !== 'inside';
  const kind = isGone
    ? 'gone'
    : fate === 'inside'
      ? 'inside'
      : status === 0
        ? 'req'
        : status < 200
          ? 'r1'
          : status < 300
            ? 'r2'
            : 'r4';
  const words = `${text}${lossOf(fate).toLowerCase()}`;
  if (from === to)
    return tag(
      'g',
      { class: `msg ${kind}` },
      tag('path', { d: `M${from} ${y - 6}h22v10h-18` }),
      tag('path', { class: 'tip', d: `M${from} ${y + 4}l7 -4v8z` }),
      tag('text', { x: from + 28, y: y + 3 }, words),
    );
  const way = to > from ? 1 : -1;
  const end = isGone ? from + (to - from) * 0.8 : to - way * 7;
  const tip = isGone
    ? tag('path', { d: `M${end - 4} ${y - 4}l8 8m0 -8l-8 8` })
    : tag('path', { class: 'tip', d: `M${to} ${y}l${-way * 8} -4v8z` });
  return tag(
    'g',
    { class: `msg ${kind}` },
    tag('title', {}, `${seconds(row.atMs)} ${row.from} to ${row.to}: ${words}`),
    tag('line', { x1: from, x2: end, y1: y, y2: y }),
    tip,
    // Beside the sender, where no other line crosses.
    tag('text', { 'x': from + way * (columnWidth / 2), 'y': y - 5, 'text-anchor': 'middle' }, words),
  );
}
