/**
 * One at first, twice as many after every so many times, never more than may be.
 * Seen failing with: doubled from the first time on; no bound.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Ramp } from '../../cluster/ramp.ts';

test('it doubles after every so many times, up to its bound', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 100 }), (timesEach, most) => {
      const ramp = new Ramp(timesEach);
      for (let expected = 1; expected < 4 * most; expected *= 2) {
        for (let time = 0; time < timesEach; time++, ramp.times++)
          assert.equal(ramp.room(most), Math.min(expected, most));
      }
      ramp.times = 0;
      assert.equal(ramp.room(most), 1);
    }),
    { numRuns: 30 },
  );
});
