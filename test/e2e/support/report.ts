/** Results for people (a table) and for programs (JSON in the folder of the run). */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Row = Readonly<Record<string, string | number>>;

/** A new folder under the temporary one, named after the test. */
export function testFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `carillon-${name}-`));
}

export function progress(text: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)} ${text}`);
}

/** Prints the rows and writes them, with `summary`, to `FOLDER/NAME.json`. */
export function report(folder: string, name: string, rows: readonly Row[], summary: Row = {}): void {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (row: Row, column: string): string => String(row[column] ?? '');
  const widths = columns.map((column) => Math.max(column.length, ...rows.map((row) => cell(row, column).length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((text, index) => text.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  console.log(line(columns));
  for (const row of rows) console.log(line(columns.map((column) => cell(row, column))));
  for (const [key, value] of Object.entries(summary)) console.log(`${key}: ${value}`);
  const file = join(folder, `${name}.json`);
  writeFileSync(file, `${JSON.stringify({ name, at: new Date().toISOString(), rows, summary }, null, 2)}\n`);
  console.log(file);
}

/** Of a list that may be empty: then NaN. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
