// Store URLs of Redis, names of keys and their slots. Seen failing with: a password kept in the text; the tag's braces hashed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoreError } from '../../../cluster/store-ports.ts';
import { keysOf, slotOf } from '../../../cluster/stores/redis/keys.ts';
import { readScripts } from '../../../cluster/stores/redis/scripts.ts';
import { parseRedisUrl } from '../../../cluster/stores/redis/url.ts';

test('every form of URL', () => {
  const plain = parseRedisUrl('redis://cache');
  assert.deepEqual(plain, {
    kind: 'server',
    tls: false,
    addresses: [{ host: 'cache', port: 6_379 }],
    username: undefined,
    password: undefined,
    database: 0,
    master: '',
    sentinelPassword: undefined,
    prefix: 'carillon',
    text: 'redis://cache',
  });
  const full = parseRedisUrl('rediss://me:p%40ss:word@[::1]:7000/3?prefix=north');
  assert.deepEqual(
    { ...full },
    {
      ...plain,
      tls: true,
      addresses: [{ host: '::1', port: 7_000 }],
      username: 'me',
      password: 'p@ss:word',
      database: 3,
      prefix: 'north',
      text: 'rediss://[::1]:7000/3',
    },
  );
  const sentinels = parseRedisUrl('redis+sentinel://:x@a,b:5/sip/2?sentinel-password=y');
  assert.deepEqual(sentinels.addresses, [
    { host: 'a', port: 26_379 },
    { host: 'b', port: 5 },
  ]);
  assert.deepEqual(
    [sentinels.kind, sentinels.master, sentinels.database, sentinels.password, sentinels.sentinelPassword],
    ['sentinel', 'sip', 2, 'x', 'y'],
  );
  const nodes = parseRedisUrl('rediss+cluster://a:1,b:2');
  assert.deepEqual([nodes.kind, nodes.tls, nodes.addresses.length], ['cluster', true, 2]);
});

const wrongs = [
  ['redis://', 'no Redis URL'],
  ['redis:host', 'no Redis URL'],
  ['redis://:sesame@a,b', 'several hosts'],
  ['redis://:sesame@a:b:c', 'HOST:PORT'],
  ['redis://:sesame@a:0', 'HOST:PORT'],
  ['redis://:sesame@a:99999', 'HOST:PORT'],
  ['redis://:sesame@a/x', 'number of a database'],
  ['redis://:sesame@a/1/2', 'number of a database'],
  ['redis://:ses%ame@a', 'encodes nothing'],
  ['redis+sentinel://:sesame@a', 'name the master'],
  ['redis+cluster://:sesame@a/1', 'names a database'],
  ['redis://:sesame@a?db=1', 'unknown parameter "db"'],
  ['redis://:sesame@a?prefix=a%20b', 'prefix'],
] as const;

for (const [url, words] of wrongs) {
  test(`refused: ${url}`, () => {
    assert.throws(
      () => parseRedisUrl(url),
      (error) => {
        assert.ok(error instanceof StoreError && error.code === 'unsupported');
        assert.ok(error.message.includes(words), error.message);
        return !error.message.includes('sesame');
      },
    );
  });
}

test('slots are those of the specification, and what one script touches has one', () => {
  // Redis Cluster specification: "123456789" has the checksum 0x31c3.
  assert.equal(slotOf('123456789'), 0x31c3);
  assert.equal(slotOf('{user1000}.following'), slotOf('user1000'));
  assert.equal(slotOf('foo{}{bar}'), slotOf('foo{}{bar}'));
  assert.notEqual(slotOf('foo{}{bar}'), slotOf('bar'));
  assert.equal(slotOf('foo{{bar}}zap'), slotOf('{bar'));
  const keys = keysOf('x');
  const coordination = [keys.lease, keys.members, keys.table, keys.currentVoters, keys.nextVoters, keys.votes('a', 1)];
  assert.equal(new Set([...coordination, keys.schema].map(slotOf)).size, 1);
  assert.equal(slotOf(keys.users), slotOf(keys.aors));
  const slots = new Set<number>();
  for (let partition = 0; partition < 4_096; partition++) {
    assert.equal(slotOf(keys.owner(partition)), slotOf(keys.snapshots(partition)));
    slots.add(slotOf(keys.owner(partition)));
  }
  assert.ok(slots.size > 3_000, `partitions are spread over ${slots.size} slots`);
});

test('scripts are read with the clock in front of those that need it', () => {
  const scripts = readScripts();
  assert.ok(scripts.lease.text.includes("redis.call('TIME')"));
  assert.ok(!scripts.seal.text.includes("redis.call('TIME')"));
  assert.match(scripts.seal.sha, /^[0-9a-f]{40}$/);
});
