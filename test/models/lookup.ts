/**
 * What waits for the answer of somebody else: names of hosts (AddressBook) and records of users (StoreDirectory). Questions,
 * answers and failures in any order that fast-check draws, with a clock that goes on in between.
 *
 * Invariants: everybody who asked for a name hears once, of what was found for that name; one question at a time for one
 * name; what is known is not asked for again while it is good; after the answer the record is known, and
 * who waited for it is told.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { StoreDirectory } from '../../cluster/directory.ts';
import type { SnapshotAccess } from '../../cluster/store-access.ts';
import { StoreError } from '../../cluster/store-ports.ts';
import { AddressBook } from '../../src/io/dns.ts';
import { limits } from '../../src/limits.ts';
import { Order } from './order.ts';

const names = ['one.test', 'two.test'];
const name = fc.constantFrom(...names);
const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('look up' as const), name }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('record' as const), name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), name }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(500, 5_000, 11_000, 61_000) }),
  },
);

export function model(): fc.IRawProperty<unknown> {
  const events = fc.array(event, { maxLength: 24, size: 'max' });
  const fates = fc.array(fc.constantFrom('found', 'found', 'failed'), { maxLength: 8 });
  return fc.asyncProperty(fc.scheduler(), events, fates, async (scheduler, drawn, outcomes) => {
    const order = new Order(scheduler);
    let nowMs = 0;
    let questions = 0;
    const clock = { monotonicMs: () => nowMs, clusterMs: () => nowMs };
    const fate = (): string => outcomes[questions++ % Math.max(1, outcomes.length)] ?? 'found';
    /** Names that are being asked for, and until when what was found of them is good. */
    const asking = new Set<string>();
    const goodUntil = new Map<string, number>();
    const ask = (what: string, done: (failed: boolean) => void, goodMs: (failed: boolean) => number): void => {
      assert(!asking.has(what), 'asked twice at a time');
      assert(nowMs >= (goodUntil.get(what) ?? 0), 'asked for what is known');
      asking.add(what);
      const failed = fate() === 'failed';
      order.later(`answer to ${what}`, () => {
        asking.delete(what);
        goodUntil.set(what, nowMs + goodMs(failed));
        done(failed);
      });
    };
    const book = new AddressBook(clock, (host, _family, done) =>
      ask(
        host,
        (failed) => done(failed, failed ? [] : [{ address: `of ${host}`, ttl: 20 }]),
        (failed) => (failed ? limits.dnsNegativeSeconds : 20) * 1_000,
      ),
    );
    const told: string[] = [];
    const user = (aor: string, done: (...reply: never[]) => void): void => {
      const answer = done as (error: StoreError | undefined, record: unknown) => void;
      ask(
        `sip:${aor}`,
        (failed) => (failed ? answer(new StoreError('io', 'away'), undefined) : answer(undefined, { aor })),
        (failed) => (failed ? 0 : limits.userCacheMs),
      );
    };
    const directory = new StoreDirectory({ user } as unknown as SnapshotAccess, clock, { write: () => {} }, (aor) => {
      told.push(aor);
      assert.deepEqual(directory.record(aor), { aor }, 'told of a record that is not there');
    });
    const heard = new Map<number, readonly string[]>();
    drawn.forEach((each, index) =>
      order.later(each.do, () => {
        if (each.do === 'wait') nowMs += each.ms;
        else if (each.do === 'forget') {
          directory.forget(each.name);
          goodUntil.delete(`sip:${each.name}`);
        } else if (each.do === 'look up')
          book.lookup(each.name, 4, (addresses) => {
            assert(!heard.has(index), 'heard twice');
            assert(
              addresses.every((address) => address === `of ${each.name}`),
              'of another name',
            );
            heard.set(index, addresses);
          });
        else {
          const record = directory.record(each.name);
          assert(record === 'loading' || (record as { aor: string }).aor === each.name);
          if (record === 'loading') assert(asking.has(`sip:${each.name}`), 'loading, and nobody asks');
        }
      }),
    );
    await order.run();
    drawn.forEach((each, index) => assert(each.do !== 'look up' || heard.has(index), 'never heard'));
    assert.equal(asking.size, 0);
  });
}
