/**
 * Random sequences of operations by several nodes and incarnations, with time passing, on the memory store and on
 * another: a SQLite file, a redis-server, the simulator's models of both. Every reply and the final contents must be the
 * same.
 *
 * Seen failing with: the memory store letting epoch 0 write to a partition that nobody sealed; a refused CAS that cleared
 * the voters; the lease compared with `>=`; votes for an older incarnation counted against the new one. In the scripts of
 * Redis: a release that keeps the lease; ceil made floor in the majority; a seal that takes an equal epoch. In the models: a
 * commit that answers in another order than it was asked; a seal that does not begin a new count of writes.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { MemoryStore } from '../../../cluster/stores/memory.ts';
import { openRedisStore } from '../../../cluster/stores/redis/store.ts';
import { SqliteStore } from '../../../cluster/stores/sqlite/store.ts';
import { folder } from './folder.ts';
import { operationsOf, partitions, plain, ttlMs } from './operations.ts';
import type { Pair, Subject, VoteTimes } from './operations.ts';
import { Asked, redisMissing, redisServer } from './redis-server.ts';
import { Simulated } from './simulated.ts';
import { profiles } from '../../../src/limits.ts';
import { worldStartMs } from '../../../sim/clock.ts';

async function everything(store: Subject): Promise<unknown> {
  return plain([
    await store.members(),
    await store.readTable(),
    await store.owners(partitions),
    await store.load(partitions),
    await store.users('', 100),
  ]);
}

/** Three members and a table that makes them voters, so that deaths are not a rarity. */
async function found(store: Subject): Promise<void> {
  for (const id of ['a', 'b', 'c'])
    await store.lease(id, 1, ttlMs, { link: id, workers: 1, schema: 1, draining: false });
  await store.casTable(0, '', 1, 'n', new Uint8Array(1), ['a', 'b', 'c'], []);
}

interface Held {
  readonly store: Subject;
  /** Answers what its clock shows then. */
  readonly setTime: (ms: number) => number | Promise<number>;
  close(): void;
}

const quick: VoteTimes = { voteTtlMs: 500, voteIssueWindowMs: 200 };

/** @param fresh an empty store at this time */
async function hold(
  numRuns: number,
  times: VoteTimes,
  fresh: (startMs: number) => Promise<Held>,
  startMs = 1_000_000,
): Promise<void> {
  let deaths = 0;
  const property = fc.asyncProperty(
    fc.boolean(),
    fc.commands(operationsOf(times), { maxCommands: 80, size: 'max' }),
    async (isFounded, commands) => {
      const time = { ms: startMs };
      const memory = new MemoryStore({ nowMs: () => time.ms, ...times });
      const held = await fresh(time.ms);
      try {
        if (isFounded) for (const store of [memory, held.store]) await found(store);
        const { epoch, nonce } = memory.readTable() ?? { epoch: 0, nonce: '' };
        const setTime = async (ms: number): Promise<number> => (time.ms = await held.setTime(ms));
        const real: Pair = { memory, held: held.store, setTime };
        await fc.asyncModelRun(() => ({ model: { ms: time.ms, epoch, nonce }, real }), commands);
        assert.deepEqual(await everything(held.store), await everything(memory));
        deaths += memory.members().filter(({ status }) => status === 'dead').length;
      } finally {
        held.close();
      }
    },
  );
  await fc.assert(property, { numRuns });
  assert.ok(deaths > numRuns / 10, `the sequences reach the interesting states: ${deaths} deaths`);
}

test('the memory store and the SQLite store give the same replies', async (t) => {
  const path = folder(t);
  let run = 0;
  await hold(60, quick, async (startMs) => {
    const time = { ms: startMs };
    const store = new SqliteStore(join(path, `${run++}.db`), { nowMs: () => time.ms, ...quick });
    return { store, setTime: (ms) => (time.ms = ms), close: () => store.close() };
  });
});

test('the memory store and a real Redis give the same replies', { skip: redisMissing, timeout: 60_000 }, async (t) => {
  const server = await redisServer(t);
  // Its clock is a key that the test sets; otherwise what runs is what runs in production.
  const clock = "local function now() return tonumber(redis.call('GET', 'clock')) end";
  const control = await server.client(t);
  let run = 0;
  await hold(60, quick, async (startMs) => {
    await control.set('clock', startMs);
    const url = `${server.url}?prefix=run${run++}`;
    const store = new Asked(await openRedisStore(url, { clock, ...quick }));
    const setTime = async (ms: number): Promise<number> => {
      await control.set('clock', ms);
      return ms;
    };
    return { store, setTime, close: () => store.close() };
  });
});

for (const kind of ['sqlite', 'redis'] as const) {
  test(`the memory store and the simulator's ${kind} give the same replies`, async () => {
    const { voteTtlMs, voteIssueWindowMs } = profiles.default;
    let run = 0;
    const fresh = async (): Promise<Held> => {
      const store = new Simulated(kind, run++);
      return { store, setTime: (ms) => store.setTime(ms), close: () => undefined };
    };
    await hold(60, { voteTtlMs, voteIssueWindowMs }, fresh, worldStartMs);
  });
}
