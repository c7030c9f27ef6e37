/**
 * What every store must answer, one rule a test, on each adapter. The safety argument of leases, votes and fences rests
 * on these rules; `differential.test.ts` then looks for any other difference.
 *
 * Seen failing with: a vote that kills without looking at the lease; `next` voters ignored; ceil(n/2) made floor(n/2);
 * the owner left out of the fence.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { MemoryStore } from '../../../cluster/stores/memory.ts';
import { SqliteStore } from '../../../cluster/stores/sqlite/store.ts';
import { StoreError } from '../../../cluster/store-ports.ts';
import type { Store } from '../../../cluster/store-ports.ts';
import { limits, profiles } from '../../../src/limits.ts';
import { folder, info } from './folder.ts';

interface Given {
  readonly store: Store;
  readonly time: { ms: number };
}

const adapters: Record<string, (t: TestContext) => Given> = {
  memory() {
    const time = { ms: 1_000_000 };
    return { store: new MemoryStore({ nowMs: () => time.ms }), time };
  },
  sqlite(t) {
    const time = { ms: 1_000_000 };
    const store = new SqliteStore(join(folder(t), 'store.db'), { nowMs: () => time.ms });
    t.after(() => store.close());
    return { store, time };
  },
};

function rule(name: string, body: (given: Given) => void): void {
  for (const [adapter, make] of Object.entries(adapters)) test(`${adapter}: ${name}`, (t) => body(make(t)));
}

const ttl = 3_000;
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** Members with incarnation 1 and live leases, and a table with these voters. */
function cluster({ store }: Given, current: readonly string[], next: readonly string[] = []): void {
  for (const id of new Set([...current, ...next])) assert.equal(store.lease(id, 1, ttl, info).result, 'ok');
  assert.equal(store.casTable(0, '', 1, 'n', bytes('t'), current, next).ok, true);
}

rule('a lease tells the table epoch and the clock, and is renewed', ({ store, time }) => {
  assert.deepEqual(store.lease('a', 5, ttl, info), { result: 'ok', tableEpoch: 0, nowMs: 1_000_000 });
  store.casTable(0, '', 7, 'n', bytes('t'), ['a'], []);
  time.ms += 10;
  assert.deepEqual(store.lease('a', 5, ttl, { ...info, draining: true }), {
    result: 'ok',
    tableEpoch: 7,
    nowMs: 1_000_010,
  });
  assert.deepEqual(store.members(), [
    { id: 'a', incarnation: 5, status: 'draining', leaseUntilMs: 1_003_010, info: { ...info, draining: true } },
  ]);
});

rule('an older incarnation is superseded', ({ store }) => {
  store.lease('a', 5, ttl, info);
  assert.equal(store.lease('a', 4, ttl, info).result, 'superseded');
});

rule('a new incarnation waits until the old one is dead, however long its lease is over', ({ store, time }) => {
  store.lease('a', 1, ttl, info);
  time.ms += 1_000 * ttl;
  assert.equal(store.lease('a', 2, ttl, info).result, 'predecessor-alive');
  assert.equal(store.release('a', 1), true);
  assert.equal(store.lease('a', 1, ttl, info).result, 'dead');
  assert.equal(store.lease('a', 2, ttl, info).result, 'ok');
  assert.equal(store.lease('a', 1, ttl, info).result, 'superseded');
});

rule('release answers true again, and false for any other incarnation', ({ store }) => {
  store.lease('a', 2, ttl, info);
  assert.equal(store.release('a', 1), false);
  assert.equal(store.release('b', 2), false);
  assert.equal(store.release('a', 2), true);
  assert.equal(store.release('a', 2), true);
  assert.deepEqual(
    store.members().map(({ status, leaseUntilMs }) => [status, leaseUntilMs]),
    [['dead', 0]],
  );
});

rule('a live lease cannot be killed by votes', (given) => {
  cluster(given, ['a', 'b', 'c']);
  for (const voter of ['b', 'c', 'b']) assert.equal(given.store.vote('a', 1, voter, given.time.ms), 'noted');
});

rule('an expired lease and half of the voters kill; expired alone is not dead', (given) => {
  cluster(given, ['a', 'b', 'c']);
  given.time.ms += ttl;
  assert.equal(given.store.members()[0]?.status, 'up');
  assert.equal(given.store.vote('a', 1, 'b', given.time.ms), 'noted');
  assert.equal(given.store.vote('a', 1, 'b', given.time.ms), 'noted', 'one voter counts once');
  assert.equal(given.store.vote('a', 1, 'c', given.time.ms), 'dead');
  assert.equal(
    given.store.vote('a', 1, 'c', given.time.ms - 9_999),
    'dead',
    'dead is told whatever the age of the vote',
  );
  assert.equal(given.store.lease('a', 1, ttl, info).result, 'dead');
  assert.equal(given.store.lease('a', 2, ttl, info).result, 'ok');
});

