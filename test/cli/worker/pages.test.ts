// Pages of a worker's entities against a list that is sorted as a whole. Seen failing with: the next round begun anew at the
// first key, and the end of what may be among the first taken before sorting.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Listable, pageOf } from '../../../src/cli/worker/pages.ts';

/** Each entity shows so many entries of its key. */
function partitionOf(entities: ReadonlyMap<string, number>): Listable {
  return {
    keys: () => entities.keys(),
    find: (_kind, key) => {
      const count = entities.get(key);
      const view = Array.from({ length: count ?? 0 }, () => key);
      return count === undefined ? undefined : { key, description: '', view };
    },
  };
}

const key = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1'), maxLength: 4 });
const count = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 3 }) },
);

test('pages one after the other have every entry once, in order, as many as fit', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(key, fc.tuple(count, fc.nat(3)), { maxKeys: 60 }),
      fc.integer({ min: 1, max: 9 }),
      async (all, limit) => {
        const entries = Object.entries(all).filter(([name]) => name !== '');
        const partitions = [0, 1, 2, 3].map((number) =>
          partitionOf(new Map(entries.filter(([, [, at]]) => at === number).map(([name, [shows]]) => [name, shows]))),
        );
        const wanted = entries.flatMap(([name, [shows]]) => Array.from({ length: shows }, () => name)).sort();
        const seen: string[] = [];
        for (let after = ''; ;) {
          const page = await pageOf<string>(partitions, 'aor', { after, limit }, async () => {});
          seen.push(...page);
          if (page.length < limit) break;
          // Never more than the last entity needs.
          assert(page.length - limit < page.filter((each) => each === page.at(-1)).length);
          after = page.at(-1)!;
        }
        assert.deepEqual(seen, wanted);
      },
    ),
  );
});

test('of very many keys the first are found, with turns for others in between', async () => {
  const partitions = Array.from({ length: 16 }, (_, number) =>
    partitionOf(
      new Map(Array.from({ length: 2_000 }, (_each, index) => [`k${(index * 7_919 + number) % 100_003}`, 1])),
    ),
  );
  const all = [...new Set(partitions.flatMap((each) => [...each.keys('aor')]))].sort();
  let turns = 0;
  const page = await pageOf<string>(partitions, 'aor', { after: '', limit: 100 }, async () => void turns++);
  assert.deepEqual([...new Set(page)], all.slice(0, new Set(page).size));
  assert(page.length >= 100 && turns >= 3, `${page.length} entries, ${turns} turns`);
});
