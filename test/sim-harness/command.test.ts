/** `carillon sim` as people call it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

function carillon(
  args: readonly string[],
  mutant = '',
): { code: number | null; out: string; error: string; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-sim-'));
  const loader = mutant === '' ? [] : ['--import', join(root, 'sim/mutants/loader.ts')];
  const run = spawnSync(process.execPath, [...loader, join(root, 'src/main.ts'), 'sim', ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, CARILLON_MUTANT: mutant },
  });
  return { code: run.status, out: run.stdout, error: run.stderr, folder };
}

test('one seed: what it was and how long it took; the same trace each time', () => {
  const trace = /trace ([0-9a-f]{8})/;
  const [one, two] = [carillon(['--seed', '3']), carillon(['--seed', '3', '--log', 'full'])];
  assert.equal(one.code, 0, one.out + one.error);
  assert.match(one.out, trace);
  assert.equal(trace.exec(one.out)?.[1], trace.exec(two.out)?.[1]);
  assert.match(two.out, /caller got 200/);
});

test('several seeds as JSON', () => {
  const { code, out } = carillon(['--seeds', '3', '--nodes', '2', '--faults', 'crash', '--seconds', '10', '--json']);
  assert.equal(code, 0, out);
  const told = JSON.parse(out) as Record<string, unknown>;
  assert.equal(told['seeds'], 3);
  assert.equal(told['failed'], false);
});

test('a broken invariant: exit code 1, its number, a ladder of the call, and a file', (t) => {
  const { code, out, folder } = carillon(['--seeds', '5', '--shrink', '8'], 'no gate for calls');
  t.after(() => rmSync(folder, { recursive: true }));
  assert.equal(code, 1, out);
  assert.match(out, /FAILED {2}invariant 30 \(sim\/checkers\/gate\.ts\), seed \d+/);
  assert.match(out, /\|-+ INVITE 1 >\|/);
  const seed = /seed (\d+)/.exec(out)?.[1] ?? '';
  const details = JSON.parse(readFileSync(join(folder, `fail-${seed}.json`), 'utf8')) as Record<
    string,
    Record<string, unknown>
  >;
  assert.equal(details['failure']?.['invariant'], 30);
  assert.ok(Array.isArray(details['shrunk']?.['options'] === undefined ? undefined : []), 'made smaller');
});

test('wrong use is told', () => {
  const { code, error } = carillon(['--faults', 'earthquake']);
  assert.equal(code, 2);
  assert.match(error, /there is no earthquake; there are crash,/);
});
