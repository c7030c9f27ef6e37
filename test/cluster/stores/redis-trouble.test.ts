/**
 * The Redis store when things go wrong: zombies, silence, restarts, wipes, replicas. Real redis-server processes.
 *
 * Seen failing with: the number of a write left out of the script; WAIT left out of a pipeline; the repeat on NOSCRIPT
 * left out; a lost seal not made again; a silence of 10 s.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { StoreError } from '../../../cluster/store-ports.ts';
import type { StoreErrorCode } from '../../../cluster/store-ports.ts';
import { StoreClient } from '../../../cluster/stores/client.ts';
import { StoreServer } from '../../../cluster/stores/server.ts';
import { openRedisStore, redisSchema } from '../../../cluster/stores/redis/store.ts';
import { limits, profiles } from '../../../src/limits.ts';
import { info } from './folder.ts';
import { proxyTo } from './redis-proxy.ts';
import { freePort, openAsked, pause, redisMissing, redisServer } from './redis-server.ts';
import type { Asked, RedisServer } from './redis-server.ts';

const options = { skip: redisMissing, timeout: 60_000 };

function code(...expected: StoreErrorCode[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof StoreError, String(error));
    assert.ok(expected.includes(error.code), `${error.code}: ${error.message}`);
    assert.ok(!error.message.includes('sesame'), 'a password is not repeated');
    return true;
  };
}

const row = (key: string, value: string): [string, Buffer] => [key, Buffer.from(value)];

async function valueOf(store: Asked, partition: number, key: string): Promise<string | undefined> {
  const found = (await store.load([partition])).find((one) => one.key === key);
  return found && Buffer.from(found.value).toString();
}

/** Until `attempt` succeeds; its errors meanwhile must be of these. */
async function eventually<T>(attempt: () => Promise<T>, ...errors: StoreErrorCode[]): Promise<T> {
  for (let tries = 0; tries < 400; tries++) {
    try {
      return await attempt();
    } catch (error) {
      code(...errors)(error);
    }
    await pause(20);
  }
  throw new Error('it did not come back');
}

test('a zombie cannot write, whatever it believes', options, async (t) => {
  const server = await redisServer(t);
  const [zombie, heir] = [await openAsked(t, server.url), await openAsked(t, server.url)];
  assert.deepEqual(await zombie.seal([1], 5, 'a.1'), [0]);
  assert.equal(await zombie.write(1, 5, 'a.1', [row('k', 'old')]), 'ok');
  assert.deepEqual(await heir.seal([1], 6, 'b.1'), [0]);
  assert.equal(await heir.write(1, 6, 'b.1', [row('k', 'new')]), 'ok');
  assert.deepEqual(await zombie.write(1, 5, 'a.1', [row('k', 'zombie')]), { fencedBy: 6 });
  assert.deepEqual(await zombie.seal([1], 6, 'a.1'), [6]);
  assert.equal(await valueOf(heir, 1, 'k'), 'new');
});

test('many partitions are one commit, each fenced for itself', options, async (t) => {
  const server = await redisServer(t);
  const store = await openAsked(t, server.url);
  const partitions = Array.from({ length: 1_365 }, (_, i) => i);
  assert.ok((await store.seal(partitions, 9, 'a.1')).every((refusal) => refusal === 0));
  await store.seal([77], 10, 'b.1');
  const batches = partitions.map((partition) => ({
    partition,
    epoch: 9,
    owner: 'a.1',
    rows: [row('k', `${partition}`)],
  }));
  const outcomes = await store.commit(batches);
  assert.deepEqual(
    outcomes.map((outcome, i) => (outcome === 'ok' ? 'ok' : [i, outcome])).filter((one) => one !== 'ok'),
    [[77, { fencedBy: 10 }]],
  );
  assert.equal((await store.load(partitions)).length, 1_364);
});

