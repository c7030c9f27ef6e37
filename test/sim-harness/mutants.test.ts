/**
 * Mistakes on purpose (sim/mutants/list.ts): every line to be broken is still there, once; a few of them, those that every
 * second world meets, are put in and must be seen. All of them: `node sim/mutants/run.ts`.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { mutants } from '../../sim/mutants/list.ts';
import { scenarios } from '../../sim/scenarios/list.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

test('the line of every mutant is in its file, once', () => {
  for (const { name, file, line } of mutants)
    assert.equal(readFileSync(join(root, file), 'utf8').split(line).length - 1, 1, `${name}: ${file}`);
});

test('every scenario that a mutant names is there', () => {
  for (const { name, scenario } of mutants)
    if (scenario !== undefined)
      assert.ok(
        scenarios.some((each) => each.name === scenario),
        `${name}: ${scenario}`,
      );
});

test('names are different', () => {
  assert.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length);
});

test('mistakes that every second world meets are seen', () => {
  for (const name of [
    'no gate for calls',
    'repetitions come five times as often',
    'a vote kills in spite of the lease',
  ]) {
    const args = ['--seeds', '30', '--seconds', '30', '--series', '1', '--jobs', '1'];
    const run = spawnSync(process.execPath, [join(root, 'sim/mutants/run.ts'), name, ...args], { encoding: 'utf8' });
    assert.equal(run.status, 0, `${run.stdout}${run.stderr}`);
  }
});
