/**
 * A small world around Control: clock, store with delays and outages, links, processes that die, pause and restart,
 * workers that load, serve, write and freeze. All from one seed. It checks after every event that no two nodes act for
 * one partition and that no written value is ever overwritten by an older one.
 */
import assert from 'node:assert/strict';
import { ownerName } from '../../cluster/control-types.ts';
import type { ControlEffect, ControlInput, Share, StoreEffect } from '../../cluster/control-types.ts';
import type { Control } from '../../cluster/control.ts';
import type { ControlOptions } from '../../cluster/control-types.ts';
import type { Preferences } from '../../cluster/ring.ts';
import { profiles } from '../../src/limits.ts';
import type { Profile } from '../../src/limits.ts';
import { MemoryStore } from '../../cluster/stores/memory.ts';
import { Agenda } from './agenda.ts';
import { checkActing, checkSettled, mayTick } from './control-checks.ts';
import { Links } from './control-links.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly preferences: Preferences;
  /** Builds the control: the real one, or a mutant that the test wants to see caught. */
  readonly control: (options: ControlOptions) => Control;
  readonly workers?: number;
  /** Of what is started from now on; default: `default`. */
  readonly profile?: Profile | undefined;
  /** No writes and no checks at every event: for large tables. */
  readonly light?: boolean;
  /** Probability that one message or store call takes long (up to 3 s) instead of some milliseconds. */
  readonly slow?: number;
}

/** What one worker holds of a partition. `value` stands for all state of the partition: it only grows. */
interface Held {
  state: 'loading' | 'serving' | 'freezing' | 'frozen';
  epoch: number;
  attempt: number;
  value: number;
  writtenValue: number;
  writing: boolean;
}

export interface Process {
  readonly id: string;
  readonly incarnation: number;
  readonly control: Control;
  readonly startMs: number;
  alive: boolean;
  pausedUntilMs: number;
  readonly inbox: ControlInput[];
  serveUntilMs: number;
  /** Worker -> partition -> what it holds. */
  readonly workers: Map<number, Map<number, Held>>;
}

type Job = () => void;

export class World extends Agenda {
  readonly store: MemoryStore;
  readonly processes = new Map<string, Process>();
  readonly trace: string[] = [];
  /** Last notes by name, so that a test can ask what has been reached. */
  readonly reached = new Map<string, number>();
  readonly #options: WorldOptions;
  readonly links: Links<Process>;
  readonly #storeValue = new Map<number, number>();
  readonly exited = new Map<string, number>();
  #incarnations = 0;
  storeUp = true;
  readonly storeCutFrom = new Set<string>();
  slow: number;
  restartAfterExit = true;

  constructor(options: WorldOptions) {
    super(options.seed);
    this.#options = options;
    this.links = new Links<Process>(
      this,
      (end, input) => this.step(end, input),
      () => this.#delay(),
    );
    this.slow = options.slow ?? 0;
    const { voteTtlMs, voteIssueWindowMs } = profiles[options.profile ?? 'default'];
    const nowMs = (): number => 1_700_000_000_000 + Math.floor(this.nowMs);
    this.store = new MemoryStore({ nowMs, voteTtlMs, voteIssueWindowMs });
  }

  get partitions(): number {
    return this.#options.preferences.partitions;
  }

  say(text: string): void {
    this.trace.push(`${this.nowMs.toFixed(1)} ${text}`);
  }

  start(id: string, profile = this.#options.profile): Process {
    const incarnation = ++this.#incarnations;
    const identity = {
      id,
      incarnation,
      link: `${id}:1`,
      linkHeld: true,
      workers: this.#options.workers ?? 2,
      schema: 1,
      ...(profile && { profile }),
    };
    const control = this.#options.control({ identity, preferences: this.#options.preferences });
    const process: Process = {
      id,
      incarnation,
      control,
      startMs: this.nowMs - this.between(0, 1000),
      alive: true,
      pausedUntilMs: 0,
      inbox: [],
      serveUntilMs: 0,
      workers: new Map(),
    };
    this.processes.set(id, process);
    this.say(`start ${ownerName(id, incarnation)}`);
    const isSparing = this.#options.seed % 2 === 1;
    const tick: Job = () => {
      if (!process.alive) return;
      if (this.nowMs >= process.pausedUntilMs && mayTick(process, this.nowMs - process.startMs, isSparing))
        this.step(process, { type: 'tick' });
      this.at(this.between(18, 24), tick);
    };
    this.at(0, tick);
    for (let worker = 0; worker < identity.workers; worker++) this.startWorker(process, worker);
    if (this.#options.light !== true) this.at(this.between(1, 50), () => this.#traffic(process));
    return process;
  }

  startWorker(process: Process, worker: number): void {
    this.at(this.between(0, 30), () => {
      if (!process.alive || process.workers.has(worker)) return;
      process.workers.set(worker, new Map());
      this.step(process, { type: 'worker-up', worker });
    });
  }

  killWorker(process: Process, worker: number): void {
    // The main thread hears of it before it starts another under the same number, so not while it is paused.
    if (!process.alive || this.nowMs < process.pausedUntilMs || !process.workers.delete(worker)) return;
    this.say(`worker ${worker} of ${process.id} dies`);
    this.step(process, { type: 'worker-down', worker });
    this.at(this.between(50, 500), () => this.startWorker(process, worker));
  }

  /** `machine`: no reset reaches the peers; they learn of it by silence. */
  kill(process: Process, how: { readonly release: boolean; readonly machine: boolean }): void {
    if (!process.alive) return;
    this.say(
      `kill ${ownerName(process.id, process.incarnation)}${how.release ? ' released' : ''}${how.machine ? ' machine' : ''}`,
    );
    process.alive = false;
    this.links.drop(process, how.machine ? 4_000 : 1);
    if (how.release) this.#releaseDead(process);
  }

  #releaseDead(process: Process): void {
    this.at(5, () => {
      if (this.storeUp) this.store.release(process.id, process.incarnation);
      else this.#releaseDead(process);
    });
  }