test('silence is an error in bounded time, and the connection is given up', options, async (t) => {
  const server = await redisServer(t);
  const store = await openAsked(t, server.url);
  await store.seal([1], 1, 'a.1');
  server.signal('SIGSTOP');
  const from = performance.now();
  await assert.rejects(store.lease('a', 1, 3_000, info), code('unreachable'));
  const [outcome] = await store.commit([{ partition: 1, epoch: 1, owner: 'a.1', rows: [row('k', 'v')] }]);
  code('unreachable')(outcome);
  await assert.rejects(store.members(), code('unreachable'));
  assert.ok(performance.now() - from < profiles.default.leaseTtlMs, `${performance.now() - from} ms`);
  server.signal('SIGCONT');
  assert.equal((await eventually(() => store.lease('a', 1, 3_000, info), 'unreachable')).result, 'ok');
  assert.equal(await eventually(() => store.write(1, 1, 'a.1', [row('k', 'w')]), 'unreachable'), 'ok');
  assert.equal(await valueOf(store, 1, 'k'), 'w');
});

test('a slow Redis answers late, and what waits meanwhile is one commit', options, async (t) => {
  const server = await redisServer(t);
  const served = new StoreServer(await openRedisStore(server.url));
  const { port1, port2 } = new MessageChannel();
  served.connect(port2);
  const client = new StoreClient(port1);
  t.after(() => client.close());
  await new Promise<void>((resolve) => client.seal([1, 2], 1, 'a.1', (_error, _refusals) => resolve()));
  await server.ask('CLIENT', 'PAUSE', 400, 'ALL');
  const outcomes: unknown[] = [];
  const leases: unknown[] = [];
  for (let i = 0; i < 100; i++) {
    client.write(1 + (i % 2), 1, 'a.1', [row(`k${i}`, 'v')], i % 3 === 0, (error, reply) =>
      outcomes.push(error ?? reply),
    );
    if (i % 20 === 0) client.lease('a', 1, 3_000, info, (error, reply) => leases.push(error ?? reply?.result));
    await pause(2);
  }
  // Closing waits for what is under way.
  await new Promise<void>((resolve) => served.close(resolve));
  await pause(20);
  assert.deepEqual(new Set(outcomes), new Set(['ok']));
  assert.deepEqual([outcomes.length, leases], [100, ['ok', 'ok', 'ok', 'ok', 'ok']]);
  assert.ok(Number(/(\d+) commits/.exec(served.describe())?.[1]) < 20, served.describe());
  assert.equal((await (await openAsked(t, server.url)).load([1, 2])).length, 100);
});

test('a write stuck in an old connection does not land over later ones', options, async (t) => {
  const server = await redisServer(t);
  const proxy = await proxyTo(t, server.port, await freePort());
  const store = await openAsked(t, `redis://127.0.0.1:${proxy.port}`);
  await store.seal([1], 1, 'a.1');
  assert.equal(await store.write(1, 1, 'a.1', [row('k', 'first')]), 'ok');
  proxy.hold();
  const stuck = store.write(1, 1, 'a.1', [row('k', 'stuck')]);
  await assert.rejects(stuck, code('unreachable'));
  assert.equal(await eventually(() => store.write(1, 1, 'a.1', [row('k', 'later')]), 'unreachable'), 'ok');
  proxy.release();
  await pause(100);
  const direct = await openAsked(t, server.url);
  assert.equal(await valueOf(direct, 1, 'k'), 'later');
});

test('killed and started again with its append-only file, it has everything', options, async (t) => {
  const server = await redisServer(t, '--appendonly', 'yes', '--appendfsync', 'always');
  const store = await openAsked(t, server.url);
  await store.lease('a', 1, 3_000, info);
  await store.casTable(0, '', 1, 'n', Buffer.from('table'), ['a'], []);
  await store.seal([1], 5, 'a.1');
  assert.equal(await store.write(1, 5, 'a.1', [row('k', 'v')]), 'ok');
  await server.kill();
  await assert.rejects(store.members(), code('unreachable'));
  await server.start();
  // The scripts are gone from the server's memory: they are sent again as text.
  assert.equal(await eventually(() => store.write(1, 5, 'a.1', [row('l', 'w')]), 'unreachable', 'busy'), 'ok');
  assert.deepEqual(await eventually(() => store.owners([1]), 'unreachable', 'busy'), [{ epoch: 5, owner: 'a.1' }]);
  assert.equal((await store.readTable())?.epoch, 1);
  assert.equal((await store.members()).length, 1);
  assert.deepEqual(
    (await eventually(() => store.load([1]), 'unreachable', 'busy')).map(({ key }) => key),
    ['k', 'l'],
  );
});

