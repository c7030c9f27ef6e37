/**
 * A Redis with replicas and Sentinels: the master runs one script at a time, its replicas get every change a little later,
 * WAIT waits for them, and when the master is lost one of them takes over under a new run id, without what it had not got.
 */
import { replicasToConfirm } from '../../cluster/stores/redis/confirm.ts';
import { StoreError } from '../../cluster/store-ports.ts';
import { limits } from '../../src/limits.ts';
import type { Kernel } from '../kernel.ts';
import type { Stream } from '../random.ts';
import { StoreData } from './data.ts';
import type { VoteTimes } from './data.ts';
import type { Outcome, StoreWatch } from './operation.ts';

/** One script. */
export interface Script {
  readonly writes: boolean;
  /** What it costs the master in time, in units of one key. */
  readonly keys: number;
  run(data: StoreData): unknown;
  done(result: unknown): void;
}

/** A change on its way to the replicas. */
interface Change {
  readonly atMs: number;
  readonly run: (data: StoreData) => void;
}

interface Replica {
  readonly data: StoreData;
  /** Changes that it has not got, or not looked at, with the time at which they come. */
  readonly coming: { readonly change: Change; readonly arrivesMs: number }[];
  lastArrivalMs: number;
}

const msPerKey = 0.01;
const loadingMs = 40;

export class SimRedis {
  readonly kernel: Kernel;
  readonly random: Stream;
  readonly #watches: readonly StoreWatch[];
  readonly #times: VoteTimes;
  readonly #replicas: Replica[];
  readonly #lagMs: readonly [number, number];
  data: StoreData;
  /** From a node to the master or back. */
  wayMs: readonly [number, number];
  /** `refusing`: nobody listens. `silent`: packets to it and from it are lost. */
  state: 'up' | 'refusing' | 'silent' = 'up';
  isFull = false;
  readonly cutFrom = new Set<string>();
  /** Grows with every master: connections to an earlier one are of no use. */
  run = 1;
  /** Grows with every wipe. */
  #born = 1;
  #loadingUntilMs = 0;
  /** Until when it is busy with what came before, or hangs. */
  #freeAtMs = 0;
  /** The replicas get nothing from this moment on. */
  #stalledSinceMs = Infinity;
  readonly #onChange = new Set<() => void>();

  constructor(
    kernel: Kernel,
    random: Stream,
    watches: readonly StoreWatch[],
    wayMs: readonly [number, number],
    replicas: number,
    lagMs: readonly [number, number],
    times: VoteTimes,
  ) {
    this.kernel = kernel;
    this.random = random;
    this.#watches = watches;
    this.wayMs = wayMs;
    this.#lagMs = lagMs;
    this.#times = times;
    this.data = new StoreData(() => kernel.nowMs, times);
    this.#replicas = Array.from({ length: replicas }, () => this.#newReplica());
  }

  /** As LeaseReply.storeLife: another one when something may be lost. */
  get life(): string {
    return `${this.run} ${this.#born}`;
  }

  delayMs(): number {
    return this.random.between(this.wayMs[0], this.wayMs[1]);
  }

  reachableFrom(node: string): boolean {
    return this.state !== 'silent' && !this.cutFrom.has(node);
  }

  /** Called after each change of who reaches it; a connection removes itself by the returned function. */
  onChange(run: () => void): () => void {
    this.#onChange.add(run);
    return () => this.#onChange.delete(run);
  }

