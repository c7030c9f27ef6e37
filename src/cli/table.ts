/** Tables for people: columns as wide as their widest cell, numbers to the right. */

/** A value may come from the network: only visible characters of it reach the terminal, and 80 at most. */
export function cellText(value: unknown): string {
  const text = String(value).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

export function tableText(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = rows.map((row) => row.map(cellText));
  const widths = head.map((name, at) => Math.max(name.length, ...cells.map((row) => (row[at] ?? '').length)));
  const isNumber = head.map(
    (_, at) => rows.length > 0 && rows.every((row) => typeof row[at] === 'number' || row[at] === '-'),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (isNumber[at] === true ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  return [line(head), ...cells.map(line)].join('\n');
}

/** `1 h 05 min`, `5 min 03 s`, `12 s`; 0 for what is past. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const two = (n: number): string => String(n).padStart(2, '0');
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3_600)} h ${two(Math.floor(seconds / 60) % 60)} min`;
}
