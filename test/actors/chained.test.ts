/**
 * Things by their keys, against a Map.
 * Seen failing with: a chain cut off when one of its middle is taken out; chains that stay where they were when the table grows.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Chained } from '../../actors/chained.ts';

class Thing {
  readonly key: string;
  nextOfChain: this | undefined = undefined;

  constructor(key: string) {
    this.key = key;
  }
}

const step = fc.record({ isThere: fc.boolean(), key: fc.nat(60) });

test('what is in it is found, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const chained = new Chained<Thing>(1);
      const model = new Map<string, Thing>();
      for (const { isThere, key: number } of steps) {
        const key = `sip:u${number}@example.test`;
        const known = model.get(key);
        assert.equal(chained.get(key), known);
        if (isThere && known === undefined) {
          const thing = new Thing(key);
          chained.add(thing);
          model.set(key, thing);
        } else if (!isThere && known !== undefined) {
          chained.delete(known);
          model.delete(key);
          assert.equal(known.nextOfChain, undefined);
        }
        assert.equal(chained.size, model.size);
      }
      assert.deepEqual(new Set(chained.values()), new Set(model.values()));
      for (const thing of chained.values()) chained.delete(thing);
      assert.equal(chained.size, 0);
      for (const thing of model.values()) chained.add(thing);
      chained.clear();
      assert.deepEqual([...chained.values()], []);
    }),
  );
});
