/** `carillon sim` as people call it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

/** A mutant. */
const forgetful = 'the next owner keeps no no-answer time';
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
  const { code, out, folder } = carillon(
    ['--seeds', '5', '--shrink', '5', '--jobs', '2', '--report', 'out.html'],
    'no gate for calls',
  );
  t.after(() => rmSync(folder, { recursive: true }));
  assert.equal(code, 1, out);
  assert.match(out, /FAILED {2}invariant 30 \(sim\/checkers\/gate\.ts\), seed \d+/);
  assert.match(out, /expected {2}nothing leaves before/);
  assert.match(out, /\|-+ INVITE 1 >\|/);
  const seed = /seed (\d+)/.exec(out)?.[1] ?? '';
  const details = JSON.parse(readFileSync(join(folder, `fail-${seed}.json`), 'utf8')) as Record<
    string,
    Record<string, unknown>
  >;
  assert.equal(details['failure']?.['invariant'], 30);
  const shrunk = details['shrunk']?.['options'] as Record<string, readonly unknown[]>;
  const whole = details['options'] as Record<string, readonly unknown[]>;
  assert.ok(shrunk['calls']!.length < whole['calls']!.length, 'made smaller');
  assert.match(readFileSync(join(folder, 'out.html'), 'utf8'), /invariant 30 broken/);

  const again = carillon(['--replay', join(folder, `fail-${seed}.json`)], 'no gate for calls');
  assert.equal(again.code, 1, again.out);
  assert.match(again.out, /the same trace as in the file/);
  assert.match(again.out, /FAILED {2}invariant 30/);
  const mended = carillon(['--replay', join(folder, `fail-${seed}.json`)]);
  assert.equal(mended.code, 0, mended.out);
  assert.match(mended.out, /the code has changed since\nevery invariant held/);
});

test('a world by its name: of the corpus, or a scenario with what it asks of its calls', (t) => {
  const [scenario, several, none] = [
    carillon(['--world', 'CANCEL on another node']),
    carillon(['--world', 'a']),
    carillon(['--world', 'no such world']),
  ];
  assert.equal(scenario.code, 0, scenario.out + scenario.error);
  assert.match(scenario.out, /every invariant held/);
  assert.equal(several.code, 2);
  assert.match(several.error, /worlds have a in their names/);
  assert.equal(none.code, 2);
  const broken = carillon(['--world', 'a 503 forgets its transaction, while', '--shrink', '1'], forgetful);
  t.after(() => rmSync(broken.folder, { recursive: true }));
  assert.equal(broken.code, 1, broken.out + broken.error);
  assert.match(broken.out, /FAILED {2}invariant 9/);
  assert.match(
    broken.out,
    /whole {5}carillon sim --world 'a 503 forgets its transaction, while partitions are handed over' --log full/,
  );
});

test('several threads find the same as one', () => {
  const args = ['--seeds', '4', '--from', '30', '--nodes', '2', '--seconds', '5', '--json'];
  const [one, two] = [carillon([...args, '--jobs', '1']), carillon([...args, '--jobs', '3'])];
  const told = [one, two].map(({ out }) => {
    const {
      tookMs: _tookMs,
      reached,
      ...rest
    } = JSON.parse(out) as { tookMs: number; reached: Record<string, number> };
    return { ...rest, reached: Object.entries(reached).toSorted(([a], [b]) => (a < b ? -1 : 1)) };
  });
  assert.deepEqual(told[0], told[1]);
});

test('a point that was not reached is a failure when that is asked for', () => {
  const { code, out } = carillon([
    '--seeds',
    '2',
    '--nodes',
    '1',
    '--faults',
    'none',
    '--seconds',
    '2',
    '--all-points',
  ]);
  assert.equal(code, 1);
  assert.match(out, /; not: .*takeover while ringing/);
});

test('wrong use is told', () => {
  const { code, error } = carillon(['--faults', 'earthquake']);
  assert.equal(code, 2);
  assert.match(error, /there is no earthquake; there are crash,/);
  assert.equal(carillon(['--replay', 'none.json']).code, 2);
  assert.equal(carillon(['--seeds', '0']).code, 2);
});
