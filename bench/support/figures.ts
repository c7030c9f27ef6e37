/** Results that are no ratio to another server: named figures of each variant, and how some of them went over time. */
import { escape } from './html.ts';

export interface Figures {
  readonly name: string;
  readonly about: string;
  readonly rows: readonly Row[];
}

export interface Row {
  /** What was measured: a configuration, a number of workers, a store. */
  readonly name: string;
  /** By name with its unit: `p99 ms`. */
  readonly figures: Readonly<Record<string, number>>;
  readonly series?: readonly Series[];
}

export interface Series {
  readonly name: string;
  readonly unit: string;
  /** Seconds since the beginning, and the value. */
  readonly points: readonly (readonly [seconds: number, value: number])[];
}

export function printFigures({ name, about, rows }: Figures): void {
  console.log(`\n${name}: ${about}`);
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.figures)))];
  console.table(
    Object.fromEntries(
      names.map((each) => [each, Object.fromEntries(rows.map((row) => [row.name, row.figures[each]]))]),
    ),
  );
}

export function figuresSection({ name, about, rows }: Figures): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.figures)))];
  const head = rows.map((row) => `<th>${escape(row.name)}`).join('');
  const body = names.map(
    (each) => `<tr><td>${escape(each)}${rows.map((row) => `<td>${text(row.figures[each])}`).join('')}`,
  );
  const charts = rows.flatMap((row) => (row.series ?? []).map((series) => chart(row.name, series)));
  return `<h2>${escape(name)}</h2><p>${escape(about)}</p><table><tr><th>${head}</tr>${body.join('')}</table>${charts.join('')}`;
}

function text(value: number | undefined): string {
  return value === undefined ? '' : value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 2 : 0 });
}

/** A line from 0 to the highest value. */
function chart(row: string, { name, unit, points }: Series): string {
  const last = points.at(-1)?.[0] ?? 1;
  const most = Math.max(...points.map(([, value]) => value), Number.MIN_VALUE);
  const path = points.map(
    ([at, value]) => `${((at / last) * 700).toFixed(1)},${(110 - (value / most) * 100).toFixed(1)}`,
  );
  return `<p>${escape(`${row}: ${name}, up to ${text(most)} ${unit}, ${text(last)} s`)}</p>
<svg viewBox="0 0 700 112" width="100%" role="img" aria-label="${escape(name)}"><polyline fill="none" stroke="var(--bar)" stroke-width="2" points="${path.join(' ')}"/><line x1="0" x2="700" y1="110" y2="110" stroke="currentColor"/></svg>`;
}

/** Of sorted values. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** How much the values of a series change in a second: the line that fits best. */
export function slopeOf(points: readonly (readonly [seconds: number, value: number])[]): number {
  const count = points.length;
  const [middle, mean] = [0, 1].map((at) => points.reduce((sum, point) => sum + point[at]!, 0) / count) as [
    number,
    number,
  ];
  let above = 0;
  let below = 0;
  for (const [seconds, value] of points) {
    above += (seconds - middle) * (value - mean);
    below += (seconds - middle) ** 2;
  }
  return below === 0 ? 0 : above / below;
}
