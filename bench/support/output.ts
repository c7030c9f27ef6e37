/** Results of benchmarks for people (table, page with charts) and for machines (JSON). */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { type Figures, figuresSection } from './figures.ts';
import { escape } from './html.ts';

export interface Sample {
  /**
   * In the unit of the case: server CPU (user and system, all processes) per successful call or registration, or its memory
   * per registration or held call.
   */
  readonly value: number;
  readonly ok: number;
  readonly failed: number;
  readonly retransmissions: number;
  /** First answer that the caller waits for: 180 of a call, 200 of a registration. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly rssBytes: number;
}

export type Unit = 'µs' | 'bytes';

export interface Measured {
  readonly name: string;
  readonly about: string;
  readonly unit: Unit;
  readonly contenders: readonly {
    readonly name: string;
    readonly isReference: boolean;
    readonly samples: readonly Sample[];
  }[];
}

interface Line {
  readonly name: string;
  readonly value: number;
  readonly lowest: number;
  readonly highest: number;
  /** To the reference, 0 without one. */
  readonly ratio: number;
  readonly ok: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly rssMiB: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** The medians of the rounds. */
export function linesOf(measured: Measured): Line[] {
  const reference = measured.contenders.find(({ isReference }) => isReference);
  const base = reference === undefined ? 0 : median(reference.samples.map(({ value }) => value));
  return measured.contenders.map(({ name, samples }) => {
    const of = (field: keyof Sample): number => median(samples.map((sample) => sample[field]));
    const costs = samples.map(({ value }) => value);
    return {
      name,
      value: of('value'),
      lowest: Math.min(...costs),
      highest: Math.max(...costs),
      ratio: base === 0 ? 0 : of('value') / base,
      ok: samples.reduce((sum, { ok }) => sum + ok, 0),
      failed: samples.reduce((sum, { failed }) => sum + failed, 0),
      p50Ms: of('p50Ms'),
      p99Ms: of('p99Ms'),
      rssMiB: of('rssBytes') / 2 ** 20,
    };
  });
}

export function print(measured: Measured): void {
  console.log(`\n${measured.name}: ${measured.about}`);
  console.table(
    Object.fromEntries(
      linesOf(measured).map((line) => [
        line.name,
        {
          [measured.unit === 'µs' ? 'CPU µs each' : `${measured.unit} each`]: Math.round(line.value),
          'from': Math.round(line.lowest),
          'to': Math.round(line.highest),
          'ratio': Number(line.ratio.toFixed(2)),
          'ok': line.ok,
          'failed': line.failed,
          'p50 ms': Number(line.p50Ms.toFixed(2)),
          'p99 ms': Number(line.p99Ms.toFixed(2)),
          'RSS MiB': Math.round(line.rssMiB),
        },
      ]),
    ),
  );
}

/** Writes bench/results/NAME.json for each, and bench/results/index.html of all that lie there. */
export function save(
  all: readonly (Measured | Figures)[],
  run: { readonly rounds: number; readonly share: number },
): void {
  const folder = new URL('../results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const machine = {
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
  };
  for (const measured of all)
    writeFileSync(
      new URL(`${measured.name}.json`, folder),
      `${JSON.stringify({ ...measured, ...('rows' in measured ? {} : { lines: linesOf(measured) }), ...run, machine }, undefined, 2)}\n`,
    );
  const saved = readdirSync(folder).filter((file) => file.endsWith('.json'));
  const results = saved.map((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Saved);
  writeFileSync(new URL('index.html', folder), page(results));
  console.log(`results: ${folder.pathname}index.html`);
}

type Saved = (Measured | Figures) & { readonly machine: Readonly<Record<string, string | number>> };

function page(all: readonly Saved[]): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Carillon: benchmarks</title>
<meta name="viewport" content="width=device-width"><style>
:root{color-scheme:light dark;--bar:#3b7dd8;--reference:#9aa4b2}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h2{margin:2.5rem 0 .2rem}p{margin:.2rem 0 1rem;opacity:.8}
table{border-collapse:collapse;width:100%}td,th{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #8884}
td:first-child,th:first-child{text-align:left}svg text{font:12px system-ui,sans-serif;fill:currentColor}
</style><h1>Carillon: benchmarks</h1><p>Medians; server CPU is user and system time of all its processes, memory what is resident.</p>
${all.map((each) => ('rows' in each ? figuresSection(each) : section(each)) + machineOf(each)).join('\n')}</html>\n`;
}

function machineOf({ machine }: Saved): string {
  return `<p>${escape(
    Object.entries(machine)
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
  )}</p>`;
}

function section(measured: Measured): string {
  const lines = linesOf(measured);
  const most = Math.max(...lines.map(({ highest }) => highest), 1);
  const bars = lines.map((line, index) => {
    const y = index * 34 + 4;
    const width = (value: number): number => Math.round((value / most) * 560);
    const isReference = measured.contenders[index]?.isReference === true;
    return `<text x="0" y="${y + 16}">${escape(line.name)}</text>
<rect x="110" y="${y}" width="${width(line.value)}" height="22" rx="3" fill="var(--${isReference ? 'reference' : 'bar'})"/>
<line x1="${110 + width(line.lowest)}" x2="${110 + width(line.highest)}" y1="${y + 11}" y2="${y + 11}" stroke="currentColor"/>
<text x="${118 + width(line.highest)}" y="${y + 16}">${Math.round(line.value)} ${measured.unit}</text>`;
  });
  const rows = lines.map(
    (line) =>
      `<tr><td>${escape(line.name)}<td>${line.value.toFixed(0)}<td>${line.ratio.toFixed(2)}<td>${line.ok}<td>${line.failed}` +
      `<td>${line.p50Ms.toFixed(2)}<td>${line.p99Ms.toFixed(2)}<td>${line.rssMiB.toFixed(0)}`,
  );
  return `<h2>${escape(measured.name)}</h2><p>${escape(measured.about)}</p>
<svg viewBox="0 0 780 ${lines.length * 34}" width="100%" role="img" aria-label="what each server needs">${bars.join('\n')}</svg>
<table><tr><th>server<th>${measured.unit} each<th>ratio<th>ok<th>failed<th>p50 ms<th>p99 ms<th>RSS MiB</tr>${rows.join('')}</table>`;
}