  changed(): void {
    for (const run of [...this.#onChange]) run();
  }

  /**
   * Scripts of one pipeline, in order, when it is their turn. `done` gets what the server would answer and how long it
   * waits for its replicas before it does; it is not called when the master was lost before their turn.
   */
  serve(
    scripts: readonly Script[],
    confirmed: boolean,
    done: (replies: Outcome<unknown>[], waitMs: number) => void,
  ): void {
    const { kernel, run } = this;
    const keys = scripts.reduce((sum, script) => sum + script.keys, 0);
    const startMs = Math.max(kernel.nowMs, this.#freeAtMs);
    this.#freeAtMs = startMs + keys * msPerKey;
    const turn = (): void => {
      if (this.run !== run || this.state === 'refusing') return;
      const replies = scripts.map((script) => this.#perform(script));
      const waitMs = confirmed ? this.#confirmedInMs() : 0;
      if (waitMs <= limits.redisConfirmMs) return done(replies, waitMs);
      const fault = { error: new StoreError('unreachable', 'too few replicas of the store confirmed a write') };
      done(
        replies.map((reply) => ('error' in reply ? reply : fault)),
        limits.redisConfirmMs,
      );
    };
    if (startMs === kernel.nowMs) turn();
    else kernel.at(startMs - kernel.nowMs, undefined, turn);
  }

  /** A change that all of them have from the beginning. */
  everywhere(change: (data: StoreData) => void): void {
    change(this.data);
    for (const replica of this.#replicas) change(replica.data);
  }

  // Faults

  /** One script that does not end: nothing else is served for so long. */
  hang(forMs: number): void {
    this.#freeAtMs = Math.max(this.#freeAtMs, this.kernel.nowMs + forMs);
  }

  /** FLUSHALL. The users are put back by whoever provisions them. */
  wipe(): void {
    const users = this.data.memory.users('', limits.storeUsersPageMax);
    this.data = new StoreData(() => this.kernel.nowMs, this.#times);
    for (const user of users) this.data.memory.putUser(user);
    for (let index = 0; index < this.#replicas.length; index++) this.#replicas[index] = this.#newReplica();
    this.#born++;
    for (const watch of this.#watches) watch.lost?.(this.data);
  }

  /** The way to the replicas breaks; the master does not know yet. */
  stallReplicas(): void {
    this.#stalledSinceMs = Math.min(this.#stalledSinceMs, this.kernel.nowMs);
  }

  /** Nobody reaches it: its port is closed, or nothing is heard of it any more. */
  vanish(silently: boolean): void {
    this.state = silently ? 'silent' : 'refusing';
    this.changed();
  }

  /** All faults are over. */
  heal(): void {
    this.cutFrom.clear();
    this.#freeAtMs = Math.min(this.#freeAtMs, this.kernel.nowMs);
    this.comeBack();
  }

  /** It is reached again. A failover that was under way, before nobody reached anything, comes to its end at once. */
  comeBack(): void {
    if (this.#stalledSinceMs !== Infinity) return this.promote();
    this.state = 'up';
    this.changed();
  }

  /** The replica that has most takes over; where there is none, the master comes back and has lost nothing. */
  promote(): void {
    const { kernel } = this;
    let best: Replica | undefined;
    for (const replica of this.#replicas) {
      this.#catchUp(replica);
      if (best === undefined || replica.coming.length < best.coming.length) best = replica;
    }
    this.run++;
    this.state = 'up';
    this.#freeAtMs = kernel.nowMs;
    this.#stalledSinceMs = Infinity;
    if (best === undefined) this.#loadingUntilMs = kernel.nowMs + loadingMs;
    else {
      this.data = best.data;
      // The one before comes back as a replica, and all of them are made anew from the new master.
      for (let index = 0; index < this.#replicas.length; index++) this.#replicas[index] = this.#newReplica();
    }
    this.data.memory.forgetVotes();
    for (const watch of this.#watches) watch.lost?.(this.data);
    this.changed();
  }

  #perform(script: Script): Outcome<unknown> {
    if (this.kernel.nowMs < this.#loadingUntilMs)
      return { error: new StoreError('busy', 'LOADING Redis is loading the dataset in memory') };
    if (this.isFull && script.writes)
      return { error: new StoreError('full', 'The store has used up its maxmemory; nothing was written.') };
    try {
      const result = script.run(this.data);
      if (script.writes) this.#replicate((data) => void script.run(data));
      script.done(result);
      return { result };
    } catch (error) {
      if (error instanceof StoreError) return { error };
      throw error;
    }
  }

  #replicate(run: (data: StoreData) => void): void {
    const { nowMs } = this.kernel;
    const change = { atMs: nowMs, run };
    for (const replica of this.#replicas) {
      this.#catchUp(replica);
      const lagMs = nowMs >= this.#stalledSinceMs ? Infinity : this.random.between(this.#lagMs[0], this.#lagMs[1]);
      replica.lastArrivalMs = Math.max(replica.lastArrivalMs, nowMs + lagMs);
      replica.coming.push({ change, arrivesMs: replica.lastArrivalMs });
    }
  }

  #catchUp(replica: Replica): void {
    const { nowMs } = this.kernel;
    while (replica.coming.length > 0 && replica.coming[0]!.arrivesMs <= nowMs) {
      const { change } = replica.coming.shift()!;
      replica.data.repeat(change.atMs, change.run);
    }
  }

  /** How long WAIT takes, for as many replicas as production wants. */
  #confirmedInMs(): number {
    const needed = replicasToConfirm(this.#replicas.length);
    if (needed === 0) return 0;
    const { nowMs } = this.kernel;
    const arrivals = this.#replicas
      .map(({ lastArrivalMs }) => Math.max(lastArrivalMs, nowMs))
      .toSorted((a, b) => a - b);
    return (arrivals[needed - 1] ?? Infinity) - nowMs;
  }

  #newReplica(): Replica {
    return { data: this.data.copy(), coming: [], lastArrivalMs: this.kernel.nowMs };
  }
}
