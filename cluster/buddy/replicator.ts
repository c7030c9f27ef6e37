/**
 * Two copies before a packet leaves: what the partitions of a worker change goes to the memory of their buddy at once and
 * to the store a little later, the latest state of each entity only. A gate opens as soon as one of them has it; a change
 * that must survive more than one node waits for the store.
 *
 * When does the buddy's word count? When the store's marker of the partition names it and tells up to where the store
 * goes: then whoever takes the partition over knows whom to ask, and which of its rows are newer. So the first write after
 * a change of buddy goes to the store, and names it. A buddy that does not answer in time is not relied on any more, and
 * what it has not acknowledged goes to the store.
 */
import { limits } from '../../src/limits.ts';
import type { Late, Row } from '../../actors/ports.ts';
import type { Done, SnapshotAccess } from '../store-access.ts';
import type { SnapshotRow, StoreError, WriteReply } from '../store-ports.ts';
import { nodeOf } from '../control-types.ts';
import { Copier, type CopierPorts } from './copier.ts';
import { markerRow, packWord, type BuddyWord, type OwnerWord } from './messages.ts';
import { Track, Tracks, type Flight, type Waiter } from './track.ts';

/** What a gate waits for: the buddy's memory or the store, the store alone, or nothing at all. */
export type GateClass = 'buddy' | 'store' | 'off';

export interface ReplicatorPorts extends CopierPorts {
  readonly gate: GateClass;
  readonly store: SnapshotAccess;
  /** Monotonic. */
  nowMs(): number;
  /** A later owner has the partition. */
  fenced(partition: number): void;
  /** Runs it after this call has returned. */
  soon(run: () => void): void;
  count(metric: string): void;
}

/** Partitions of this worker that have the same buddy. */
export interface CopyGroup {
  /** Id of the node; '' for none: their gates wait for the store. */
  readonly buddy: string;
  /** Epochs of the partitions. */
  readonly epochMin: number;
  readonly epochMax: number;
  /** Changes that the buddy has not acknowledged. */
  readonly unacknowledged: number;
  /** Rows that the store has not got yet. */
  readonly behind: number;
  /** Partitions whose gates the buddy opens; those of the others wait for the store. */
  readonly relied: number;
}

export class Replicator {
  readonly #ports: ReplicatorPorts;
  readonly #tracks = new Tracks();
  /** To be written to the store, in the order of their time. */
  readonly #queue = new Map<Track, number>();
  /** With copies that are not acknowledged. */
  readonly #unacked = new Set<Track>();
  /** By partition, whom the table names. */
  readonly #wanted = new Map<number, string>();
  readonly #flushes = new Map<Track, (() => void)[]>();
  readonly #copier: Copier;

  constructor(ports: ReplicatorPorts) {
    this.#ports = ports;
    this.#copier = new Copier(ports);
  }

  /**
   * Begins with a partition. `rows`: what another memory had and the store has not; they are written like all others.
   * `isMarked`: the store's marker names somebody.
   */
  begin(partition: number, epoch: number, owner: string, rows: readonly SnapshotRow[], isMarked: boolean): void {
    this.end(partition);
    const track = new Track(partition, epoch, owner);
    track.isMarked = isMarked;
    track.wanted = this.#wanted.get(partition) ?? '';
    this.#tracks.set(partition, track);
    for (const [key, value] of rows) track.put(key, value);
    if (rows.length > 0) this.#write(track);
  }

  /** Forgets a partition; who still waits is told that the store is closed to them. */
  end(partition: number): void {
    const track = this.#tracks.get(partition);
    if (track === undefined) return;
    this.#remove(track);
    for (const waiter of track.takeAll()) waiter.done(undefined, { fencedBy: track.epoch });
  }

  /** Whom the table names for these partitions and we have a link to (`ownerName`), '' for nobody. */
  buddies(buddy: string, partitions: readonly number[]): void {
    for (const partition of partitions) {
      this.#wanted.set(partition, buddy);
      const track = this.#tracks.get(partition);
      if (track === undefined) continue;
      track.wanted = buddy;
      if (track.relied !== '' && track.relied !== buddy) this.#abandon(track);
    }
  }

