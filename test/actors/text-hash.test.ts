/**
 * Texts that meet in one place of a table do so for one process only: nobody who does not know its secret can choose them.
 * Seen failing with: a seed that is not used.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hashSeedOf, textHash } from '../../actors/text-hash.ts';

const places = 1_024;

test('texts that meet under one seed are apart under another', () => {
  const octets = fc.uint8Array({ minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(octets, octets, fc.nat(1_000_000), (one, other, from) => {
      const [seed, elsewhere] = [hashSeedOf(one), hashSeedOf(other)];
      fc.pre(seed !== elsewhere);
      const chosen: string[] = [];
      for (let number = from; chosen.length < 64; number++) {
        const text = `call-${number}@example.test`;
        if ((textHash(text, seed) & (places - 1)) === 7) chosen.push(text);
      }
      const used = new Set(chosen.map((text) => textHash(text, elsewhere) & (places - 1)));
      // 62 in the mean; 54 or fewer once in 10^5 times.
      assert(used.size > 32, `${used.size} places for ${chosen.length} texts`);
    }),
    { numRuns: 20 },
  );
});
