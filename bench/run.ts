/**
 * `npm run bench [-- NAME...] [--rounds N] [--share S]`: server CPU per call and per registration, beside Kamailio in the same
 * run and in turns, since machines are noisy and only a ratio of neighbours means something. Writes bench/results.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { cases, type Case, type FigureCase } from './cases.ts';
import { measureConnections } from './connections.ts';
import { measureFailover } from './failover.ts';
import { measureRate } from './highest.ts';
import { measureLoad } from './load.ts';
import { measureMemory } from './memory.ts';
import { measureMillions } from './millions.ts';
import { measureSteady } from './steady.ts';
import { type Figures, printFigures } from './support/figures.ts';
import type { Run } from './support/case-run.ts';
import { print, save, type Measured } from './support/output.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    /** Of each round's length, for a quick look. */
    share: { type: 'string', default: '1' },
    /** Calls a second of the cases that would first find out the highest rate. */
    rate: { type: 'string', default: '0' },
    /** Ports from here on, 100 for each server. */
    port: { type: 'string', default: '24000' },
    keep: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

if (values.list) {
  for (const each of cases) console.log(`${each.name.padEnd(16)} ${each.about}`);
  process.exit(0);
}
const unknown = positionals.filter((name) => !cases.some((each) => each.name === name));
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(', ')}: choose of ${cases.map((each) => each.name).join(', ')}`);
  process.exit(64);
}
const wanted = positionals.length === 0 ? cases : cases.filter((each) => positionals.includes(each.name));
const rounds = Number(values.rounds);
const share = Number(values.share);
const folder = mkdtempSync(`${tmpdir()}/carillon-bench-`);
const measured: (Measured | Figures)[] = [];
let port = Number(values.port) - 100;
for (const each of wanted) measured.push(await measure(each));
save(measured, { rounds, share });
if (!values.keep) rmSync(folder, { recursive: true, force: true });
else console.log(`kept: ${folder}`);

async function measure(each: Case): Promise<Measured | Figures> {
  const room = `${folder}/${each.name}`;
  mkdirSync(room);
  const run = {
    folder: room,
    rounds,
    share,
    rate: Number(values.rate),
    progress,
    nextPort: () => (port += 100),
  };
  if (each.kind === 'load' || each.kind === 'memory') {
    const compared = each.kind === 'load' ? await measureLoad(each, run) : await measureMemory(each, run);
    progress('');
    print(compared);
    return compared;
  }
  const figures = await figuresOf(each, run);
  progress('');
  printFigures(figures);
  return figures;
}

function figuresOf(each: FigureCase, run: Run): Promise<Figures> {
  switch (each.kind) {
    case 'steady':
      return measureSteady(each, run);
    case 'rate':
      return measureRate(each, run);
    case 'connections':
      return measureConnections(each, run);
    case 'failover':
      return measureFailover(each, run);
    case 'millions':
      return measureMillions(each, run);
  }
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${text}\u001B[K`);
  else if (text !== '') console.error(text);
}
