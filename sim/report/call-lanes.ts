/** Calls in the time line: a bar for each, by which its ladder is opened. */
import type { CallRecord } from '../phone/history.ts';
import type { Failure, SimResult } from '../simulate.ts';
import { seconds, tag } from './markup.ts';
import { outcomeOf } from './outcome.ts';
import type { Lane, Scale } from './lane.ts';
import { width } from './lane.ts';

const rowHeight = 14;

export function callLanes({ calls, failure }: SimResult, scale: Scale): Lane[] {
  const begun = calls.filter((call) => call.plan.startMs < scale.endMs);
  const head: Lane = {
    height: 26,
    drawing: tag('text', { class: 'head', x: 28, y: 18 }, `${begun.length} calls`),
  };
  return [head, ...begun.map((call) => lane(call, scale, failure))];
}

function lane(call: CallRecord, { x, endMs }: Scale, failure: Failure | undefined): Lane {
  const { plan } = call;
  const { word, parts } = outcomeOf(call, endMs);
  const isGuilty = failure?.callId === plan.callId;
  const last = parts.at(-1);
  return {
    height: rowHeight,
    drawing: tag(
      'a',
      { class: 'call', href: `#${anchorOf(plan.number)}` },
      tag('title', {}, `${plan.callId} at ${seconds(plan.startMs)}, ${plan.caller} to ${plan.callee}: ${word}`),
      tag('rect', { class: 'hover', x: 4, y: 0, width: width - 10, height: rowHeight }),
      tag(
        'text',
        { 'class': isGuilty ? 'tiny guilty' : 'tiny soft', 'x': 110, 'y': 10.5, 'text-anchor': 'end' },
        `${plan.caller} > ${plan.callee}`,
      ),
      ...parts.map(({ what, fromMs, toMs }) =>
        tag('rect', {
          class: what,
          x: x(fromMs),
          y: what === 'up' ? 2.5 : 4,
          width: Math.max(1.5, x(toMs) - x(fromMs)),
          height: what === 'up' ? 9 : 6,
          rx: 2,
        }),
      ),
      ...(isGuilty && last !== undefined
        ? [
            tag('rect', {
              class: 'guilty',
              x: x(plan.startMs) - 2,
              y: 0.5,
              width: x(last.toMs) - x(plan.startMs) + 4,
              height: rowHeight - 1,
              rx: 3,
            }),
          ]
        : []),
    ),
  };
}

/** Numbers of calls are unique in a world. */
export function anchorOf(number: number): string {
  return `call-${number}`;
}
