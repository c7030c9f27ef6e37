/**
 * The partitions of one node. Looks at every share whenever something changed, decides its move (share.ts) and has the
 * moves performed in groups (share-moves.ts).
 */
import { limits } from '../src/limits.ts';
import type { ControlEffect, PeerFrame, Share, WorkerInput } from './control-types.ts';
import { Ramp } from './ramp.ts';
import { ShareMoves } from './share-moves.ts';
import type { Left, SharesPorts } from './share-moves.ts';
import { Groups, moveOf } from './share.ts';
import type { Stage } from './share.ts';
import type { Table } from './table.ts';

type HandedFrame = Extract<PeerFrame, { readonly type: 'handed' }>;

export class Shares {
  readonly #moves: ShareMoves;
  readonly #emit: (effect: ControlEffect) => void;
  #arrivedSinceMs = Infinity;
  #arrived = 0;
  /** A share began or ceased to serve, or the table is another. */
  #arrivalChanged = false;
  /** Some were handed to us before we knew the table that says so. */
  #handedEarly = false;
  #storeLife: string | undefined;
  /** How many may be frozen at once: half as many when one took too long, one more with each that did not. */
  #freezesMax: number = limits.freezesInFlightMax;
  /** When the last ones were begun to be given away, and how many times that was without a longer pause. */
  #givesSinceMs = -Infinity;
  readonly #gives = new Ramp(limits.giveTimesEach);
  /** How many at most, if it were alone in giving. */
  #givesMax = 1;
  /** Something waits for its time. */
  #unsettled = false;

  constructor(id: string, incarnation: number, partitions: number, ports: SharesPorts) {
    this.#moves = new ShareMoves(id, incarnation, partitions, ports);
    this.#emit = (effect) => ports.emit(effect);
  }

