/**
 * The same seed is the same world: fifty seeds twice in one process, and one seed in two folders, zones and languages. When
 * two runs differ, the first event that does is told. Seen failing with: an id of the server drawn from `Math.random`; the
 * members of a table ordered by `localeCompare`.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { diverge } from '../../sim/divergence.ts';
import { draw } from '../../sim/options.ts';
import { simulate } from '../../sim/simulate.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

test('fifty seeds, each twice', () => {
  for (let seed = 700_000; seed < 700_050; seed++) {
    const found = diverge(draw(seed, { faultSeconds: 8 }));
    assert.equal(found, undefined, `seed ${seed} parts: ${JSON.stringify(found, undefined, 2)}`);
  }
});

test('recording changes nothing', () => {
  for (const seed of [11, 12]) {
    const options = draw(seed, { faultSeconds: 8 });
    assert.equal(simulate(options).trace, simulate(options, true).trace, `seed ${seed}`);
  }
});

test('where two runs part is told', () => {
  const options = draw(5, { faultSeconds: 5 });
  // A world that is not the same the second time: the options are changed between the runs.
  const changing = { ...options, storeMs: [...options.storeMs] as [number, number] };
  const found = diverge(changing, () => (changing.storeMs[1] += 1));
  assert.ok(found !== undefined);
  assert.match(found.was[0], /^event \d+ at \d+\.\d{3} ms of /);
  assert.notEqual(found.was[0], found.was[1]);
});

test('the same trace in another folder, time zone, language and environment', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'carillon elsewhere '));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of ['src', 'actors', 'cluster', 'sim', 'package.json'])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const here = traceOf(root, { TZ: 'UTC', LANG: 'C', LC_ALL: 'C' });
  const there = traceOf(folder, {
    TZ: 'Asia/Kathmandu',
    LANG: 'tr_TR.UTF-8',
    LC_ALL: 'tr_TR.UTF-8',
    SOMETHING: 'else',
  });
  assert.match(here, /^[0-9a-f]{8}$/);
  assert.equal(here, there);
});

function traceOf(folder: string, env: Readonly<Record<string, string>>): string {
  const run = spawnSync(
    process.execPath,
    [join(folder, 'src/main.ts'), 'sim', '--seed', '46', '--json', '--seconds', '8'],
    {
      cwd: folder,
      env: { ...process.env, ...env },
      encoding: 'utf8',
    },
  );
  assert.equal(run.status, 0, run.stdout + run.stderr);
  return (JSON.parse(run.stdout) as { trace: string }).trace;
}
