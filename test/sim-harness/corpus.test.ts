/**
 * The worlds of sim/corpus.json, then fresh ones until the time is up: each is a cluster with phones and faults that must
 * keep every invariant of sim/checkers. 90 s in all; CARILLON_SIM_SECONDS changes that, CARILLON_SIM_BASE says where the
 * fresh seeds begin: `now` for others in every run.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { readCorpus } from '../../sim/corpus.ts';
import { points } from '../../sim/coverage.ts';
import { investigate, tell } from '../../sim/findings.ts';
import { playNamed } from '../../sim/named.ts';
import { draw } from '../../sim/options.ts';
import type { SimOptions } from '../../sim/options.ts';
import { simulate } from '../../sim/simulate.ts';
import type { SimResult } from '../../sim/simulate.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const endMs = performance.now() + Number(process.env['CARILLON_SIM_SECONDS'] ?? '90') * 1_000;
/** Other seeds after each change of the code, and the same for the same code: a red run stays red until somebody has looked. */
const base = baseOf(process.env['CARILLON_SIM_BASE']);
const shrinkMs = 40_000;

function baseOf(wish: string | undefined): number {
  if (wish === 'now') return Math.floor(Date.now() / 1_000) * 10_000;
  if (wish !== undefined) return Number(wish);
  const hash = createHash('sha256');
  for (const file of globSync('{src,actors,cluster,sim}/**/*.ts', { cwd: root }).toSorted())
    hash.update(readFileSync(join(root, file)));
  return hash.digest().readUInt32BE(0) * 10_000;
}

/** Fails with all that is known of it: smaller, with a ladder, and how to see it again (`play`). */
function held({ failure, options }: Pick<SimResult, 'failure' | 'options'>, play: string): void {
  if (failure === undefined) return;
  const shrunkMs = performance.now() + shrinkMs;
  const findings = investigate(options, failure, { runsMax: 1_000, goOn: () => performance.now() < shrunkMs });
  writeFileSync(join(root, findings.fileName), `${JSON.stringify(findings.file)}\n`);
  assert.fail([...tell(findings, play), `here      npx ${play}`].join('\n'));
}

for (const { name, options } of readCorpus())
  test(`it holds now: ${name}`, () => held(simulate(options), playNamed(name)));

test('every entry of the corpus has a name of its own and says what was wrong', () => {
  const entries = readCorpus();
  assert.equal(new Set(entries.map(({ name }) => name)).size, entries.length);
  for (const { name, fix } of entries) assert.ok(name.length > 5 && fix.length > 20, name);
});

test('fresh seeds', (t) => {
  const startMs = performance.now();
  const reached = new Set<string>();
  let seeds = 0;
  let virtualMs = 0;
  for (; seeds === 0 || performance.now() < endMs; seeds++) {
    const options: SimOptions = draw(base + seeds);
    const result = simulate(options);
    virtualMs += result.virtualMs;
    for (const point of result.reached.keys()) reached.add(point);
    held(result, `carillon sim --seed ${options.seed}`);
  }
  const tookMs = performance.now() - startMs;
  t.diagnostic(
    `${seeds} seeds from CARILLON_SIM_BASE=${base}: ${((seeds * 1_000) / tookMs).toFixed(1)} seeds/s, ${(virtualMs / 3_600_000).toFixed(2)} hours simulated, ${points.filter((point) => reached.has(point)).length} of ${points.length} points reached`,
  );
});
