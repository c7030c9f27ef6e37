/** One call as people draw it: who sent what to whom and when, with what was lost on the way. */
import type { Passage } from './network.ts';
import { readMessage } from './phone/message.ts';
import type { Message } from './phone/message.ts';
import type { Forward } from './recorder.ts';

export interface LadderRow {
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  readonly text: string;
  /** `inside`: from node to node, what no phone sees. */
  readonly fate: Passage['fate'] | 'inside';
  readonly status: number;
}

export interface Ladder {
  /** Phones and processes of the cluster, from left to right. */
  readonly sides: readonly string[];
  readonly rows: readonly LadderRow[];
}

const widthChars = 22;

/** Everything of the call with this Call-ID. */
export function ladderOf(passages: readonly Passage[], forwards: readonly Forward[], callId: string): Ladder {
  const rows: LadderRow[] = [];
  for (const { bytes, atMs, from, to, worker, fate } of passages) {
    const message = readMessage(bytes);
    if (typeof message === 'string' || message.callId !== callId) continue;
    const status = message.isRequest ? 0 : message.status;
    rows.push({ atMs, from: sideOf(from, worker), to: sideOf(to, worker), text: wordsOf(message), fate, status });
  }
  const inside = forwards.filter((each) => each.callId === callId);
  for (const { atMs, from, to, text } of inside) rows.push({ atMs, from, to, text, fate: 'inside', status: 0 });
  rows.sort((a, b) => a.atMs - b.atMs);
  const caller = rows[0]?.from ?? '';
  const rank = (side: string): number => (side === caller ? 0 : isPhone(side) ? 2 : 1);
  const sides = [...new Set(rows.flatMap(({ from, to }) => [from, to]))].toSorted(
    (a, b) => rank(a) - rank(b) || (a < b ? -1 : 1),
  );
  return { sides, rows };
}

/** What happened to the world meanwhile: stands across the ladder. */
export interface LadderEvent {
  readonly atMs: number;
  readonly text: string;
}

/** As lines for a terminal: dots are forwards inside of the cluster. */
export function ladder(
  passages: readonly Passage[],
  callId: string,
  forwards: readonly Forward[] = [],
  events: readonly LadderEvent[] = [],
): string[] {
  const { sides, rows } = ladderOf(passages, forwards, callId);
  const lines = [`${' '.repeat(10)}${sides.map((side) => side.padEnd(widthChars)).join('')}`.trimEnd()];
  const waiting = events.toSorted((a, b) => a.atMs - b.atMs);
  const tellUntil = (atMs: number): void => {
    while (waiting.length > 0 && waiting[0]!.atMs <= atMs) {
      const event = waiting.shift()!;
      lines.push(`${timeOf(event.atMs)}  ======== ${event.text}`);
    }
  };
  for (const row of rows) {
    tellUntil(row.atMs);
    const from = sides.indexOf(row.from);
    const to = sides.indexOf(row.to);
    const [left, right] = from < to ? [from, to] : [to, from];
    const room = (right - left) * widthChars - 1;
    const text = `${row.text}${lossOf(row.fate)}`;
    const line = (row.fate === 'inside' ? '.' : '-').repeat(Math.max(1, room - text.length - 3));
    const arrow = from < to ? `${line} ${text} >` : `< ${text} ${line}`;
    const before = Array.from({ length: left }, () => '|'.padEnd(widthChars)).join('');
    const after = Array.from({ length: sides.length - right - 1 }, () => `${' '.repeat(widthChars - 1)}|`).join('');
    lines.push(`${timeOf(row.atMs)}  ${before}|${arrow}|${after}`);
  }
  tellUntil(Infinity);
  return lines;
}

function timeOf(atMs: number): string {
  return (atMs / 1_000).toFixed(3).padStart(8);
}

/** `INVITE 1`, `200 INVITE 1`. */
export function wordsOf(message: Message): string {
  return `${message.isRequest ? '' : `${message.status} `}${message.method} ${message.cseq}`;
}

/** What became of it, when it did not arrive. */
export function lossOf(fate: LadderRow['fate']): string {
  if (fate === 'arrived' || fate === 'inside') return '';
  return fate === 'nobody' ? ' NOBODY THERE' : ` ${fate.toUpperCase()}`;
}

/** Phones by their name; the address of the cluster stands for the process (or thread of it) that sent or took it. */
export function sideOf(endpoint: string, worker: string, withThread = false): string {
  if (endpoint.startsWith('10.0.0.1:')) return worker === '' ? 'cluster' : withThread ? worker : worker.split('/')[0]!;
  const phone = /^10\.1\.(\d+)\.(\d+):/.exec(endpoint);
  return phone === null ? endpoint : `u${phone[1]}-${Number(phone[2]) - 1}`;
}

function isPhone(side: string): boolean {
  return /^u\d+-\d+$/.test(side);
}
