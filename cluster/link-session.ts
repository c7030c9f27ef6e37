/**
 * What two nodes keep of their link while the connection under it may break and come back: items that wait to be written,
 * frames that the other side has not acknowledged, and the number of the last frame heard. So within one incarnation of
 * both nodes every item arrives once and in order; a break longer than `linkResumeMs` drops what was under way, since a
 * late SIP message does more harm than a lost one, and the other side sees a new stream.
 */
import assert from 'node:assert';
import { limits } from '../src/limits.ts';
import { DataWriter, payloadBytesMax } from './data-frame.ts';
import type { Target } from './data-frame.ts';
import type { Resume } from './handshake.ts';
import type { Greeting } from './wire.ts';

/** A numbered frame on its way. Head and seal are written anew for every connection that carries it. */
export interface OutgoingFrame {
  readonly frame: Buffer;
  readonly seq: number;
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
  readonly #newStream: () => number;
  #stream: number;
  #nextSeq = 1;
  #heardStream = 0;
  #heardSeq = 0;
  #isUp = false;
  #downSinceMs = 0;
  readonly #control = new Lane();
  readonly #data = new Lane();
  #window: OutgoingFrame[] = [];
  #windowBytes = 0;
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
    return this.#windowBytes + this.#control.bytes + this.#data.bytes;
  }

  get unacknowledged(): number {
    return this.#window.length;
  }

  /**
   * Takes an item. False, and nothing kept, when the link is down, the payload is too long, or too much is held already:
   * items of partitions and workers stop at `linkSendBufferBytesMax`, those of the control only at twice as much.
   */
  add(target: Target, payload: Uint8Array): boolean {
    if (!this.#isUp || payload.length > payloadBytesMax) return false;
    const isControl = target[0] === 2;
    const bytesMax = isControl ? 2 * limits.linkSendBufferBytesMax : limits.linkSendBufferBytesMax;
    if (this.heldBytes + payload.length > bytesMax) return false;
    (isControl ? this.#control : this.#data).add(target, payload);
    return true;
  }

  /** The next frame to write: first what a broken connection may have lost, then control items, then the others. */
  next(): OutgoingFrame | undefined {
    const again = this.#window[this.#unwritten];
    if (again !== undefined) {
      this.#unwritten++;
      return again;
    }
    const frame = this.#control.take() ?? this.#data.take();
    if (frame === undefined) return undefined;
    const outgoing = { frame, seq: this.#nextSeq++ };
    this.#window.push(outgoing);
    this.#windowBytes += frame.length;
    this.#unwritten++;
    return outgoing;
  }

  /** The peer has everything up to `seq`. False when it claims a frame that was never written. */
  acknowledge(seq: number): boolean {
    if (seq >= this.#nextSeq) return false;
    let count = 0;
    while (count < this.#window.length && this.#window[count]!.seq <= seq)
      this.#windowBytes -= this.#window[count++]!.frame.length;
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
    if (!this.#isUp && nowMs - this.#downSinceMs > limits.linkResumeMs) this.#startAnew();
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
    this.#isUp = true;
    return true;
  }

  detach(nowMs: number): void {
    this.#isUp = false;
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
    this.#unwritten = 0;
    this.#control.clear();
    this.#data.clear();
  }
}

/** Items of one priority, gathered into frames of about `linkDataFrameBytesAim`. */
class Lane {
  #writer = new DataWriter();
  #full: Buffer[] = [];
  #fullBytes = 0;

  get bytes(): number {
    return this.#fullBytes + (this.#writer.isEmpty ? 0 : this.#writer.length);
  }

  add(target: Target, payload: Uint8Array): void {
    if (!this.#writer.hasRoomFor(payload.length)) this.#finish();
    this.#writer.add(target, payload);
    if (this.#writer.length >= limits.linkDataFrameBytesAim) this.#finish();
  }

  take(): Buffer | undefined {
    if (this.#full.length > 0) {
      const frame = this.#full.shift()!;
      this.#fullBytes -= frame.length;
      return frame;
    }
    return this.#writer.isEmpty ? undefined : this.#writer.take();
  }

  clear(): void {
    this.#writer.clear();
    this.#full = [];
    this.#fullBytes = 0;
  }

  #finish(): void {
    const frame = this.#writer.take();
    this.#full.push(frame);
    this.#fullBytes += frame.length;
  }
}