  adopt(table: Table, nowMs: number): void {
    const { coming } = this.#moves;
    this.#moves.adopt(table);
    // It says so of some: the rest of them gets its own time.
    if (this.#moves.coming.length < coming.length) this.#arrivedSinceMs = Infinity;
    // The word of its owner comes first, but for what was to come already it is waited for since then: tables may come all the time.
    if (this.#handedEarly) this.#moves.pollAtMs = nowMs;
    else if (coming.length === 0) this.#moves.pollAtMs = Math.max(this.#moves.pollAtMs, nowMs + limits.ownersPollMs);
    this.#handedEarly = false;
    this.#placeOnWorkers(false);
    this.#arrivalChanged = true;
    this.#moves.busy = true;
  }

  /** What a worker reports, and news of workers. */
  take(input: WorkerInput, nowMs: number): void {
    this.#arrivalChanged = true;
    switch (input.type) {
      case 'worker-up':
        return this.workerUp(input.worker);
      case 'worker-down':
        return this.workerDown(input.worker);
      case 'worker-serving':
        return this.serving(input.worker, input.shares);
      case 'worker-frozen':
        return this.frozen(input.worker, input.attempt, input.shares);
      case 'worker-fenced':
        return this.fenced(input.worker, input.shares, nowMs);
    }
  }

  workerUp(worker: number): void {
    this.#moves.places.add(worker);
    this.#placeOnWorkers(true);
    this.#moves.busy = true;
  }

  workerDown(worker: number): void {
    this.#moves.places.delete(worker);
    for (const part of this.#moves.parts) {
      if (part.worker !== worker) continue;
      part.worker = -1;
      // What is being sealed away was written before; all else is ours and needs a new seal against late writes.
      if (part.stage !== 'claiming' && part.stage !== 'handing' && part.stage !== 'handed' && part.stage !== 'away') {
        part.stage = 'lost';
        part.operation = 0;
        part.notBeforeMs = 0;
      }
    }
    this.#placeOnWorkers(false);
    this.#moves.busy = true;
  }

  serving(worker: number, shares: readonly Share[]): void {
    for (const { partition, epoch } of shares) {
      const part = this.#moves.parts[partition]!;
      if (part.stage === 'loading' && part.worker === worker && part.epoch === epoch) part.stage = 'serving';
    }
    this.#moves.busy = true;
  }

  frozen(worker: number, attempt: number, shares: readonly Share[]): void {
    for (const { partition, epoch, rows = 0 } of shares) {
      const part = this.#moves.parts[partition]!;
      if (part.stage !== 'freezing' || part.worker !== worker) continue;
      if (part.epoch === epoch && part.operation === attempt) part.stage = 'frozen';
      part.rows = rows;
      this.#freezesMax = Math.min(this.#freezesMax + 1, limits.freezesInFlightMax);
    }
    this.#moves.busy = true;
  }

  fenced(worker: number, shares: readonly Share[], nowMs: number): void {
    for (const { partition, epoch } of shares) {
      const part = this.#moves.parts[partition]!;
      if (part.worker !== worker || part.epoch !== epoch) continue;
      this.#moves.overtaken(part, partition, nowMs);
    }
    this.#moves.busy = true;
  }

  /** The store says which life it has. In another one it may have lost seals and rows: both are made anew. */
  storeLives(life: string): void {
    const before = this.#storeLife;
    this.#storeLife = life;
    if (before === undefined || before === life) return;
    for (const part of this.#moves.parts) part.doubted = part.stage !== 'away' && part.stage !== 'claiming';
    this.#moves.restless.addAll();
    this.#moves.busy = true;
  }

  /** Another node sealed these to us. When our table does not know of it yet, the store is asked once it does. */
  handed({ partitions, epochs, rows }: HandedFrame, keeper: string, nowMs: number): void {
    const taken: number[] = [];
    const left = new Map<number, Left>();
    for (let i = 0; i < partitions.length; i++) {
      const partition = partitions[i]!;
      const part = this.#moves.parts[partition];
      if (part === undefined || part.stage !== 'away' || epochs[i]! <= part.known) continue;
      const want = this.#moves.want(partition);
      if (want !== 'take' && want !== 'mine') continue;
      part.epoch = part.known = epochs[i]!;
      taken.push(partition);
      const count = rows?.[i] ?? 0;
      if (count > 0) left.set(partition, { rows: count, keeper });
    }
    if (taken.length < partitions.length) this.#handedEarly = true;
    this.#moves.load(taken, nowMs, left);
    this.#moves.learnSeals(taken);
    this.#moves.busy = true;
  }

  /** Partitions under way to us that we serve already: the next table may say so. */
  arrived(): number[] {
    return this.#moves.coming.filter((partition) => this.#moves.parts[partition]!.stage === 'serving');
  }

  /** All of them have arrived, or the first a while ago. */
  isArrivalDue(nowMs: number): boolean {
    if (this.#arrivalChanged) {
      this.#arrivalChanged = false;
      this.#arrived = this.arrived().length;
      this.#arrivedSinceMs = this.#arrived === 0 ? Infinity : Math.min(this.#arrivedSinceMs, nowMs);
    }
    if (this.#arrived === 0) return false;
    return this.#arrived === this.#moves.coming.length || nowMs - this.#arrivedSinceMs >= limits.tableBatchMs;
  }

  /** Nothing is here, and nothing is meant to come. */
  isEmpty(): boolean {
    return this.#moves.wanted === 0 && this.#moves.parts.every(({ stage }) => stage === 'away');
  }

  /** No worker changes anything any more: everything written. */
  isStill(): boolean {
    return this.#moves.parts.every(({ stage }) => stage !== 'loading' && stage !== 'serving' && stage !== 'freezing');
  }

  /** Everything that the table wants here is served. */
  isServing(): boolean {
    const { restless, parts } = this.#moves;
    for (let partition = restless.next(0); partition >= 0; partition = restless.next(partition + 1)) {
      const { stage } = parts[partition]!;
      const want = this.#moves.want(partition);
      if (want === 'none' || want === 'take' || stage === 'serving' || (want === 'give' && stage === 'handed'))
        continue;
      return false;
    }
    return true;
  }

  /** Something waits for its time: `run` has to be called with every tick. */
  get isUnsettled(): boolean {
    return this.#unsettled || this.#moves.busy;
  }

  /** One line for people. */
  describe(): string {
    const counts = new Map<Stage, number>();
    for (const { stage } of this.#moves.parts) if (stage !== 'away') counts.set(stage, (counts.get(stage) ?? 0) + 1);
    return [...counts].map(([stage, count]) => `${stage} ${count}`).join(', ') || 'none';
  }

  /**
   * Takes every step that is due. `closing`: freeze all, claim and give nothing. `storeAnswers`: without a store
   * nothing is frozen, since a frozen partition could not be written.
   */
  run(nowMs: number, tick: boolean, closing: boolean, storeAnswers: boolean): void {
    if (this.#moves.table === undefined || !(this.#moves.busy || (tick && this.#unsettled))) return;
    this.#moves.busy = false;
    const claims = new Groups<number>();
    const hands = new Groups<string>();
    const freezes = new Groups<number>();
    const thaws = new Groups<number>();
    const drops = new Groups<string>();
    const polls: number[] = [];
    const doubts: number[] = [];
    const again = new Groups<string>();
    const circumstances = { nowMs, closing, pollDue: nowMs >= this.#moves.pollAtMs };
    let room = this.#freezeRoom(closing, storeAnswers);
    const giveRoom = this.#giveRoom(nowMs);
    let gives = giveRoom;
    let settled = true;
    let isLate = false;

    const { restless } = this.#moves;
    if (closing) restless.addAll();
    for (let partition = restless.next(0); partition >= 0; partition = restless.next(partition + 1)) {
      const part = this.#moves.parts[partition]!;
      const want = this.#moves.want(partition);
      if (part.stage === 'away' && want === 'none' && part.worker < 0) {
        restless.delete(partition);
        continue;
      }
      if (part.doubted) {
        settled = false;
        this.#moves.sealOf(part, partition, again);
      }
      const receiver = want === 'give' ? this.#moves.receiver(partition) : '';
      const rightWorker = this.#moves.places.of(partition) === part.worker;
      if (part.stage !== 'serving' || want !== 'mine' || !rightWorker) settled = false;
      else if (!part.doubted && !closing) restless.delete(partition);
      switch (moveOf(part, want, receiver, rightWorker, circumstances)) {
        case 'stay':
          break;
        case 'release':
          this.#moves.release(part, partition, drops);
          break;
        case 'poll':
          polls.push(partition);
          break;
        case 'claim':
          this.#moves.claim(part, partition, want, nowMs, claims);
          break;
        case 'freeze':
          if (room <= 0 || (want === 'give' && gives <= 0 && !closing)) break;
          room--;
          if (want === 'give') gives--;
          freezes.add(part.worker, partition);
          break;
        case 'thaw':
          thaws.add(part.worker, partition);
          if (part.stage === 'freezing' && want === 'give') isLate = true;
          break;
        case 'hand': {
          // The same seal again when its outcome was unknown, so that the receiver sees one epoch only.
          const epoch = part.sealEpoch > 0 && part.to === receiver ? part.sealEpoch : part.known + 1;
          hands.add(`${epoch} ${receiver}`, partition);
          break;
        }
        case 'resolve':
          doubts.push(partition);
          break;
      }
    }
    if (gives < giveRoom) {
      this.#givesSinceMs = nowMs;
      this.#gives.times++;
    }
    if (isLate) this.#freezesMax = Math.max(limits.freezesInFlightMin, this.#freezesMax >> 1);
    this.#unsettled = !settled || this.#moves.hasToLearn;

    if (nowMs >= this.#moves.sealAgainAtMs)
      for (const [key, partitions] of again) this.#moves.sealAgain(key, partitions);
    for (const [key, partitions] of drops) {
      const [worker, to] = key.split(' ', 2);
      this.#emit({ do: 'drop', worker: Number(worker), partitions, to: to === '' ? undefined : { node: to! } });
    }
    for (const [worker, partitions] of thaws) this.#moves.thaw(worker, partitions, nowMs);
    for (const [worker, partitions] of freezes) this.#moves.freeze(worker, partitions, nowMs);
    for (const [epoch, partitions] of claims) this.#moves.sealToSelf(epoch, partitions);
    for (const [key, partitions] of hands) this.#moves.sealAway(key, partitions);
    if (circumstances.pollDue) this.#moves.poll(polls, nowMs);
    if (doubts.length > 0) this.#moves.resolveDoubts(doubts);
  }

  /** How many more may be frozen now. Without a store none: a frozen partition could not be written. */
  #freezeRoom(closing: boolean, storeAnswers: boolean): number {
    if (!storeAnswers) return 0;
    if (closing) return Infinity;
    let inFlight = 0;
    const { restless, parts } = this.#moves;
    for (let partition = restless.next(0); partition >= 0; partition = restless.next(partition + 1)) {
      const { stage } = parts[partition]!;
      if (stage === 'freezing' || stage === 'frozen' || stage === 'handing') inFlight++;
    }
    return this.#freezesMax - inFlight;
  }

  /** How many more may begin to be given away now. */
  #giveRoom(nowMs: number): number {
    const sinceMs = nowMs - this.#givesSinceMs;
    if (sinceMs < limits.givesEveryMs) return 0;
    if (sinceMs >= limits.givesAfreshMs) {
      this.#gives.times = 0;
      this.#givesMax = this.#moves.wanted / limits.giveTimesAim;
    }
    // Who gets something is cold, and so is the way to it.
    return this.#gives.room(Math.ceil(this.#givesMax / Math.max(1, this.#moves.givers)));
  }

  /** `balance` also moves partitions between workers. */
  #placeOnWorkers(balance: boolean): void {
    this.#moves.restless.addAll();
    const wanted: number[] = [];
    for (let partition = 0; partition < this.#moves.parts.length; partition++) {
      if (this.#moves.want(partition) !== 'none') wanted.push(partition);
    }
    this.#moves.places.place(wanted, (partition) => this.#moves.want(partition) === 'mine', balance);
  }
}
