/**
 * Whom partitions copy to, after any order of tables, links and assignments: always what the last table says of those with
 * a link, told once to the worker that holds them.
 * Seen failing with: links that end not told; a thread that begins anew not told what its predecessor knew.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BuddyChoice } from '../../../cluster/buddy/choice.ts';
import { nobody } from '../../../cluster/table.ts';
import type { Table } from '../../../cluster/table.ts';

const partitions = 6;
const ids = ['a', 'b', 'c'];

type Step =
  | { do: 'table'; buddies: number[] }
  | { do: 'up' | 'down'; peer: number }
  | { do: 'assign'; worker: number; partition: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('table' as const),
    buddies: fc.array(fc.constantFrom(0, 1, 2, nobody), { minLength: partitions, maxLength: partitions }),
  }),
  fc.record({ do: fc.constantFrom('up' as const, 'down' as const), peer: fc.nat(2) }),
  fc.record({ do: fc.constant('assign' as const), worker: fc.nat(1), partition: fc.nat(partitions - 1) }),
);

function tableOf(buddies: readonly number[]): Table {
  const members = ids.map((id) => ({ id, incarnation: 1, link: '', workers: 1, draining: false, zone: '' }));
  return {
    epoch: 1,
    nonce: '',
    members,
    owner: new Uint16Array(partitions),
    buddy: Uint16Array.from(buddies),
    moving: new Map(),
    voters: [],
    nextVoters: [],
    jointSince: 0,
  };
}

test('every worker knows the buddies of its partitions, and is told of changes only', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      /** What each thread knows: by worker, then partition. */
      const known = [new Map<number, string>(), new Map<number, string>()];
      const choice = new BuddyChoice((worker, { buddy, partitions: changed }) => {
        for (const partition of changed) {
          assert.notEqual(known[worker]!.get(partition) ?? '', buddy, 'told again');
          known[worker]!.set(partition, buddy);
        }
      });
      const up = new Set<number>();
      const holder = new Map<number, number>();
      let buddies: number[] | undefined;
      for (const each of steps) {
        if (each.do === 'assign') {
          // Another thread, or the same one from the beginning: it knows nothing yet.
          for (const map of known) map.delete(each.partition);
          holder.set(each.partition, each.worker);
          choice.assigned(each.worker, [each.partition]);
        } else if (each.do === 'table') {
          buddies = each.buddies;
          choice.adopt(tableOf(buddies));
        } else if (each.do === 'up') {
          up.add(each.peer);
          choice.peerUp(ids[each.peer]!, 1);
        } else {
          up.delete(each.peer);
          choice.peerDown(ids[each.peer]!, 1);
        }
        for (const [partition, worker] of holder) {
          const buddy = buddies?.[partition] ?? nobody;
          const wanted = buddy !== nobody && up.has(buddy) ? `${ids[buddy]}.1` : '';
          assert.equal(known[worker]!.get(partition) ?? '', wanted);
        }
      }
    }),
  );
});
