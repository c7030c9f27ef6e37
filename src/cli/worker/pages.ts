/**
 * Pages of the entities of a worker, ordered by key. A worker may hold millions: so only keys are gone through, a piece in
 * each turn of the event loop, and only what is on the page is unpacked.
 */
import type { Kind } from '../../../actors/entity.ts';
import type { Partition } from '../../../actors/partition.ts';

export type Listable = Pick<Partition, 'keys' | 'find'>;

/** Of one turn: about a millisecond. */
const keysPerTurn = 8_192;
const viewsPerTurn = 64;

/**
 * The views of the first entities after key `after`, at least `limit` of them if there are so many; all of an entity stay
 * together. What comes or goes meanwhile may be missed.
 *
 * @param turn resolves when others have had their turn
 */
export async function pageOf<View>(
  partitions: readonly Listable[],
  kind: Kind,
  { after, limit }: { readonly after: string; readonly limit: number },
  turn: () => Promise<void>,
): Promise<View[]> {
  const views: View[] = [];
  let last = after;
  let left = limit;
  // Again when too many of the first entities had nothing to show.
  while (left > 0) {
    const first = await firstKeys(partitions, kind, last, left, turn);
    for (const [index, [key, partition]] of first.entries()) {
      if (views.length >= limit) break;
      const listed = partition.find(kind, key);
      if (listed !== undefined) views.push(...(listed.view as readonly View[]));
      last = key;
      if (index % viewsPerTurn === viewsPerTurn - 1) await turn();
    }
    left = first.length < left ? 0 : limit - views.length;
  }
  return views;
}

type Found = readonly [key: string, partition: Listable];

async function firstKeys(
  partitions: readonly Listable[],
  kind: Kind,
  after: string,
  limit: number,
  turn: () => Promise<void>,
): Promise<readonly Found[]> {
  let found: Found[] = [];
  /** Nothing from here on is among the first: '' before that is known. */
  let end = '';
  let seen = 0;
  for (const partition of partitions) {
    for (const key of partition.keys(kind)) {
      seen++;
      if (key <= after || (end !== '' && key >= end)) continue;
      found.push([key, partition]);
      if (found.length < limit * 2 + spare) continue;
      found = found.sort(byKey).slice(0, limit);
      end = found.at(-1)![0];
    }
    if (seen < keysPerTurn) continue;
    seen = 0;
    await turn();
  }
  return found.sort(byKey).slice(0, limit);
}

/** So that short pages are not sorted at every second key. */
const spare = 1_000;

function byKey([left]: Found, [right]: Found): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