test('scripts that the server forgot are taught again, in order', options, async (t) => {
  const server = await redisServer(t);
  const store = await openAsked(t, server.url);
  await store.seal([1, 2], 1, 'a.1');
  await server.ask('SCRIPT', 'FLUSH');
  const batch = (partition: number, value: string) => ({ partition, epoch: 1, owner: 'a.1', rows: [row('k', value)] });
  assert.deepEqual(await store.commit([batch(1, 'x'), batch(2, 'y'), batch(1, 'z')], true), ['ok', 'ok', 'ok']);
  assert.equal(await valueOf(store, 1, 'k'), 'z');
  await server.ask('SCRIPT', 'FLUSH');
  assert.equal((await store.lease('a', 1, 3_000, info)).result, 'ok');
});

test('wiped: nobody is killed, lost seals are made again, the table can be given back', options, async (t) => {
  const server = await redisServer(t);
  const [a, b] = [await openAsked(t, server.url), await openAsked(t, server.url)];
  const { storeLife } = await a.lease('a', 1, 50, info);
  assert.equal((await b.lease('b', 1, 50, info)).storeLife, storeLife, 'the same for all');
  await a.casTable(0, '', 7, 'n', Buffer.from('table'), ['a', 'b'], []);
  await a.seal([1], 7, 'a.1');
  await b.seal([2], 7, 'b.1');
  await a.write(1, 7, 'a.1', [row('k', 'before')]);
  await server.ask('FLUSHALL');
  assert.equal(await b.vote('a', 1, 'b', await b.nowMs()), 'stale-incarnation');
  const again = await a.lease('a', 1, 50, info);
  assert.equal(again.tableEpoch, 0);
  assert.notEqual(again.storeLife, storeLife, 'so everybody hears of it');
  assert.equal((await b.lease('b', 1, 50, info)).storeLife, again.storeLife);
  await a.release('b', 1);
  await pause(60);
  for (const voter of ['a', 'b', 'c']) assert.equal(await b.vote('a', 1, voter, await b.nowMs()), 'noted');
  assert.equal((await a.members())[0]?.status, 'up');
  // a knows what it had sealed; who never had it does not get in by that.
  assert.equal(await a.write(1, 7, 'a.1', [row('k', 'after')]), 'ok');
  assert.deepEqual(await a.owners([1]), [{ epoch: 7, owner: 'a.1' }]);
  assert.deepEqual(await b.write(1, 7, 'b.1', [row('k', 'b')]), { fencedBy: 7 });
  assert.deepEqual(await b.write(3, 7, 'b.1', [row('k', 'b')]), { fencedBy: 0 });
  assert.equal((await a.casTable(0, '', 8, 'm', Buffer.from('table'), ['a', 'b'], [])).ok, true);
  // Another has it under a higher epoch meanwhile: that stands.
  await server.ask('FLUSHALL');
  await a.seal([2], 9, 'a.1');
  assert.deepEqual(await b.write(2, 7, 'b.1', [row('k', 'b')]), { fencedBy: 9 });
});

