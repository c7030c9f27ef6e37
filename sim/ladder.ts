/** One call as people draw it: who sent what to whom and when, with what was lost on the way. */
import type { Passage } from './network.ts';
import { readMessage } from './phone/message.ts';

const widthChars = 22;

/** Lines of a ladder of all datagrams with this Call-ID. */
export function ladder(passages: readonly Passage[], callId: string): string[] {
  const rows: { readonly atMs: number; readonly from: string; readonly to: string; readonly text: string }[] = [];
  for (const passage of passages) {
    const message = readMessage(passage.bytes);
    if (typeof message === 'string' || message.callId !== callId) continue;
    const what = message.isRequest ? message.method : `${message.status} (${message.method})`;
    const lost = passage.fate === 'arrived' ? '' : passage.fate === 'lost' ? ' LOST' : ' NOBODY THERE';
    rows.push({
      atMs: passage.atMs,
      from: sideOf(passage.from, passage.worker),
      to: sideOf(passage.to, passage.worker),
      text: `${what} ${message.cseq}${lost}`,
    });
  }
  const sides = [...new Set(rows.flatMap(({ from, to }) => [from, to]))].toSorted(
    (a, b) => rank(a) - rank(b) || (a < b ? -1 : 1),
  );
  const lines = [`${' '.repeat(10)}${sides.map((side) => side.padEnd(widthChars)).join('')}`];
  for (const row of rows) {
    const from = sides.indexOf(row.from);
    const to = sides.indexOf(row.to);
    const [left, right] = from < to ? [from, to] : [to, from];
    const room = (right - left) * widthChars - 1;
    const arrow =
      from < to
        ? `${'-'.repeat(Math.max(1, room - row.text.length - 3))} ${row.text} >`
        : `< ${row.text} ${'-'.repeat(Math.max(1, room - row.text.length - 3))}`;
    const before = Array.from({ length: left }, () => '|'.padEnd(widthChars)).join('');
    const after = Array.from({ length: sides.length - right - 1 }, () => `${' '.repeat(widthChars - 1)}|`).join('');
    lines.push(`${(row.atMs / 1_000).toFixed(3).padStart(8)}  ${before}|${arrow}|${after}`);
  }
  return lines;
}

/** The address of the cluster stands for the worker that sent or took it. */
function sideOf(name: string, worker: string): string {
  return name.startsWith('10.0.0.1:') ? (worker === '' ? 'cluster' : worker) : name.replace(':5060', '');
}

/** Phones outside, the cluster between them as far as a line allows. */
function rank(side: string): number {
  return side.startsWith('10.') ? 0 : 1;
}