rule('a renewal after the votes saves the member, and the votes run out', (given) => {
  cluster(given, ['a', 'b', 'c']);
  given.time.ms += ttl;
  given.store.vote('a', 1, 'b', given.time.ms);
  assert.equal(given.store.lease('a', 1, ttl, info).result, 'ok');
  assert.equal(given.store.vote('a', 1, 'c', given.time.ms), 'noted');
  given.time.ms += ttl;
  assert.ok(ttl > profiles.default.voteTtlMs);
  assert.equal(given.store.vote('a', 1, 'c', given.time.ms), 'noted', 'the vote of b no longer counts');
});

rule('a vote counts for voteTtl from when it was issued', (given) => {
  cluster(given, ['a', 'b', 'c']);
  given.time.ms += ttl;
  given.store.vote('a', 1, 'b', given.time.ms);
  given.time.ms += profiles.default.voteTtlMs - 1;
  assert.equal(given.store.vote('a', 1, 'c', given.time.ms), 'dead');
});

rule('a delayed vote and a vote from the future are refused', ({ store, time }) => {
  store.lease('a', 1, ttl, info);
  assert.equal(store.vote('a', 1, 'b', time.ms - profiles.default.voteIssueWindowMs), 'noted');
  assert.equal(store.vote('a', 1, 'b', time.ms - profiles.default.voteIssueWindowMs - 1), 'too-old');
  assert.equal(store.vote('a', 1, 'b', time.ms + profiles.default.voteIssueWindowMs), 'noted');
  assert.equal(store.vote('a', 1, 'b', time.ms + profiles.default.voteIssueWindowMs + 1), 'too-old');
});

rule('a vote for another incarnation does not touch this one', (given) => {
  cluster(given, ['a', 'b']);
  given.time.ms += ttl;
  assert.equal(given.store.vote('a', 2, 'b', given.time.ms), 'stale-incarnation');
  assert.equal(given.store.vote('z', 1, 'b', given.time.ms), 'stale-incarnation');
  given.store.release('a', 1);
  given.store.lease('a', 2, 0, info);
  assert.equal(given.store.vote('a', 1, 'b', given.time.ms), 'stale-incarnation');
  assert.equal(given.store.members()[0]?.status, 'up');
});

rule('with joint voter sets half of both is needed', (given) => {
  cluster(given, ['a', 'b', 'c'], ['a', 'd', 'e', 'f']);
  given.time.ms += ttl;
  const vote = (voter: string): string => given.store.vote('a', 1, voter, given.time.ms);
  assert.deepEqual(['b', 'c', 'd', 'e'].map(vote), ['noted', 'noted', 'noted', 'dead']);
});

rule('without a table nobody dies', ({ store, time }) => {
  store.lease('a', 1, 0, info);
  time.ms += 1;
  assert.equal(store.vote('a', 1, 'b', time.ms), 'noted');
  assert.equal(store.members()[0]?.status, 'up');
});

rule('the table is replaced only by who knows epoch and nonce', ({ store }) => {
  assert.equal(store.readTable(), undefined);
  assert.deepEqual(store.casTable(1, '', 2, 'x', bytes('no'), [], []), { ok: false, epoch: 0, nonce: '' });
  assert.deepEqual(store.casTable(0, '', 2, 'x', bytes('yes'), ['a'], []), { ok: true, epoch: 2, nonce: 'x' });
  assert.deepEqual(store.casTable(2, 'y', 3, 'z', bytes('no'), [], []), { ok: false, epoch: 2, nonce: 'x' });
  assert.deepEqual(store.casTable(0, '', 3, 'z', bytes('no'), [], []), { ok: false, epoch: 2, nonce: 'x' });
  assert.deepEqual(store.readTable(), { epoch: 2, nonce: 'x', bytes: bytes('yes') });
});

rule('seal takes a partition with a higher epoch only', ({ store }) => {
  const big = 2 ** 33 * 2 ** 19;
  assert.deepEqual(store.seal([7, 8], 10, 'a.1'), [0, 0]);
  assert.deepEqual(store.seal([7, 8, 9], 10, 'b.1'), [10, 10, 0]);
  assert.deepEqual(store.seal([7], 9, 'b.1'), [10]);
  assert.deepEqual(store.seal([8], big, 'b.1'), [0]);
  assert.deepEqual(store.owners([8, 7, 6]), [
    { epoch: big, owner: 'b.1' },
    { epoch: 10, owner: 'a.1' },
    { epoch: 0, owner: '' },
  ]);
});

