/** Who handled which partition when, and how many changed hands: by hand-over while both live, or by takeover. */
import { warmUpMs } from '../options.ts';
import type { SimResult } from '../simulate.ts';
import { all, colourOf, round, seconds, tag } from './markup.ts';
import type { Markup } from './markup.ts';
import type { NodeState, OwnerChange, Story } from './story.ts';
import type { Lane, Scale } from './lane.ts';
import { gutter } from './lane.ts';

const heightMax = 256;
const moveHeight = 34;
/** Changes that are so near to each other are drawn as one. */
const togetherMs = 250;

export function ownerLane({ recorder, options }: SimResult, { x, endMs }: Scale): Lane {
  const { story } = recorder;
  const rowHeight = Math.max(1, Math.min(5, heightMax / options.partitions));
  const height = rowHeight * options.partitions;
  const names = [...(story?.nodes.keys() ?? [])];
  const paths = names.map(() => '');
  const rows = (story?.owners ?? []).toSorted((a, b) => firstOwner(a) - firstOwner(b));
  for (const [row, changes] of rows.entries())
    for (const [index, { atMs, owner }] of changes.entries()) {
      if (owner < 0) continue;
      const from = x(atMs);
      const long = x(changes[index + 1]?.atMs ?? endMs) - from;
      const w = round(Math.max(0.3, long));
      paths[owner] += `M${round(from)} ${round(row * rowHeight)}h${w}v${round(rowHeight + 0.15)}h-${w}z`;
    }
  const tables = story?.tables ?? [];
  return {
    height: height + 34,
    drawing: tag(
      'g',
      { transform: 'translate(0 14)' },
      tag('text', { class: 'head', x: 28, y: 12 }, 'partitions'),
      tag('text', { class: 'soft tiny', x: 28, y: 26 }, `${options.partitions}, by who`),
      tag('text', { class: 'soft tiny', x: 28, y: 38 }, 'handles them'),
      tag('rect', { class: 'gap', x: gutter, y: 0, width: x(endMs) - gutter, height }),
      ...paths.map((d, index) =>
        tag('path', { class: `own ${colourOf(names[index]!)}`, d }, tag('title', {}, names[index]!)),
      ),
      ...tables.map(({ atMs, epoch }) =>
        tag(
          'g',
          {},
          tag('title', {}, `table ${epoch} from ${seconds(atMs)}`),
          tag('line', { class: 'axis', x1: x(atMs), x2: x(atMs), y1: height, y2: height + 6 }),
        ),
      ),
      tag('text', { class: 'soft tiny', x: 28, y: height + 6 }, 'new tables'),
    ),
  };
}

/** Those that began at one node stand together. */
function firstOwner(changes: readonly OwnerChange[]): number {
  return changes.findLast(({ atMs }) => atMs <= warmUpMs)?.owner ?? -1;
}

export interface Move {
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  readonly kind: 'takeover' | 'handoff';
  partitions: number;
}

/** Changes of owners; of those at about the same time, between the same nodes, one. */
export function movesOf(story: Story): Move[] {
  const names = [...story.nodes.keys()];
  const moves: Move[] = [];
  for (const changes of story.owners) {
    let from = -1;
    for (const { atMs, owner } of changes) {
      if (owner < 0) continue;
      if (from >= 0 && from !== owner) add(moves, story, atMs, names[from]!, names[owner]!);
      from = owner;
    }
  }
  return moves.sort((a, b) => a.atMs - b.atMs);
}

function add(moves: Move[], story: Story, atMs: number, from: string, to: string): void {
  const near = moves.find((move) => move.from === from && move.to === to && Math.abs(move.atMs - atMs) < togetherMs);
  if (near !== undefined) near.partitions++;
  else {
    const state = stateAt(story, from, atMs);
    const kind = state === 'serving' || state === 'draining' ? 'handoff' : 'takeover';
    moves.push({ atMs, from, to, kind, partitions: 1 });
  }
}

function stateAt(story: Story, node: string, atMs: number): NodeState {
  const spans = story.nodes.get(node) ?? [];
  return spans.findLast((span) => span.fromMs < atMs - 1)?.state ?? 'joining';
}

export function moveLane({ recorder, options }: SimResult, { x, endMs }: Scale): Lane {
  const moves = recorder.story === undefined ? [] : movesOf(recorder.story);
  const drawn: Markup[] = moves.map(({ atMs, from, to, kind, partitions }) => {
    const tall = Math.max(3, Math.sqrt(partitions / options.partitions) * (moveHeight - 8));
    const what = kind === 'handoff' ? 'handed over' : 'taken over';
    return tag(
      'g',
      {},
      tag('title', {}, `${seconds(atMs)}: ${partitions} partitions of ${from} ${what} by ${to}`),
      tag('rect', { class: kind, x: x(atMs) - 1.5, y: moveHeight - 4 - tall, width: 4, height: tall, rx: 1 }),
    );
  });
  return {
    height: moveHeight + 8,
    drawing: all([
      tag('text', { class: 'head', x: 28, y: 20 }, 'moves'),
      tag('line', { class: 'axis', x1: gutter, x2: x(endMs), y1: moveHeight - 4, y2: moveHeight - 4 }),
      ...drawn,
    ]),
  };
}
