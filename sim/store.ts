/**
 * The store of the world: an embedded SQLite file or a Redis (sim/store/), which all processes share, each over a way of
 * its own. Faults are brought about here; everything that it does can be watched.
 */
import type { Kernel, Owner } from './kernel.ts';
import type { StorePlan } from './options.ts';
import type { UserRecord } from '../cluster/store-ports.ts';
import type { Stream } from './random.ts';
import { profiles } from '../src/limits.ts';
import type { StoreData, VoteTimes } from './store/data.ts';
import { FileWay } from './store/file-way.ts';
import { SimFile } from './store/file.ts';
import type { StoreWatch, StoreWay } from './store/operation.ts';
import { RedisWay } from './store/redis-way.ts';
import { SimRedis } from './store/redis.ts';

export class SimStore {
  readonly kernel: Kernel;
  readonly file: SimFile | undefined;
  readonly redis: SimRedis | undefined;
  readonly watches: StoreWatch[] = [];
  /** Called when the node next asks for a write, while that is under way. */
  readonly onWrite = new Map<string, () => void>();
  readonly #random: Stream;
  readonly #calmMs: readonly [number, number];
  readonly #ways = new Map<Owner, StoreWay>();
  /** Failovers and outages under way: the later one decides. */
  #outage = 0;

  constructor(
    kernel: Kernel,
    random: Stream,
    latencyMs: readonly [number, number],
    plan: StorePlan,
    times: VoteTimes = profiles.default,
  ) {
    this.kernel = kernel;
    this.#random = random;
    this.#calmMs = latencyMs;
    if (plan.kind === 'redis')
      this.redis = new SimRedis(kernel, random, this.watches, latencyMs, plan.replicas, plan.lagMs, times);
    else this.file = new SimFile(kernel, random, latencyMs, plan.forceMs, times);
  }

  /** What is stored now. */
  get data(): StoreData {
    return this.redis?.data ?? this.file!.data;
  }

  get memory(): StoreData['memory'] {
    return this.data.memory;
  }

  /** As LeaseReply.storeLife. */
  get life(): string | undefined {
    return this.redis?.life;
  }

  /** Nobody reaches it. */
  get isDown(): boolean {
    return this.redis === undefined ? this.file!.isGone : this.redis.state !== 'up';
  }

  wayOf(node: string, process: Owner): StoreWay {
    let way = this.#ways.get(process);
    if (way === undefined) {
      for (const owner of this.#ways.keys()) if (!owner.isAlive) this.#ways.delete(owner);
      way =
        this.redis === undefined
          ? new FileWay(this.file!, node, process, this.watches)
          : new RedisWay(this.redis, node, process, this.watches);
      this.#ways.set(process, way);
    }
    return way;
  }

  /** From the store thread of a process to another of its threads. */
  threadMs(): number {
    return this.redis === undefined ? this.#random.between(this.#calmMs[0], this.#calmMs[1]) / 2 : 0.02;
  }

  writing(node: string): void {
    const moment = this.onWrite.get(node);
    if (moment === undefined) return;
    this.onWrite.delete(node);
    this.kernel.at(0, undefined, moment);
  }

  /** Provisioned before anything runs. */
  putUser(user: UserRecord): void {
    if (this.redis === undefined) this.memory.putUser(user);
    else this.redis.everywhere((data) => data.memory.putUser(user));
  }

  // Faults

  /** This node does not reach it any more, without a word: packets are lost, or the lock never comes free for it. */
  cut(node: string): void {
    this.redis?.cutFrom.add(node);
    this.redis?.changed();
    this.file?.shutOut.add(node);
  }

  mend(node: string): void {
    this.redis?.cutFrom.delete(node);
    this.redis?.changed();
    this.file?.shutOut.delete(node);
  }

  /** Nobody reaches it: refused at once, or `silent` (a Redis only). Returns how to end it. */
  goDown(silent: boolean): () => void {
    const outage = ++this.#outage;
    if (this.redis === undefined) this.file!.isGone = true;
    else this.redis.vanish(silent);
    return () => outage === this.#outage && this.comeBack();
  }

  /** It is the same as before: only nobody reached it. */
  comeBack(): void {
    if (this.file !== undefined) this.file.isGone = false;
    if (this.redis?.state !== 'up') this.redis?.comeBack();
  }

  /** The master is lost, and with it what its replicas did not get for the last `tailMs`; one takes over after a while. */
  failOver(tailMs: number, silent: boolean, takesMs: number): void {
    const { redis } = this;
    if (redis === undefined) return;
    const outage = ++this.#outage;
    redis.stallReplicas();
    this.kernel.at(tailMs, undefined, () => {
      if (outage !== this.#outage) return;
      redis.vanish(silent);
      this.kernel.at(takesMs, undefined, () => {
        if (outage === this.#outage) redis.promote();
      });
    });
  }

  /** Everything is gone but the users, which are provisioned again. */
  wipe(): void {
    this.redis?.wipe();
  }

  /** Somebody holds the lock of the file, or keeps the Redis busy with a script. */
  hang(forMs: number): void {
    this.redis?.hang(forMs);
    if (this.file !== undefined) this.file.lockedUntilMs = Math.max(this.file.lockedUntilMs, this.kernel.nowMs + forMs);
  }

  set isFull(full: boolean) {
    if (this.redis !== undefined) this.redis.isFull = full;
    if (this.file !== undefined) this.file.isFull = full;
  }

  /** Errors of the disk. A Redis then refuses what changes anything (MISCONF), like one that is full. */
  set isBroken(broken: boolean) {
    if (this.redis !== undefined) this.redis.isFull = broken;
    if (this.file !== undefined) this.file.isBroken = broken;
  }

  /** Every call takes long, but not so long that a client gives up; undefined: as at first. */
  slow(howMuch: 'much' | 'some' | undefined): void {
    const muchMs: readonly [number, number] = this.redis === undefined ? [100, 900] : [50, 400];
    const latencyMs = howMuch === 'much' ? muchMs : howMuch === 'some' ? ([5, 250] as const) : undefined;
    if (this.redis !== undefined) this.redis.wayMs = latencyMs ?? this.#calmMs;
    if (this.file !== undefined) this.file.callMs = latencyMs ?? this.#calmMs;
  }

  healAll(): void {
    this.isFull = false;
    this.isBroken = false;
    this.slow(undefined);
    this.#outage++;
    if (this.file !== undefined) {
      this.file.isGone = false;
      this.file.shutOut.clear();
      this.file.lockedUntilMs = 0;
    }
    this.redis?.heal();
  }

  /** By a supervisor that saw its child die. Repeated until it has been heard. */
  releaseDead(id: string, incarnation: number): void {
    const delayMs = this.#random.between(this.#calmMs[0], this.#calmMs[1]) + 3;
    this.kernel.at(delayMs, undefined, () => {
      const reachable =
        this.redis === undefined
          ? !this.file!.isGone && !this.file!.isFull && this.file!.freeAtMs(id) <= this.kernel.nowMs
          : this.redis.state === 'up' && this.redis.reachableFrom(id);
      const again = (): void => this.kernel.at(200, undefined, () => this.releaseDead(id, incarnation));
      if (!reachable) return again();
      const done = (known: unknown): void => {
        if (known === true) for (const watch of this.watches) watch.released?.(id, incarnation);
      };
      if (this.redis === undefined) return done(this.data.memory.release(id, incarnation));
      const script = { writes: true, keys: 1, run: (data: StoreData) => data.memory.release(id, incarnation), done };
      this.redis.serve([script], true, ([reply]) => {
        if (reply === undefined || 'error' in reply) again();
      });
    });
  }
}
