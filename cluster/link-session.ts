/**
 * What two nodes keep of their link while the connection under it may break and come back: items that wait to be written,
 * frames that the other side has not acknowledged, and the number of the last frame heard. So within one incarnation of
 * both nodes every item arrives once and in order; a break longer than `linkResumeMs`, or one after a silence that makes it
 * `linkLateMs` in all, drops what was under way, since a late SIP message does more harm than a lost one (an INVITE that is
 * older than the memory of its call would ring again), and the other side sees a new stream.
 *
 * Flow control: items of the control are written whenever the socket takes them. All others keep to the room that the other
 * side last gave (octets, in its heartbeats) and to `linkWindowItems`, so a slow receiver holds the sender up instead of
 * filling its own memory. What has to wait then is bounded too, and the least important is given up first: see `add`.
 */
import assert from 'node:assert';
import { limits } from '../src/limits.ts';
import { payloadBytesMax } from './data-frame.ts';
import type { Target } from './data-frame.ts';
import type { Resume } from './handshake.ts';
import { Lane } from './link-lane.ts';
import { isNewWork } from './new-work.ts';
import type { Greeting } from './wire.ts';

/** A numbered frame on its way. Head and seal are written anew for every connection that carries it. */
export interface OutgoingFrame {
  readonly frame: Buffer;
  readonly seq: number;
  /** Items that need room at the other side; 0 for those of the control. */
  readonly items: number;
}

/** The name of a stream, never 0, from at least 6 random octets. */
export function streamOf(random: Uint8Array): number {
  return random.reduce((sum, octet, i) => (i < 6 ? sum * 256 + octet : sum), 0) + 1;
}

export class LinkSession {
  /** The peer's incarnation, -1 before it was ever up. */
  peerIncarnation = -1;
  /** Octets heard since we last acknowledged; the link hurries an acknowledgement when they grow. */
  heardBytes = 0;
  heardItems = 0;
  /** New work that was given up because too much waited. */
  shed = 0;
  /** Octets that the other side lets us have under way. */
  roomBytes: number = limits.linkWindowBytes;
  readonly #newStream: () => number;
  #stream: number;
  #nextSeq = 1;
  #heardStream = 0;
  #heardSeq = 0;
  #isUp = false;
  #downSinceMs = 0;
  /** When the oldest of what the peer has not acknowledged was sent, at the latest. */
  #underWaySinceMs = 0;
  readonly #control = new Lane();
  /** Copies for buddies: packets wait for them to be acknowledged. */
  readonly #copies = new Lane();
  readonly #work = new Lane();
  #window: OutgoingFrame[] = [];
  #windowBytes = 0;
  /** Of the frames in the window that need room. */
  #underWayBytes = 0;
  #underWayItems = 0;
  /** Index into the window of the first frame that this connection has not carried yet. */
  #unwritten = 0;

  /** `newStream` names a stream as no stream of this node was named before (see `streamOf`); `stream` is the first one. */
  constructor(newStream: () => number, stream: number = newStream()) {
    this.#newStream = newStream;
    this.#stream = stream;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get heardSeq(): number {
    return this.#heardSeq;
  }

  /** Octets that are held for the peer: waiting or not acknowledged. */
  get heldBytes(): number {
    return this.#windowBytes + this.waitingBytes;
  }

  /** Of them those that were not written yet. */
  get waitingBytes(): number {
    return this.#control.bytes + this.#copies.bytes + this.#work.bytes;
  }

