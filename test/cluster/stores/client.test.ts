/**
 * StoreClient and the store thread: the same answers as the store itself, group commits, control first, bounds, ends.
 *
 * Seen failing with: control operations done after the writes that wait; a commit made durable only if all ask for it;
 * the waiting rows not given back after a failure; too little room reserved for a key when packing.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { MemoryStore } from '../../../cluster/stores/memory.ts';
import { StoreClient } from '../../../cluster/stores/client.ts';
import { servedAtOnce } from '../../../cluster/stores/served.ts';
import { StoreServer } from '../../../cluster/stores/server.ts';
import { startStoreThread } from '../../../cluster/stores/spawn.ts';
import type { StoreThread } from '../../../cluster/stores/spawn.ts';
import { StoreError } from '../../../cluster/store-ports.ts';
import type {
  LeaseReply,
  LoadedRow,
  MemberRow,
  SnapshotRow,
  StoredTable,
  StoredUser,
  WriteBatch,
  WriteReply,
} from '../../../cluster/store-ports.ts';
import { limits } from '../../../src/limits.ts';
import { folder, info } from './folder.ts';

type Callback<T> = (...reply: [error: StoreError, result: undefined] | [error: undefined, result: T]) => void;

/** A callback operation as a promise, for tests only. */
function ask<T>(start: (done: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error === undefined ? resolve(result) : reject(error)));
  });
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof StoreError && error.code === expected && error.message.length > 20;
}

const row = (key: string, value: string | null = key): SnapshotRow => [key, value === null ? null : Buffer.from(value)];

/** A memory store that writes down what is done to it and in which commits, served to clients in this thread. */
function served(t: TestContext): {
  client: () => StoreClient;
  server: StoreServer;
  journal: string[];
  break: { error?: Error };
} {
  const journal: string[] = [];
  const fault: { error?: Error } = {};
  class Recorded extends MemoryStore {
    override writeBatch(batches: readonly WriteBatch[], durable: boolean): WriteReply[] {
      journal.push(
        `${durable ? 'durable' : 'commit'} ${batches.map(({ rows }) => rows.map(([key]) => key).join('+')).join(' ')}`,
      );
      if (fault.error !== undefined) throw fault.error;
      return super.writeBatch(batches, durable);
    }
    override release(id: string, incarnation: number): boolean {
      journal.push(`release ${id}`);
      return super.release(id, incarnation);
    }
  }
  const server = new StoreServer(servedAtOnce(new Recorded({ nowMs: () => 5 })));
  const client = (): StoreClient => {
    const { port1, port2 } = new MessageChannel();
    server.connect(port2);
    const made = new StoreClient(port1);
    t.after(() => made.close());
    return made;
  };
  return { client, server, journal, break: fault };
}

function thread(t: TestContext, url: string): Promise<StoreThread> {
  return ask<StoreThread>((done) => startStoreThread({ url }, done)).then((started) => {
    t.after(() => ask((done) => started.close(() => done(undefined, undefined))));
    return started;
  });
}