  /** The store may have lost its marker, or have one of long ago: nobody's word counts until it has one again. */
  forgotten(partition: number): void {
    const track = this.#tracks.get(partition);
    if (track === undefined) return;
    track.isMarked = true;
    if (track.relied !== '') this.#abandon(track);
  }

  /** As SnapshotAccess.write: `done` is called once, later. Rows of partitions that did not begin here go to the store. */
  write(
    partition: number,
    epoch: number,
    owner: string,
    rows: readonly SnapshotRow[],
    durable: boolean,
    done: Done<WriteReply>,
  ): void {
    const track = this.#tracks.get(partition);
    if (track === undefined || track.epoch !== epoch || track.owner !== owner)
      return this.#ports.store.write(partition, epoch, owner, rows, durable, done);
    // Kept as they are until the store has them: every row is made anew by the saver.
    for (const [key, value] of rows) track.put(key, value);
    if (this.#ports.gate === 'off') {
      this.#ports.soon(() => done(undefined, 'ok'));
      return this.#later(track);
    }
    track.wait({ seq: track.seq, durable, done, storeError: undefined });
    if (track.relied !== '') this.#copy(track);
    if (durable || track.relied === '') this.#write(track);
    else this.#later(track);
  }

  /** As `PartitionPorts.keep`. False: the partition did not begin here, or there is a gate. */
  keep(partition: number, epoch: number, owner: string, late: Late, rowOf: (late: Late) => Row | undefined): boolean {
    const track = this.#tracks.get(partition);
    const isOurs = this.#ports.gate === 'off' && track?.epoch === epoch && track.owner === owner;
    if (isOurs && track.putLate(late, rowOf)) this.#later(track);
    return isOurs;
  }

  /** Calls `done` when the store has everything of the partition; again and again until the store takes it. */
  flush(partition: number, done: () => void): void {
    const track = this.#tracks.get(partition);
    track?.askLate();
    if (track === undefined || (track.isStored && !track.hasToUnmark)) return this.#ports.soon(done);
    this.#flushes.set(track, [...(this.#flushes.get(track) ?? []), done]);
    this.#write(track);
  }

  /**
   * As `flush`, before the partition is given away: the store's marker names nobody then, so the next owner need not ask. No
   * buddy's word counts from now on until `stay`, or the marker would hide what only a buddy has.
   */
  leave(partition: number, done: () => void): void {
    const track = this.#tracks.get(partition);
    if (track !== undefined && !track.leaving) {
      track.leaving = true;
      track.former = track.relied;
      if (track.relied !== '') this.#relyOnStore(track);
    }
    this.flush(partition, done);
  }

  /** It is not given away after all. */
  stay(partition: number): void {
    const track = this.#tracks.get(partition);
    if (track !== undefined) track.leaving = false;
  }

  /** The buddy of a partition has answered. */
  onWord(partition: number, word: BuddyWord): void {
    const track = this.#tracks.get(partition);
    if (track === undefined) return;
    if (word.type === 'held') return this.#onHeld(track, word.buddy, word.epoch);
    if (word.epoch !== track.epoch || word.type === 'tail') return;
    if (track.relied === '' || word.base !== track.base) return;
    if (word.type === 'ack') return this.#onAck(track, word.seq);
    this.#ports.count(`copy.refused-${word.reason}`);
    if (word.reason === 'fenced') return this.#fence(track, { fencedBy: track.epoch });
    track.notBeforeMs = this.#ports.nowMs() + limits.copyBackoffMs;
    this.#abandon(track);
  }

