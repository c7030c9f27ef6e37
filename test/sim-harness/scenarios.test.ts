/**
 * Scenarios after bugs of other projects (sim/scenarios): each keeps every invariant, does to its calls what its judge says
 * and reaches what it is there for. With the mistake put in that the scenario names, it fails.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { mutants } from '../../sim/mutants/list.ts';
import { playNamed } from '../../sim/named.ts';
import { play, scenarios } from '../../sim/scenarios/list.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

for (const scenario of scenarios) {
  test(scenario.name, () => {
    const { problems } = play(scenario);
    const told = [...problems, `${scenario.seenIn.join(' ')}: ${scenario.breaks}`];
    assert.ok(problems.length === 0, [...told, `here      npx ${playNamed(scenario.name)}`].join('\n'));
  });
}

test('names are different and mistakes exist', () => {
  assert.equal(new Set(scenarios.map(({ name }) => name)).size, scenarios.length);
  for (const { mutant } of scenarios)
    if (mutant !== undefined)
      assert.ok(
        mutants.some(({ name }) => name === mutant),
        mutant,
      );
});

for (const { name, mutant } of scenarios) {
  if (mutant === undefined) continue;
  test(`${name}: sees that ${mutant}`, () => {
    const folder = join(root, 'sim/mutants');
    const run = spawnSync(
      process.execPath,
      ['--import', join(folder, 'loader.ts'), join(folder, 'trial.ts'), 'scenarios', name],
      { env: { ...process.env, CARILLON_MUTANT: mutant }, encoding: 'utf8' },
    );
    assert.equal(run.status, 0, run.stderr);
    assert.deepEqual(Object.keys(JSON.parse(run.stdout) as object), [name]);
  });
}