  pause(process: Process, forMs: number): void {
    if (!process.alive || process.pausedUntilMs > this.nowMs) return;
    this.say(`pause ${process.id} ${forMs.toFixed(0)}`);
    process.pausedUntilMs = this.nowMs + forMs;
    this.at(forMs, () => {
      if (!process.alive) return;
      this.say(`wake ${process.id}`);
      if (this.#options.light !== true) checkActing(this, process); // Workers may be the first to run.
      for (const input of process.inbox.splice(0)) this.step(process, input);
    });
  }

  step(process: Process, input: ControlInput): void {
    if (!process.alive) return;
    if (this.nowMs < process.pausedUntilMs) {
      process.inbox.push(input);
      return;
    }
    for (const effect of process.control.step(input, this.nowMs - process.startMs)) {
      this.#perform(process, effect);
      if (!process.alive) return;
    }
    if (this.#options.light !== true) checkActing(this, process);
  }

  #perform(process: Process, effect: ControlEffect): void {
    switch (effect.do) {
      case 'store':
        return this.#askStore(process, effect);
      case 'serve-until':
        process.serveUntilMs = process.startMs + effect.untilMs;
        if (effect.untilMs === 0) this.#reach('stopped');
        return;
      case 'connect':
        // The node with the smaller name dials.
        if (process.id > effect.peer) return;
        return this.links.connect(process, () => this.processes.get(effect.peer));
      case 'disconnect':
      case 'cluster-clock':
      case 'save-again':
      case 'table':
        return;
      case 'send':
        return this.links.send(process, effect.peer, effect.incarnation, effect.frame);
      case 'assign':
        for (const share of effect.shares) this.#assign(process, effect.worker, share);
        return;
      case 'freeze':
        for (const share of effect.shares) this.#freeze(process, effect.worker, effect.attempt, share);
        return;
      case 'thaw':
        this.#reach('thaw');
        for (const { partition, epoch } of effect.shares) {
          const held = process.workers.get(effect.worker)?.get(partition);
          if (held !== undefined && held.epoch === epoch) held.state = 'serving';
        }
        return;
      case 'drop':
        for (const partition of effect.partitions) {
          const holder = process.workers.get(effect.worker);
          const held = holder?.get(partition);
          if (effect.to !== undefined && held !== undefined && held.state !== 'loading') {
            assert.equal(
              held.state,
              'frozen',
              `partition ${partition} handed over by ${process.id} before all was written`,
            );
          }
          holder?.delete(partition);
        }
        return;
      case 'note':
        this.#reach(effect.event);
        if (effect.level !== 'debug') this.say(`${process.id} ${effect.event} ${JSON.stringify(effect.fields)}`);
        return;
      case 'exit': {
        this.say(`exit ${ownerName(process.id, process.incarnation)} ${effect.code} ${effect.reason}`);
        this.#reach(`exit-${effect.reason}`);
        process.alive = false;
        this.exited.set(process.id, effect.code);
        this.links.drop(process, 1);
        this.#releaseDead(process); // A supervisor does so for every child that ended.
        if (effect.code === 70 && this.restartAfterExit) this.at(this.between(50, 300), () => this.restart(process.id));
        return;
      }
    }
  }

  /** Like a supervisor: only when no process of that name runs. */
  restart(id: string): void {
    if (this.processes.get(id)?.alive !== true) this.start(id);
  }

  #reach(name: string): void {
    this.reached.set(name, (this.reached.get(name) ?? 0) + 1);
  }

