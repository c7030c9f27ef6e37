/** Checkers that do not judge every world yet hold in worlds without faults. Seen failing with the mutant 'INFOs get lost between threads'. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { checkersOnTrial } from '../../sim/checkers/all.ts';
import { draw } from '../../sim/options.ts';
import { World } from '../../sim/world.ts';

test('worlds without faults', () => {
  for (const seed of [900_001, 900_002, 900_003]) {
    const world = new World({ ...draw(seed, { kinds: [] }), storeMs: [0.1, 1], linkMs: [0.2, 3] });
    world.observers.push(...checkersOnTrial.map((checker) => checker(world)));
    world.run();
    assert.equal(world.violation, undefined, `seed ${seed}`);
  }
});
