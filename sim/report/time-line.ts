/** The time line of a world as one SVG: nodes, store, network, partitions with their owners, and calls, over one axis. */
import type { SimResult } from '../simulate.ts';
import { phases, warmUpMs } from '../options.ts';
import { nodeLanes, faultLane } from './lanes.ts';
import { callLanes } from './call-lanes.ts';
import { moveLane, ownerLane } from './owner-lane.ts';
import { all, seconds, tag } from './markup.ts';
import { gutter, width } from './lane.ts';
import type { Scale } from './lane.ts';
import type { Markup } from './markup.ts';

const headHeight = 44;

export function timeLine(result: SimResult): Markup {
  const scale = scaleOf(result);
  const lanes = [
    ...nodeLanes(result, scale),
    faultLane(result, scale, 'store'),
    faultLane(result, scale, 'network'),
    ownerLane(result, scale),
    moveLane(result, scale),
    ...callLanes(result, scale),
  ];
  let y = headHeight;
  const drawn: Markup[] = [];
  for (const { height, drawing } of lanes) {
    drawn.push(tag('g', { transform: `translate(0 ${y})` }, drawing));
    y += height;
  }
  const height = y + 8;
  return tag(
    'svg',
    { 'viewBox': `0 0 ${width} ${height}`, width, height, 'role': 'img', 'aria-label': 'time line' },
    phaseBands(result, scale, height),
    axis(scale, height),
    ...drawn,
    violationLine(result, scale, height),
  );
}

/** After the phones are quiet nothing is to be seen any more: that time is drawn short. */
function scaleOf({ options, virtualMs }: SimResult): Scale {
  const { quietMs } = options.phases ?? phases;
  const endMs = Math.max(virtualMs, 1);
  const busyMs = Math.min(endMs, warmUpMs + options.faultMs + quietMs + 4_000);
  const room = width - gutter - 14;
  const busyRoom = endMs > busyMs ? room * 0.93 : room;
  return {
    endMs,
    x: (atMs) =>
      gutter +
      (atMs <= busyMs
        ? (Math.max(0, atMs) / busyMs) * busyRoom
        : busyRoom + ((Math.min(atMs, endMs) - busyMs) / (endMs - busyMs)) * (room - busyRoom)),
  };
}

function phaseBands({ options }: SimResult, { x, endMs }: Scale, height: number): Markup {
  const healed = warmUpMs + options.faultMs;
  const { healedMs, quietMs } = options.phases ?? phases;
  const starts: readonly (readonly [string, number])[] = [
    ['warm-up', 0],
    ['faults', warmUpMs],
    ['healing', healed],
    ['asked', healed + healedMs],
    ['quiet', healed + quietMs],
  ];
  const drawn: Markup[] = [];
  for (const [index, [name, fromMs]] of starts.entries()) {
    const toMs = Math.min(starts[index + 1]?.[1] ?? endMs, endMs);
    if (fromMs >= endMs) break;
    drawn.push(
      tag('rect', { class: `band${index % 2}`, x: x(fromMs), y: 0, width: x(toMs) - x(fromMs), height }),
      tag('text', { class: 'soft', x: x(fromMs) + 5, y: 14 }, name),
    );
  }
  return all(drawn);
}

function axis({ x, endMs }: Scale, height: number): Markup {
  const drawn: Markup[] = [];
  let lastX = -100;
  for (let atMs = 0; atMs <= endMs; atMs += 5_000) {
    if (x(atMs) - lastX < 34) continue;
    lastX = x(atMs);
    drawn.push(
      tag('line', { class: 'grid', x1: lastX, x2: lastX, y1: 20, y2: height }),
      tag('text', { 'class': 'soft tiny', 'x': lastX, 'y': 32, 'text-anchor': 'middle' }, `${atMs / 1_000} s`),
    );
  }
  return all(drawn);
}

function violationLine({ failure }: SimResult, { x }: Scale, height: number): Markup {
  if (failure === undefined) return all([]);
  const at = x(failure.atMs);
  const isLate = at > width - 190;
  return tag(
    'a',
    { href: '#violation' },
    tag('title', {}, `${seconds(failure.atMs)}: ${failure.message}`),
    tag('line', { class: 'now', x1: at, x2: at, y1: 4, y2: height }),
    tag(
      'text',
      { 'class': 'nowtext', 'x': isLate ? at - 5 : at + 5, 'y': 14, 'text-anchor': isLate ? 'end' : 'start' },
      `invariant ${failure.invariant} broken`,
    ),
  );
}