  /** Written, not acknowledged, and in need of room. */
  get underWay(): { readonly bytes: number; readonly items: number } {
    return { bytes: this.#underWayBytes, items: this.#underWayItems };
  }

  get unacknowledged(): number {
    return this.#window.length;
  }

  /**
   * Takes an item. False, and nothing kept, when the link is down, the payload is too long, or too much is held already:
   * items of partitions and workers stop at `linkSendBufferBytesMax` (or `...ItemsMax`), copies of snapshots at one and a
   * half times, those of the control at twice as much. At half of it requests that begin something new are shed: counted,
   * and true, since nobody shall try them again; who sent them repeats them, or goes elsewhere.
   */
  add(target: Target, payload: Uint8Array): boolean {
    if (!this.#isUp || payload.length > payloadBytesMax) return false;
    const kind = target[0];
    const share = this.#shareHeld(payload.length);
    if (share > (kind === 2 ? 2 : kind === 3 ? 1.5 : 1)) return false;
    if (share > newWorkShare && kind === 0 && isNewWork(payload)) this.shed++;
    else (kind === 2 ? this.#control : kind === 3 ? this.#copies : this.#work).add(target, payload);
    return true;
  }

  /** How full we would be with so many octets more: 1 is the bound. */
  #shareHeld(bytes: number): number {
    const items = this.#underWayItems + this.#control.items + this.#copies.items + this.#work.items + 1;
    return Math.max((this.heldBytes + bytes) / limits.linkSendBufferBytesMax, items / limits.linkSendBufferItemsMax);
  }

  /**
   * The next frame to write: first what a broken connection may have lost, then control items, then copies, then the
   * others. Requests of a dialog do not overtake those that begin one: a CANCEL must stay behind its INVITE.
   */
  next(): OutgoingFrame | undefined {
    const again = this.#window[this.#unwritten];
    if (again !== undefined) {
      this.#unwritten++;
      return again;
    }
    if (this.#control.items > 0) return this.#write(this.#control, false);
    const lane = this.#copies.items > 0 ? this.#copies : this.#work;
    return lane.items > 0 && this.#hasRoomFor(lane) ? this.#write(lane, true) : undefined;
  }

  #write(lane: Lane, needsRoom: boolean): OutgoingFrame {
    const { frame, items } = lane.take();
    const outgoing = { frame, seq: this.#nextSeq++, items: needsRoom ? items : 0 };
    this.#window.push(outgoing);
    this.#windowBytes += frame.length;
    if (needsRoom) {
      this.#underWayBytes += frame.length;
      this.#underWayItems += items;
    }
    this.#unwritten++;
    return outgoing;
  }

  /** With nothing under way a single frame may be longer than the room that there is, or it would never go. */
  #hasRoomFor(lane: Lane): boolean {
    if (this.roomBytes === 0) return false;
    if (this.#underWayItems === 0) return true;
    const { bytes, items } = lane.first();
    return this.#underWayBytes + bytes <= this.roomBytes && this.#underWayItems + items <= limits.linkWindowItems;
  }

  /** The peer has everything up to `seq`. False when it claims a frame that was never written. */
  acknowledge(seq: number): boolean {
    if (seq >= this.#nextSeq) return false;
    let count = 0;
    for (let first = this.#window[0]; first !== undefined && first.seq <= seq; first = this.#window[++count]) {
      this.#windowBytes -= first.frame.length;
      if (first.items === 0) continue;
      this.#underWayBytes -= first.frame.length;
      this.#underWayItems -= first.items;
    }
    if (count === 0) return true;
    this.#window.splice(0, count);
    this.#unwritten = Math.max(0, this.#unwritten - count);
    return true;
  }

  /** A DATA frame came. Only a 'next' one is delivered; 'again' came twice over a break; a 'gap' must not happen. */
  hear(seq: number): 'next' | 'again' | 'gap' {
    if (seq <= this.#heardSeq) return 'again';
    if (seq !== this.#heardSeq + 1) return 'gap';
    this.#heardSeq = seq;
    return 'next';
  }

  /** What to say of this session in a greeting. */
  resume(nowMs: number): Resume {
    const isLong = nowMs - this.#downSinceMs > limits.linkResumeMs;
    const isLate = this.#window.length > 0 && nowMs - this.#underWaySinceMs > limits.linkLateMs;
    if (!this.#isUp && (isLong || isLate)) this.#startAnew();
    return { stream: this.#stream, heardStream: this.#heardStream, heardSeq: this.#heardSeq };
  }

  /**
   * A connection to the proven peer is up. False when the two sides cannot go on from where they are: the session then
   * starts anew, and the connection has to be made again.
   */
  attach(peer: Greeting, saidStream: number): boolean {
    assert(!this.#isUp, 'the connection before must be detached first');
    if (saidStream !== this.#stream) return false; // It started anew between our greeting and now.
    if (peer.incarnation !== this.peerIncarnation) {
      // A new process knows nothing of the stream: its numbers begin again, and what was meant for the old one is dropped.
      this.peerIncarnation = peer.incarnation;
      this.#heardStream = 0;
      this.#heardSeq = 0;
      this.#clear();
    }
    const isKnown = peer.heardStream === this.#stream;
    const first = this.#window[0]?.seq ?? this.#nextSeq;
    if (isKnown ? !this.acknowledge(peer.heardSeq) : first !== 1) {
      this.#startAnew();
      return false;
    }
    if (peer.stream !== this.#heardStream) {
      this.#heardStream = peer.stream;
      this.#heardSeq = 0;
    }
    this.#unwritten = 0;
    this.roomBytes = limits.linkWindowBytes;
    this.#isUp = true;
    return true;
  }

  /** @param progressMs when the peer last acknowledged something new, or had acknowledged all */
  detach(nowMs: number, progressMs: number): void {
    this.#isUp = false;
    this.#underWaySinceMs = progressMs;
    this.#downSinceMs = nowMs;
  }

  describe(): string {
    return `${this.#isUp ? 'up' : 'down'} stream ${this.#stream} next ${this.#nextSeq} heard ${this.#heardSeq} unacknowledged ${this.#window.length} held ${this.heldBytes}`;
  }

  #startAnew(): void {
    this.#stream = this.#newStream();
    this.#clear();
  }

  #clear(): void {
    this.#nextSeq = 1;
    this.#window = [];
    this.#windowBytes = 0;
    this.#underWayBytes = 0;
    this.#underWayItems = 0;
    this.#unwritten = 0;
    this.#control.clear();
    this.#copies.clear();
    this.#work.clear();
  }
}

/** New work is shed when so much of what may be held is held. */
const newWorkShare = 0.5;
