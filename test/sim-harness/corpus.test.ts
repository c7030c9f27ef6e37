/**
 * The seeds of sim/corpus.json, forty others that are always the same, so that a failure is that of the change, and with
 * CARILLON_SIM_SECONDS fresh ones for so long: each is a cluster with phones and faults that must keep every invariant of
 * sim/checkers.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { TestContext } from 'node:test';
import { readCorpus } from '../../sim/corpus.ts';
import { draw } from '../../sim/options.ts';
import type { SimOptions } from '../../sim/options.ts';
import { simulate } from '../../sim/simulate.ts';
import type { SimResult } from '../../sim/simulate.ts';

const seconds = Number(process.env['CARILLON_SIM_SECONDS'] ?? '0');

function held(result: SimResult): void {
  const { failure, options } = result;
  if (failure === undefined) return;
  assert.fail(
    `seed ${options.seed}: invariant ${failure.invariant} (${failure.checker}) at ${failure.atMs.toFixed(0)} ms: ${failure.message} ${failure.callId}\n` +
      `carillon sim --seed ${options.seed} --log full`,
  );
}

test('seeds that failed once hold now', () => {
  for (const { seed } of readCorpus()) held(simulate(draw(seed)));
});

test('the same seed is the same world', () => {
  for (const seed of [11, 12, 13])
    assert.equal(simulate(draw(seed)).trace, simulate(draw(seed), true).trace, `seed ${seed}`);
});

test('forty seeds, always the same', (t) => run(t, draws(800_000, 40)));

if (seconds > 0)
  test(`fresh seeds for ${seconds} s`, (t) => {
    const endMs = performance.now() + seconds * 1_000;
    // Other seeds every day, the same ones all day long.
    const first = 1_000_000 + (Math.floor(Date.now() / 86_400_000) % 10_000) * 10_000;
    run(
      t,
      draws(first, Number.POSITIVE_INFINITY, () => performance.now() < endMs),
    );
  });

function* draws(first: number, count: number, goOn = (): boolean => true): Generator<SimOptions> {
  for (let ran = 0; ran < count && goOn(); ran++) yield draw(first + ran);
}

function run(t: TestContext, worlds: Iterable<SimOptions>): void {
  let ran = 0;
  let virtualMs = 0;
  for (const options of worlds) {
    const result = simulate(options);
    ran += 1;
    virtualMs += result.virtualMs;
    held(result);
  }
  assert.ok(ran > 0, 'at least one seed was run');
  t.diagnostic(`${ran} seeds, ${(virtualMs / 60_000).toFixed(0)} minutes simulated`);
}
