/**
 * The simulator's Redis beside a real one with Sentinels, in what befalls it: a failover that loses the last that the master
 * was told, and a wipe. One script is played to both, and everything that it is answered must be the same.
 *
 * Seen failing with: a model whose replicas have everything at once; one that keeps the name of its life over a failover.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { StoreError } from '../../../cluster/store-ports.ts';
import { RedisTopology } from '../../e2e/support/redis-topology.ts';
import { folder, info } from './folder.ts';
import type { Subject } from './operations.ts';
import { openAsked, pause, redisMissing } from './redis-server.ts';
import { Simulated } from './simulated.ts';

type Asking = Pick<
  Subject,
  'lease' | 'vote' | 'seal' | 'owners' | 'write' | 'load' | 'casTable' | 'members' | 'release' | 'nowMs'
>;

/** A store with a replica, and what can befall it. */
interface Befallen {
  readonly store: Asking;
  /** The replica gets nothing from now on. */
  stall(): Promise<void>;
  /** The master is lost, the replica takes over. */
  failOver(): Promise<void>;
  wipe(): Promise<void>;
  sleep(ms: number): Promise<void>;
}

const ttlMs = 60_000;

/** What is answered, in words that do not depend on times and names. */
async function play({ store, stall, failOver, wipe, sleep }: Befallen): Promise<string[]> {
  const answers: string[] = [];
  let life: string | undefined;
  const say = async (what: string, ask: () => unknown): Promise<void> => {
    try {
      answers.push(`${what}: ${JSON.stringify(await ask())}`);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      answers.push(`${what}: ${error.code}`);
    }
  };
  const renew = (id: string) => async () => {
    const { result, tableEpoch, storeLife } = await store.lease(id, 1, ttlMs, info);
    const isOther = life !== undefined && life !== storeLife;
    life = storeLife;
    return [result, tableEpoch, isOther ? 'another life' : 'the same life'];
  };
  const put = (partition: number, epoch: number, key: string) => () =>
    store.write(partition, epoch, 'a.1', [[key, Buffer.from(key)]]);
  const keys = (partition: number) => async () => (await store.load([partition])).map(({ key }) => key);
  const members = async () => (await store.members()).map(({ id, incarnation, status }) => [id, incarnation, status]);
  const cas = (from: number, epoch: number, nonce: string) => async () =>
    (await store.casTable(from, nonce, epoch, 'n', Buffer.from('table'), ['a', 'b', 'c'], [])).ok;

  await say('a', renew('a'));
  await say('b', renew('b'));
  await say('table 1', cas(0, 1, ''));
  await say('seal 1', () => store.seal([1], 5, 'a.1'));
  await say('write', put(1, 5, 'before'));
  // A lease that runs out at once, and one of the two votes that its death needs.
  await say('c', async () => (await store.lease('c', 1, 0, info)).result);
  await say('vote', async () => store.vote('c', 1, 'a', await store.nowMs()));
  await sleep(300);

  await stall();
  await say('tail', put(1, 5, 'tail'));
  await say('seal 2', () => store.seal([2], 5, 'a.1'));
  await say('table 2', cas(1, 2, 'n'));
  await failOver();
  await say('a', renew('a'));
  await say('b', renew('b'));
  await say('members', members);
  await say('vote', async () => store.vote('c', 1, 'b', await store.nowMs()));
  await say('vote', async () => store.vote('c', 1, 'a', await store.nowMs()));
  await say('owners', () => store.owners([1, 2]));
  await say('rows', keys(1));
  await say('write', put(1, 5, 'after'));
  await say('write 2', put(2, 5, 'after'));
  await say('rows', keys(1));
  await say('table 2', cas(1, 2, 'n'));

  await wipe();
  await say('vote', async () => store.vote('a', 1, 'b', await store.nowMs()));
  await say('a', renew('a'));
  await say('members', members);
  await say('owners', () => store.owners([1, 2]));
  await say('write', put(1, 5, 'wiped'));
  await say('owners', () => store.owners([1]));
  await say('rows', keys(1));
  await say('table 2', cas(1, 2, 'n'));
  await say('table 3', cas(0, 3, ''));
  await say('a', renew('a'));
  return answers;
}

const options = { skip: redisMissing, timeout: 150_000 };

test('a failover without the tail, and a wipe: the model answers as Redis does', options, async (t) => {
  const expected = await played();
  t.diagnostic(expected.join('; '));
  // On a busy machine a replica does not confirm every write in time.
  for (let attempt = 1; attempt < 3; attempt++) if (isDeepStrictEqual(await playedToRedis(t), expected)) return;
  assert.deepEqual(await playedToRedis(t), expected);
});

async function played(): Promise<string[]> {
  const model = new Simulated('redis', 1, { replicas: 1, lagMs: [0, 0] });
  const { store, kernel } = model;
  const later = async (ms: number): Promise<void> => kernel.run(kernel.nowMs + ms);
  model.lease('b', 1, 0, info);
  return play({
    store: model,
    stall: async () => store.redis?.stallReplicas(),
    failOver: async () => {
      store.redis?.vanish(false);
      await later(500);
      store.redis?.promote();
      await later(2_000);
    },
    wipe: async () => store.wipe(),
    sleep: later,
  });
}

async function playedToRedis(t: TestContext): Promise<string[]> {
  const redis = await RedisTopology.start('sentinel', folder(t));
  try {
    const asked = await openAsked(t, redis.url);
    await eventually(() => asked.lease('b', 1, 0, info));
    return await play({
      store: asked,
      stall: async () => redis.stallReplicas(await redis.masterOf('any')),
      failOver: async () => {
        await (await redis.masterOf('any')).kill();
        // Each of its connections finds the new master by itself.
        await eventually(() => asked.lease('b', 1, ttlMs, info));
        await eventually(() => asked.load([9]));
        await eventually(() => asked.write(9, 1, 'a.1', [['k', Buffer.from('k')]]));
      },
      wipe: async () => redis.onAll('FLUSHALL'),
      sleep: pause,
    });
  } finally {
    await redis.stop();
  }
}

async function eventually(ask: () => Promise<unknown>): Promise<void> {
  const untilMs = performance.now() + 20_000;
  for (;;) {
    try {
      await ask();
      return;
    } catch (error) {
      if (performance.now() > untilMs) throw error;
    }
    await pause(50);
  }
}