test('every operation answers over a thread as it does without', async (t) => {
  const started = await thread(t, `sqlite:${join(folder(t), 'store.db')}`);
  const client = new StoreClient(started.connect());
  t.after(() => client.close());
  const user = { aor: 'sip:a@x', realm: 'x', ha1Md5: 'm', ha1Sha256: 's' };
  assert.ok(Math.abs((await ask<number>((done) => client.nowMs(done))) - Date.now()) < 5_000);
  assert.equal((await ask<LeaseReply>((done) => client.lease('a', 1, 1_000, info, done))).result, 'ok');
  assert.equal(await ask((done) => client.vote('a', 1, 'b', Date.now(), done)), 'noted');
  assert.equal((await ask<MemberRow[]>((done) => client.members(done)))[0]?.id, 'a');
  assert.equal(await ask<StoredTable | undefined>((done) => client.readTable(done)), undefined);
  assert.deepEqual(await ask((done) => client.casTable(0, '', 1, 'n', Buffer.from('table'), ['a'], [], done)), {
    ok: true,
    epoch: 1,
    nonce: 'n',
  });
  const table = await ask<StoredTable | undefined>((done) => client.readTable(done));
  assert.equal(Buffer.from(table?.bytes ?? []).toString(), 'table');
  assert.deepEqual(await ask((done) => client.seal([1, 2], 7, 'a.1', done)), [0, 0]);
  assert.deepEqual(await ask((done) => client.owners([2], done)), [{ epoch: 7, owner: 'a.1' }]);
  assert.equal(await ask((done) => client.write(1, 7, 'a.1', [row('k'), row('é\0ÿ', '')], true, done)), 'ok');
  assert.deepEqual(await ask((done) => client.write(3, 7, 'a.1', [row('k')], false, done)), { fencedBy: 0 });
  assert.deepEqual(await ask((done) => client.write(1, 6, 'a.1', [row('k')], false, done)), { fencedBy: 7 });
  const loaded = await ask<LoadedRow[]>((done) => client.load([2, 1], done));
  assert.deepEqual(
    loaded.map(({ partition, key, value }) => [partition, key, Buffer.from(value).toString()]),
    [
      [1, 'k', 'k'],
      [1, 'é\0ÿ', ''],
    ],
  );
  assert.equal(await ask((done) => client.write(1, 7, 'a.1', [row('k', null)], true, done)), 'ok');
  assert.equal((await ask<LoadedRow[]>((done) => client.load([1], done))).length, 1);
  await ask((done) =>
    client.putUser(user, (error) => (error === undefined ? done(undefined, undefined) : done(error, undefined))),
  );
  await ask((done) =>
    client.putUsers([user], (error) => (error === undefined ? done(undefined, undefined) : done(error, undefined))),
  );
  assert.equal((await ask<StoredUser | undefined>((done) => client.user('sip:a@x', done)))?.ha1Sha256, 's');
  assert.equal((await ask<StoredUser[]>((done) => client.users('', 10, done))).length, 1);
  assert.equal(await ask((done) => client.removeUser('sip:a@x', done)), true);
  assert.equal(await ask((done) => client.release('a', 1, done)), true);
  assert.match(client.describe(), /open: waiting 0 rows/);
});

test('what waits is one commit, of all ports, after the control operations', async (t) => {
  const { client, journal } = served(t);
  const [one, two] = [client(), client()];
  await ask((done) => one.seal([1, 2], 1, 'a.1', done));
  const writes = [
    ask((done) => one.write(1, 1, 'a.1', [row('x'), row('y')], false, done)),
    ask((done) => one.write(2, 1, 'a.1', [row('z')], true, done)),
    ask((done) => two.write(2, 1, 'a.1', [row('w')], false, done)),
  ];
  // Sent after the writes, and done before them.
  setImmediate(() => two.release('nobody', 1, () => undefined));
  assert.deepEqual(await Promise.all(writes), ['ok', 'ok', 'ok']);
  assert.deepEqual(journal, ['release nobody', 'durable x+y z w']);
});

test('a long queue is cut into commits, and control operations come in between', async (t) => {
  const { client, journal } = served(t);
  const one = client();
  await ask((done) => one.seal([1], 1, 'a.1', done));
  const half = Array.from({ length: limits.storeBatchRowsMax / 2 }, (_, i) => row(`${i}`));
  const writes = Array.from({ length: 6 }, () => ask((done) => one.write(1, 1, 'a.1', half, false, done)));
  // Sent when the first commit was seen, so it must come before the last.
  void writes[0]?.then(() => one.release('late', 1, () => undefined));
  assert.deepEqual(
    await Promise.all(writes),
    Array.from({ length: 6 }, () => 'ok'),
  );
  const kinds = journal.map((line) => line.split(' ')[0]);
  assert.equal(kinds.filter((kind) => kind === 'commit').length, 3);
  assert.ok(kinds.indexOf('release') < kinds.lastIndexOf('commit'), kinds.join(' '));
});

