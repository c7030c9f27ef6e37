/**
 * One connection of a process to the simulated Redis, with the times of production's client: what is asked while there is
 * none fails at once; silence with something under way ends it (limits.redisSilenceMs), and so does a command that takes
 * too long (limits.redisCommandMs). Nothing goes through while the way is cut: a request or reply under way waits in a
 * buffer until the way is open again. A request whose connection was given up meanwhile may still arrive, unanswered.
 */
import { StoreError } from '../../cluster/store-ports.ts';
import { limits } from '../../src/limits.ts';
import type { Owner } from '../kernel.ts';
import type { Outcome } from './operation.ts';
import type { Script, SimRedis } from './redis.ts';

interface Asked {
  readonly scripts: readonly Script[];
  readonly confirmed: boolean;
  readonly sentMs: number;
  /** Of the master that it was sent to. */
  readonly run: number;
  readonly done: (replies: readonly Outcome<unknown>[]) => void;
}

const notConnected = new StoreError('unreachable', 'There is no connection to the store; nothing was done.');
const noAnswer = new StoreError('unreachable', 'The store did not answer. It may or may not have been done.');

export class RedisConnection {
  readonly #redis: SimRedis;
  readonly #node: string;
  readonly #process: Owner;
  /** In the order sent. */
  readonly #pending = new Set<Asked>();
  /** Lies in a buffer on one of the two sides until the way is open. */
  #stuck: (() => void)[] = [];
  #isReady = true;
  #isWatching = false;
  /** Of the master that it is connected to. */
  #run: number;
  /** Of this connection; one that was given up leaves its number behind. */
  #generation = 0;
  #lastArrivalMs = 0;
  #lastReplyMs = 0;
  #heardMs = 0;

  /** @param owner its process */
  constructor(redis: SimRedis, node: string, owner: Owner) {
    this.#redis = redis;
    this.#node = node;
    this.#process = owner;
    this.#run = redis.run;
    // A process that starts while it is cut off waits for its connection.
    this.#isReady = redis.state === 'up' && redis.reachableFrom(node);
    if (!this.#isReady) this.#reconnect();
    const off = redis.onChange(() => (owner.isAlive ? this.#wayChanged() : off()));
  }

  run(scripts: readonly Script[], confirmed: boolean, done: (replies: readonly Outcome<unknown>[]) => void): void {
    const { kernel } = this.#redis;
    if (!this.#isReady) {
      kernel.at(0.02, this.#process, () => done(scripts.map(() => ({ error: notConnected }))));
      return;
    }
    const asked: Asked = { scripts, confirmed, sentMs: kernel.nowMs, run: this.#run, done };
    if (this.#pending.size === 0) this.#heardMs = kernel.nowMs;
    this.#pending.add(asked);
    this.#watch();
    const generation = this.#generation;
    this.#lastArrivalMs = Math.max(kernel.nowMs + this.#redis.delayMs(), this.#lastArrivalMs);
    kernel.at(this.#lastArrivalMs - kernel.nowMs, undefined, () => this.#arrived(asked, generation));
  }

  #arrived(asked: Asked, generation: number): void {
    const redis = this.#redis;
    if (!redis.reachableFrom(this.#node) || (this.#stuck.length > 0 && generation === this.#generation)) {
      this.#stuck.push(() => this.#arrived(asked, generation));
      return;
    }
    if (redis.state === 'refusing' || asked.run !== redis.run) {
      // Its port is closed, or it is a replica now, where the first command is answered READONLY.
      if (generation === this.#generation) this.#broken();
      return;
    }
    redis.serve(asked.scripts, asked.confirmed, (replies, waitMs) => {
      if (generation !== this.#generation) return;
      const { kernel } = redis;
      this.#lastReplyMs = Math.max(kernel.nowMs + waitMs + redis.delayMs(), this.#lastReplyMs);
      this.#replied(asked, generation, replies, this.#lastReplyMs);
    });
  }

  #replied(asked: Asked, generation: number, replies: readonly Outcome<unknown>[], atMs: number): void {
    const { kernel } = this.#redis;
    kernel.at(atMs - kernel.nowMs, this.#process, () => {
      if (generation !== this.#generation) return;
      // A reply that came while the process was stopped is in its socket already.
      const isLate = kernel.nowMs > atMs + 0.001;
      if (!isLate && (!this.#redis.reachableFrom(this.#node) || this.#stuck.length > 0)) {
        this.#stuck.push(() => this.#replied(asked, generation, replies, kernel.nowMs + this.#redis.delayMs()));
        return;
      }
      this.#heardMs = kernel.nowMs;
      if (this.#pending.delete(asked)) asked.done(replies);
    });
  }

  /** Cut, open again, or another master. */
  #wayChanged(): void {
    const redis = this.#redis;
    if (redis.state === 'refusing' || this.#run !== redis.run) {
      // Reset by its machine, or told by the Sentinels.
      redis.kernel.at(redis.delayMs(), this.#process, () => {
        if (this.#isReady && (redis.state === 'refusing' || this.#run !== redis.run)) this.#broken();
      });
    }
    if (!redis.reachableFrom(this.#node) || this.#stuck.length === 0) return;
    const stuck = this.#stuck;
    this.#stuck = [];
    // What lay there was for a master that is gone.
    if (this.#run !== redis.run) return;
    // TCP tries again in its own time; what an earlier connection left in its buffer is flushed, or not.
    const leftovers = redis.random.chance(0.5);
    const waitMs = redis.random.between(0, 300);
    redis.kernel.at(waitMs, undefined, () => {
      for (const go of stuck) if (leftovers || this.#isReady) go();
    });
  }

  #watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#redis.kernel.at(limits.redisSilenceMs, this.#process, () => this.#look());
  }

  #look(): void {
    this.#isWatching = false;
    const [oldest] = this.#pending;
    if (oldest === undefined) return;
    const { nowMs } = this.#redis.kernel;
    const silentMs = nowMs - Math.max(this.#heardMs, 0);
    const isLate = nowMs - oldest.sentMs >= limits.redisCommandMs;
    if (silentMs >= limits.redisSilenceMs) return this.#broken();
    if (isLate) {
      this.#pending.delete(oldest);
      oldest.done(oldest.scripts.map(() => ({ error: noAnswer })));
    }
    if (this.#pending.size === 0) return;
    this.#isWatching = true;
    const leftMs = Math.max(1, isLate ? 1 : limits.redisSilenceMs - silentMs);
    this.#redis.kernel.at(leftMs, this.#process, () => this.#look());
  }

  /** Whatever is under way has an unknown outcome; a new connection is tried for ever. */
  #broken(): void {
    this.#isReady = false;
    this.#generation++;
    const pending = [...this.#pending];
    this.#pending.clear();
    this.#reconnect();
    // In an event of the process: this may have come from the network.
    this.#redis.kernel.at(0, this.#process, () => {
      for (const asked of pending) asked.done(asked.scripts.map(() => ({ error: noAnswer })));
    });
  }

  #reconnect(): void {
    const redis = this.#redis;
    redis.kernel.at(redis.random.between(20, limits.redisReconnectMsMax), this.#process, () => {
      if (redis.state !== 'up' || !redis.reachableFrom(this.#node)) return this.#reconnect();
      this.#run = redis.run;
      this.#isReady = true;
      this.#lastArrivalMs = this.#lastReplyMs = redis.kernel.nowMs;
    });
  }
}