  #onAck(track: Track, seq: number): void {
    if (seq > track.acked) {
      track.unackedSinceMs = this.#ports.nowMs();
      this.#release(track.ack(seq));
      if (track.acked >= track.copied) this.#unacked.delete(track);
    } else if (seq === track.acked && seq < track.copied && track.hasDatagrams) this.#again(track);
  }

  /** Every limits.timerTickMs: what is due goes to the store, and who does not acknowledge is not waited for. */
  tick(): void {
    const nowMs = this.#ports.nowMs();
    for (const [track, dueMs] of this.#queue) {
      if (dueMs > nowMs) break;
      this.#queue.delete(track);
      this.#write(track);
    }
    for (const track of this.#unacked) {
      const sinceMs = nowMs - track.unackedSinceMs;
      if (sinceMs >= limits.copyAgainMs && sinceMs < limits.copyAckMs && track.hasDatagrams) this.#again(track);
      if (sinceMs < limits.copyAckMs) continue;
      this.#ports.count('copy.late');
      track.notBeforeMs = nowMs + limits.copyBackoffMs;
      this.#abandon(track);
    }
  }

  /** When `tick` next has something to do, by the clock of the ports; infinite: not before something is written. */
  nextTickMs(): number {
    // The first one counts: `tick` looks no further while it is not due.
    let atMs = this.#queue.values().next().value ?? Infinity;
    for (const { unackedSinceMs, hasDatagrams } of this.#unacked)
      atMs = Math.min(atMs, unackedSinceMs + (hasDatagrams ? limits.copyAgainMs : limits.copyAckMs));
    return atMs;
  }

  stats(): { readonly behind: number; readonly unacked: number; readonly relying: number } {
    let behind = 0;
    let relying = 0;
    for (const track of this.#tracks.values()) {
      behind += track.behindCount;
      if (track.relied !== '') relying++;
    }
    return { behind, unacked: this.#unacked.size, relying };
  }

  /** For people: what is not in two places or not in the store yet, by buddy. */
  groups(): CopyGroup[] {
    const groups = new Map<string, { -readonly [K in keyof CopyGroup]: CopyGroup[K] }>();
    for (const { wanted, relied, epoch, seq, acked, behindCount } of this.#tracks.values()) {
      const buddy = nodeOf(relied === '' ? wanted : relied);
      let group = groups.get(buddy);
      if (group === undefined) {
        group = { buddy, epochMin: epoch, epochMax: epoch, unacknowledged: 0, behind: 0, relied: 0 };
        groups.set(buddy, group);
      }
      group.epochMin = Math.min(group.epochMin, epoch);
      group.epochMax = Math.max(group.epochMax, epoch);
      group.behind += behindCount;
      if (relied === '') continue;
      group.relied++;
      group.unacknowledged += Math.max(0, seq - acked);
    }
    return [...groups.values()];
  }

  #later(track: Track): void {
    if (this.#queue.has(track)) return;
    // Many tracks are due at the same time: their writes are one commit.
    const together = Math.floor(this.#ports.nowMs() / limits.storeTogetherMs) * limits.storeTogetherMs;
    this.#queue.set(track, together + limits.storeBehindMs);
  }

  /** Gives the store what it lacks, now or as soon as what is under way has landed. */
  #write(track: Track): void {
    if (this.#tracks.get(track.partition) !== track) return;
    const names = this.#nameFor(track);
    // A marker speaks of everything before it: nothing else may be under way, neither before nor beside it.
    for (const flight of track.flights) if (names !== undefined || flight.names !== undefined) return;
    track.askLate();
    if (!track.hasUnsubmitted && !track.hasToUnmark) return;
    this.#queue.delete(track);
    const flight = track.launch(names);
    const rows: SnapshotRow[] = flight.rows.map(([, key, value]) => [key, value]);
    if (names !== undefined) rows.push(markerRow({ epoch: track.epoch, seq: flight.upTo, buddy: names }));
    this.#ports.store.write(track.partition, track.epoch, track.owner, rows, track.needsDurable, (error, reply) =>
      this.#landed(track, flight, error, reply),
    );
  }

  /** What the next marker says; undefined: the store needs none. */
  #nameFor(track: Track): string | undefined {
    const { wanted, relied } = track;
    if (track.leaving) return track.isMarked ? '' : undefined;
    const name = wanted !== '' && (relied === wanted || this.#ports.nowMs() >= track.notBeforeMs) ? wanted : '';
    if (this.#ports.gate !== 'buddy') return track.isMarked ? '' : undefined;
    return name === '' && !track.isMarked ? undefined : name;
  }

  #landed(track: Track, flight: Flight, error: StoreError | undefined, reply: WriteReply | undefined): void {
    if (this.#tracks.get(track.partition) !== track) return;
    if (error !== undefined) {
      // Whether the store has it is unknown, so it may name somebody from now on.
      if (flight.names !== undefined && flight.names !== '') track.isMarked = true;
      const refused = track.crashed(flight, error);
      for (const waiter of refused) this.#refuse(track, waiter, error);
      this.#queue.delete(track);
      this.#queue.set(track, this.#ports.nowMs() + limits.storeRetryMs);
      return;
    }
    if (reply !== 'ok') return this.#fence(track, reply!);
    const done = track.landed(flight);
    if (flight.names !== undefined) {
      track.isMarked = flight.names !== '';
      const isGood = flight.names !== '' && flight.names === track.wanted && this.#ports.nowMs() >= track.notBeforeMs;
      if (isGood && track.relied === '' && !track.leaving) this.#rely(track, flight);
      else if (flight.rows.length > 0) this.#tellStored(track, track.leaving ? track.former : track.relied);
    }
    this.#release(done);
    if (track.hasUnsubmitted || track.hasToUnmark) {
      if (track.needsStore || this.#flushes.has(track)) this.#write(track);
      else this.#later(track);
    }
    if (track.isStored) this.#flushed(track);
  }

  /** From now on the buddy's word counts; it begins with what came while the store wrote its name. */
  #rely(track: Track, flight: Flight): void {
    track.relied = track.wanted;
    track.base = flight.upTo;
    track.copied = flight.upTo;
    track.linked = flight.upTo;
    track.acked = flight.upTo;
    if (track.seq > track.base) this.#copy(track);
  }

  #copy(track: Track): void {
    if (track.acked >= track.copied) {
      track.unackedSinceMs = this.#ports.nowMs();
      this.#unacked.add(track);
    }
    if (!this.#copier.send(track)) this.#notSent(track);
  }

  /** What went as a datagram may be lost. */
  #again(track: Track): void {
    this.#ports.count('copy.again');
    if (!this.#copier.again(track)) this.#notSent(track);
  }

  #notSent(track: Track): void {
    this.#ports.count('copy.not-sent');
    track.notBeforeMs = this.#ports.nowMs() + limits.copyBackoffMs;
    // Not within a write: nobody is answered before his call has returned.
    this.#ports.soon(() => track.relied !== '' && this.#abandon(track));
  }

  /** A buddy, perhaps of long ago, has rows and does not know whether it must keep them. */
  #onHeld(track: Track, buddy: string, epoch: number): void {
    let word: OwnerWord;
    if (epoch === track.epoch) word = { type: 'stored', epoch, stored: track.isStored ? track.seq : track.stored };
    // Of an owner before us: what we took from it is among our own first rows.
    else if (epoch < track.epoch && track.isStored) word = { type: 'forget', epoch: track.epoch };
    else return;
    this.#ports.toBuddy(nodeOf(buddy), track.partition, packWord(word));
  }

  #tellStored({ partition, epoch, stored, copied, base }: Track, buddy: string): void {
    if (buddy === '' || copied <= base) return;
    this.#ports.toBuddy(nodeOf(buddy), partition, packWord({ type: 'stored', epoch, stored }));
  }

  #abandon(track: Track): void {
    if (this.#tracks.get(track.partition) !== track) return;
    this.#ports.count('copy.abandoned');
    this.#relyOnStore(track);
  }

  #relyOnStore(track: Track): void {
    this.#unacked.delete(track);
    for (const waiter of track.abandon()) this.#refuse(track, waiter, waiter.storeError!);
    if (track.hasUnsubmitted) this.#write(track);
  }

  #refuse(track: Track, waiter: Waiter, error: StoreError): void {
    if (waiter.seq <= track.acked && track.relied !== '') {
      this.#ports.count('gate.degraded');
      waiter.done(undefined, 'ok');
    } else waiter.done(error, undefined);
  }

  #release(waiters: readonly Waiter[]): void {
    for (const waiter of waiters) {
      if (waiter.storeError !== undefined) this.#ports.count('gate.degraded');
      waiter.done(undefined, 'ok');
    }
  }

  #fence(track: Track, reply: WriteReply): void {
    this.#remove(track);
    const waiters = track.takeAll();
    for (const waiter of waiters) waiter.done(undefined, reply);
    if (waiters.length === 0) this.#ports.fenced(track.partition);
  }

  #flushed(track: Track): void {
    const waiting = this.#flushes.get(track);
    if (waiting === undefined) return;
    this.#flushes.delete(track);
    for (const done of waiting) done();
  }

  #remove(track: Track): void {
    this.#tracks.delete(track.partition);
    this.#queue.delete(track);
    this.#unacked.delete(track);
    this.#flushes.delete(track);
  }
}