test('a large load comes in pieces, in order, while others are served', async (t) => {
  const { client } = served(t);
  const [one, two] = [client(), client()];
  const partitions = [5, 3];
  await ask((done) => one.seal(partitions, 1, 'a.1', done));
  const keys = Array.from({ length: limits.storeLoadChunkRows * 2 + 7 }, (_, i) => `k${String(i).padStart(6, '0')}`);
  for (const partition of partitions)
    await ask((done) =>
      one.write(
        partition,
        1,
        'a.1',
        keys.map((key) => row(key)),
        false,
        done,
      ),
    );
  const pieces: number[] = [];
  const seen: string[] = [];
  let answeredAt = -1;
  two.nowMs(() => (answeredAt = pieces.length));
  await ask((done) => {
    const onRows = (rows: readonly { partition: number; key: string }[]): void => {
      pieces.push(rows.length);
      for (const { partition, key } of rows) seen.push(`${partition}${key}`);
    };
    one.loadPieces(partitions, onRows, (error) =>
      error === undefined ? done(undefined, undefined) : done(error, undefined),
    );
  });
  assert.deepEqual(
    seen,
    partitions.flatMap((partition) => keys.map((key) => `${partition}${key}`)),
  );
  assert.ok(pieces.length >= 4 && Math.max(...pieces) <= limits.storeLoadChunkRows);
  assert.ok(answeredAt >= 0 && answeredAt < pieces.length);
});

test('too much waiting is refused at once and does not stay counted', async (t) => {
  const { client } = served(t);
  const one = client();
  await ask((done) => one.seal([1], 1, 'a.1', done));
  const many = Array.from({ length: limits.storeBatchRowsMax }, () => row('same', ''));
  const fit = Math.floor(limits.storeQueueRowsMax / many.length);
  const writes = Array.from({ length: fit }, () =>
    ask<WriteReply>((done) => one.write(1, 1, 'a.1', many, false, done)),
  );
  assert.equal(one.rowsWaiting, fit * many.length);
  await assert.rejects(
    ask((done) => one.write(1, 1, 'a.1', many, false, done)),
    code('overloaded'),
  );
  assert.ok((await Promise.all(writes)).every((reply) => reply === 'ok'));
  assert.equal(one.rowsWaiting, 0);
  assert.equal(await ask((done) => one.write(1, 1, 'a.1', many, false, done)), 'ok');
});

test('a batch that is too large is refused alone; a commit that fails refuses all of it', async (t) => {
  const { client, break: fault } = served(t);
  const one = client();
  await ask((done) => one.seal([1], 1, 'a.1', done));
  const write = (rows: readonly SnapshotRow[]): Promise<WriteReply> =>
    ask((done) => one.write(1, 1, 'a.1', rows, false, done));
  const [large, fine] = await Promise.allSettled([
    write([['k', new Uint8Array(limits.snapshotBytesMax + 1)]]),
    write([row('k')]),
  ]);
  assert.ok(large?.status === 'rejected' && code('too-large')(large.reason));
  assert.deepEqual(fine, { status: 'fulfilled', value: 'ok' });
  fault.error = new StoreError('full', 'No space is left for this test store.');
  const both = await Promise.allSettled([write([row('a')]), write([row('b')])]);
  for (const outcome of both) assert.ok(outcome.status === 'rejected' && code('full')(outcome.reason));
  fault.error = new Error('a bug');
  await assert.rejects(write([row('a')]), code('io'));
  delete fault.error;
  assert.equal(await write([row('a')]), 'ok');
  assert.equal(one.rowsWaiting, 0);
});

test('close finishes what was sent; then everything answers closed', async (t) => {
  const { client, server, journal } = served(t);
  const one = client();
  await ask((done) => one.seal([1], 1, 'a.1', done));
  const sent = ask((done) => one.write(1, 1, 'a.1', [row('last')], true, done));
  await new Promise((resolve) => setImmediate(resolve));
  server.close();
  assert.equal(await sent, 'ok');
  assert.deepEqual(journal, ['durable last']);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await assert.rejects(
    ask((done) => one.nowMs(done)),
    code('closed'),
  );
  await assert.rejects(
    ask((done) => one.write(1, 1, 'a.1', [], false, done)),
    code('closed'),
  );
  await assert.rejects(
    ask((done) => one.load([1], done)),
    code('closed'),
  );
});

test('a client that closes gets closed for what was under way', async (t) => {
  const { client } = served(t);
  const one = client();
  const asked = ask((done) => one.members(done));
  one.close();
  await assert.rejects(asked, code('closed'));
});

test('a store that cannot be opened is told to who starts the thread', async (t) => {
  await assert.rejects(
    ask((done) => startStoreThread({ url: `sqlite:${folder(t)}` }, done)),
    code('io'),
  );
  await assert.rejects(
    ask((done) => startStoreThread({ url: 'redis://:sesame@host/x' }, done)),
    code('unsupported'),
  );
});