  #delay(): number {
    return this.random() < this.slow ? this.between(20, 3_000) : this.between(0.2, 3);
  }

  #storeReachable(process: Process): boolean {
    return this.storeUp && !this.storeCutFrom.has(process.id);
  }

  #askStore(process: Process, { id, op, args }: StoreEffect): void {
    const lostOnTheWay = (): void => {
      if (this.random() < 0.5)
        this.at(this.between(1, 100), () => this.step(process, { type: 'store-error', id, error: 'lost' }));
    };
    this.at(this.#delay(), () => {
      if (!this.#storeReachable(process)) return lostOnTheWay();
      const result = (this.store[op] as (...list: readonly unknown[]) => never)(...args);
      this.at(this.#delay(), () => {
        if (!this.#storeReachable(process)) return lostOnTheWay();
        this.step(process, { type: 'store-reply', id, result });
      });
    });
  }

  #assign(process: Process, worker: number, { partition, epoch }: Share): void {
    const holder = process.workers.get(worker);
    if (holder === undefined) return;
    const held: Held = { state: 'loading', epoch, attempt: 0, value: 0, writtenValue: 0, writing: false };
    holder.set(partition, held);
    const load: Job = () => {
      if (!process.alive || process.workers.get(worker)?.get(partition) !== held) return;
      if (this.nowMs < process.pausedUntilMs || !this.#storeReachable(process))
        return this.at(this.between(10, 50), load);
      const value = this.store.load([partition])[0]?.value;
      held.value = held.writtenValue =
        value === undefined ? 0 : new DataView(value.buffer, value.byteOffset).getFloat64(0);
      held.state = 'serving';
      this.step(process, { type: 'worker-serving', worker, shares: [{ partition, epoch }] });
    };
    this.at(this.between(0.2, 5), load);
  }

  #freeze(process: Process, worker: number, attempt: number, { partition, epoch }: Share): void {
    const held = process.workers.get(worker)?.get(partition);
    if (held === undefined || held.epoch !== epoch || held.state !== 'serving') return;
    held.state = 'freezing';
    held.attempt = attempt;
    this.#write(process, worker, partition, held);
  }

  #frozenIfWritten(process: Process, worker: number, partition: number, held: Held): void {
    if (held.state !== 'freezing' || held.writing || held.writtenValue !== held.value) return;
    held.state = 'frozen';
    const { epoch, attempt } = held;
    this.at(this.between(0, 1), () =>
      this.step(process, { type: 'worker-frozen', worker, attempt, shares: [{ partition, epoch }] }),
    );
  }

  /** One write under way per partition, always of the newest value. */
  #write(process: Process, worker: number, partition: number, held: Held): void {
    const current = (): boolean => process.alive && process.workers.get(worker)?.get(partition) === held;
    if (held.writing || !current()) return;
    if (held.writtenValue === held.value) return this.#frozenIfWritten(process, worker, partition, held);
    held.writing = true;
    const value = held.value;
    const again: Job = () => {
      held.writing = false;
      if (current()) this.#write(process, worker, partition, held);
    };
    this.at(this.#delay(), () => {
      if (!this.#storeReachable(process)) return this.at(30, again);
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setFloat64(0, value);
      const owner = ownerName(process.id, process.incarnation);
      const reply = this.store.write(partition, held.epoch, owner, [['value', bytes]]);
      if (reply === 'ok') {
        const before = this.#storeValue.get(partition) ?? 0;
        // A worker that was dropped may have its last write land; it must still not undo another's.
        assert.ok(value > before, `partition ${partition}: ${owner} wrote ${value} over ${before}`);
        this.#storeValue.set(partition, value);
      }
      this.at(this.#delay(), () => {
        held.writing = false;
        if (!current()) return;
        if (reply === 'ok') {
          held.writtenValue = value;
          this.#write(process, worker, partition, held);
        } else {
          this.#reach('write-refused');
          this.step(process, { type: 'worker-fenced', worker, shares: [{ partition, epoch: held.epoch }] });
        }
      });
    });
  }

  #traffic(process: Process): void {
    if (!process.alive) return;
    if (this.nowMs >= process.pausedUntilMs && this.nowMs < process.serveUntilMs) {
      for (const [worker, holder] of process.workers) {
        for (const [partition, held] of holder) {
          if (held.state !== 'serving' || this.random() < 0.5) continue;
          held.value++;
          this.#write(process, worker, partition, held);
        }
      }
    }
    this.at(this.between(20, 120), () => this.#traffic(process));
  }

  healAll(): void {
    this.links.healAll();
    this.storeUp = true;
    this.storeCutFrom.clear();
    this.slow = 0;
  }

  actingFor(process: Process, partition: number): boolean {
    if (!process.alive || this.nowMs < process.pausedUntilMs || this.nowMs >= process.serveUntilMs) return false;
    for (const holder of process.workers.values()) if (holder.get(partition)?.state === 'serving') return true;
    return false;
  }

  /** Partitions that nobody acts for. */
  unserved(): number[] {
    const missing: number[] = [];
    for (let partition = 0; partition < this.partitions; partition++) {
      if (![...this.processes.values()].some((process) => this.actingFor(process, partition))) missing.push(partition);
    }
    return missing;
  }

  checkSettled(): void {
    checkSettled(this);
  }
}