test('what replicas do not confirm does not count', options, async (t) => {
  const master = await redisServer(t, '--repl-diskless-sync-delay', '0');
  const replica = await redisServer(t, '--replicaof', `127.0.0.1 ${master.port}`);
  await says(replica, 'master_link_status:up');
  await says(master, 'state=online');
  const store = await openAsked(t, master.url);
  assert.equal((await eventually(() => store.lease('a', 1, 3_000, info), 'unreachable')).result, 'ok');
  replica.signal('SIGSTOP');
  await pause(20);
  const from = performance.now();
  await assert.rejects(store.lease('a', 1, 3_000, info), code('unreachable'));
  assert.ok(performance.now() - from < 500, 'the replicas are not waited for longer than they may take');
  await assert.rejects(store.casTable(0, '', 1, 'n', Buffer.from('t'), ['a'], []), code('unreachable'));
  await assert.rejects(store.seal([1], 1, 'a.1'), code('unreachable'));
  assert.equal(await store.write(1, 1, 'a.1', [row('k', 'v')]), 'ok', 'snapshots that need not be durable do not wait');
  replica.signal('SIGCONT');
  assert.equal((await eventually(() => store.lease('a', 1, 3_000, info), 'unreachable')).result, 'ok');
  await assert.rejects(openRedisStore(replica.url), code('unsupported'));
  // A master that would lose what it is given refuses it itself, once its replicas have gone.
  await master.ask('CONFIG', 'SET', 'min-replicas-to-write', '1');
  await replica.kill();
  await pause(2 * limits.redisReplicasPollMs);
  await assert.rejects(store.lease('a', 1, 3_000, info), code('busy'));
});

async function says(server: RedisServer, text: string): Promise<void> {
  for (let tries = 0; tries < 250; tries++) {
    if (String(await server.ask('INFO', 'replication')).includes(text)) return;
    await pause(20);
  }
  throw new Error(`the server at ${server.port} does not say ${text}`);
}

test('full, foreign, newer, evicting, or with another password', options, async (t) => {
  const server = await redisServer(t);
  await server.ask('CONFIG', 'SET', 'requirepass', 'sesame');
  const url = `redis://:sesame@127.0.0.1:${server.port}`;
  await assert.rejects(openRedisStore(server.url), code('io'));
  await assert.rejects(openRedisStore(url.replace('sesame', 'sesame2')), code('io'));
  const store = await openAsked(t, url);
  const client = await server.client(t, 'sesame');
  await store.seal([1], 1, 'a.1');
  await client.config('SET', 'maxmemory', '1');
  await assert.rejects(store.write(1, 1, 'a.1', [row('k', 'v')]), code('full'));
  await client.config('SET', 'maxmemory', '0');
  assert.equal(await store.write(1, 1, 'a.1', [row('k', 'v')]), 'ok');
  await client.set('other:{sc}:members', 'theirs');
  const other = await openAsked(t, `${url}?prefix=other`);
  await assert.rejects(other.members(), code('corrupt'));
  await client.set('later:{sc}:schema', redisSchema + 1);
  await assert.rejects(openRedisStore(`${url}?prefix=later`), code('newer-version'));
  await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
  await assert.rejects(openRedisStore(url), code('unsupported'));
});

test('a load comes in pieces, in order, however large the partitions are', options, async (t) => {
  const server = await redisServer(t);
  const store = await openAsked(t, server.url);
  await store.seal([5, 3, 4], 1, 'a.1');
  const many = Array.from({ length: limits.storeLoadChunkRows * 2 + 7 }, (_, i) =>
    row(`k${String(i).padStart(5, '0')}`, 'v'),
  );
  await store.write(5, 1, 'a.1', many);
  await store.write(3, 1, 'a.1', many.slice(0, 3));
  const pieces = await store.pieces([5, 4, 3]);
  assert.ok(pieces.length >= 3 && pieces.every((piece) => piece.length <= limits.storeLoadChunkRows));
  assert.deepEqual(
    pieces.flat().map(({ partition, key }) => `${partition}${key}`),
    [...many.map(([key]) => `5${key}`), ...many.slice(0, 3).map(([key]) => `3${key}`)],
  );
  assert.deepEqual(await store.pieces([]), [[]]);
});

test('nobody there', options, async () => {
  await assert.rejects(openRedisStore(`redis://:sesame@127.0.0.1:${await freePort()}`), code('unreachable'));
});