rule('a write needs epoch and owner of the last seal', ({ store }) => {
  const rows = [['k', bytes('v')]] as const;
  assert.deepEqual(store.write(1, 0, '', rows), { fencedBy: 0 }, 'never sealed: nobody may write');
  store.seal([1], 5, 'a.1');
  assert.equal(store.write(1, 5, 'a.1', rows), 'ok');
  assert.deepEqual(store.write(1, 5, 'b.1', rows), { fencedBy: 5 });
  assert.deepEqual(store.write(1, 6, 'a.1', rows), { fencedBy: 5 });
  store.seal([1], 6, 'b.1');
  assert.deepEqual(store.write(1, 5, 'a.1', [['k', null]]), { fencedBy: 6 });
  const [row] = store.load([1]);
  assert.deepEqual({ ...row, value: new Uint8Array(row!.value) }, { partition: 1, key: 'k', value: bytes('v') });
});

rule('in a group commit each batch is fenced for itself and a refused one changes nothing', ({ store }) => {
  store.seal([1, 2], 5, 'a.1');
  store.seal([3], 9, 'b.1');
  const batch = (partition: number, key: string) => ({
    partition,
    epoch: 5,
    owner: 'a.1',
    rows: [[key, bytes(key)]] as const,
  });
  for (const durable of [false, true]) {
    assert.deepEqual(store.writeBatch([batch(1, 'x'), batch(3, 'no'), batch(2, 'y'), batch(1, 'z')], durable), [
      'ok',
      { fencedBy: 9 },
      'ok',
      'ok',
    ]);
  }
  assert.deepEqual(
    store.load([3, 2, 1]).map(({ partition, key }) => `${partition}${key}`),
    ['2y', '1x', '1z'],
  );
});

rule('a row that is too large refuses the write before anything is written', ({ store }) => {
  store.seal([1], 1, 'a.1');
  const large = new Uint8Array(limits.snapshotBytesMax + 1);
  const tooLarge = (error: unknown): boolean => error instanceof StoreError && error.code === 'too-large';
  assert.throws(
    () =>
      store.write(1, 1, 'a.1', [
        ['ok', bytes('v')],
        ['large', large],
      ]),
    tooLarge,
  );
  assert.throws(() => store.write(1, 1, 'a.1', [['k'.repeat(limits.snapshotKeyCharsMax + 1), null]]), tooLarge);
  assert.deepEqual(store.load([1]), []);
  assert.equal(store.write(1, 1, 'a.1', [['large', large.subarray(1)]]), 'ok');
});

rule('a stored value does not change with the caller’s buffer', ({ store }) => {
  const value = Buffer.from('before');
  store.seal([1], 1, 'a.1');
  store.write(1, 1, 'a.1', [['k', value]]);
  value.fill('x');
  assert.deepEqual(new Uint8Array(store.load([1])[0]!.value), bytes('before'));
});

rule('users are replaced, keep their day of creation, and come in pages', ({ store, time }) => {
  const user = (aor: string, realm = 'r') => ({ aor, realm, ha1Md5: 'm', ha1Sha256: 's' });
  store.putUsers(['sip:c@x', 'sip:a@x', 'sip:b@x'].map((aor) => user(aor)));
  time.ms += 5;
  store.putUser(user('sip:b@x', 'other'));
  assert.deepEqual(store.user('sip:b@x'), { ...user('sip:b@x', 'other'), createdMs: 1_000_000 });
  assert.equal(store.user('sip:z@x'), undefined);
  const page = (after: string, limit: number): string[] => store.users(after, limit).map(({ aor }) => aor);
  assert.deepEqual(page('', 2), ['sip:a@x', 'sip:b@x']);
  assert.deepEqual(page('sip:b@x', 2), ['sip:c@x']);
  assert.equal(store.removeUser('sip:b@x'), true);
  assert.equal(store.removeUser('sip:b@x'), false);
  assert.deepEqual(page('', 9), ['sip:a@x', 'sip:c@x']);
});

rule('after close every operation says so', ({ store }) => {
  store.close();
  for (const call of [() => store.nowMs(), () => store.members(), () => store.release('a', 1), () => store.load([1])]) {
    assert.throws(call, (error) => error instanceof StoreError && error.code === 'closed');
  }
});
