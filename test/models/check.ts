/**
 * A model and its proof: the property must hold for production, and must not hold for each copy of production with one of
 * the mistakes in it, or it sees nothing.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { withMistake } from './mistaken.ts';
import type { Mistake } from './mistaken.ts';

/** What every model module exports. */
interface ModelModule {
  model(): fc.IRawProperty<unknown>;
}

/** Fixed, so that a mistake found once is found always. */
const seed = 3261;

/**
 * @param name of the module in this folder
 * @param runs for production; a mistake gets `mistakenRuns`, and most need a handful
 */
export function checkModel(name: string, mistakes: readonly Mistake[], runs = 200, mistakenRuns = 1_000): void {
  test(`${name} keeps to its model`, async () => {
    const { model } = (await import(`./${name}.ts`)) as ModelModule;
    await fc.assert(model(), { numRuns: runs });
  });
  for (const mistake of mistakes) {
    test(`${name}: '${mistake.instead}' instead of '${mistake.line}' is seen`, async () => {
      const { model } = await withMistake<ModelModule>(`test/models/${name}.ts`, mistake);
      const details = await fc.check(model(), { numRuns: mistakenRuns, seed, endOnFailure: true });
      assert(details.failed, 'the model does not see it');
    });
  }
}
