/**
 * Where a message ends in a stream of octets (RFC 3261 18.3, RFC 5626 4.4.1 keep-alives). No socket, no clock: chunks
 * and the time go in, whole messages come out.
 *
 * A framing error cannot be recovered from, since nobody knows where the next message starts: the framer then gives one
 * FrameFailure and takes nothing more. Every octet is looked at a bounded number of times, however it is cut into chunks.
 */
import type { ErrorCode } from '../errors.ts';
import { limits } from '../limits.ts';
import type { ParseFailure } from './failure.ts';
import { refuse } from './failure.ts';
import { contentLength, head, indexHead } from './head.ts';

/** Keep-alive pings (double CRLF) that are to be answered, one CRLF each. */
export interface Pong {
  readonly pong: number;
}

/** The stream is broken: answer `broken` when it has a status, then close. */
export interface FrameFailure {
  readonly broken: ParseFailure;
}

const CR = 0x0d;
const LF = 0x0a;
const HTAB = 0x09;

const nothing = Buffer.alloc(0);

export class StreamFramer {
  /** When the message that has begun must be there in full; 0 while none has. Milliseconds on the caller's clock. */
  deadlineMs = 0;

  /** Octets not yet given out: from #start to #end. Octets given out are never written over. */
  #store: Buffer = nothing;
  #start = 0;
  #end = 0;
  /** True when #store is ours to append to; false while it is the caller's chunk. */
  #owned = false;
  /** Where the search for the end of the head goes on. */
  #searched = 0;
  #inStartLine = true;
  /** Length of the message whose head is complete; 0 before. */
  #needed = 0;
  /** One CRLF of a keep-alive has come. */
  #halfPing = false;
  #nowMs = 0;
  #failed = false;

  push(chunk: Buffer, nowMs: number): void {
    if (this.#failed || chunk.length === 0) return;
    this.#nowMs = nowMs;
    const held = this.#end - this.#start;
    if (held === 0) {
      this.#store = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      this.#searched = 0;
      this.#owned = false;
      return;
    }
    if (!this.#owned || this.#end + chunk.length > this.#store.length) this.#grow(held + chunk.length);
    chunk.copy(this.#store, this.#end);
    this.#end += chunk.length;
  }

  /** The next message, ping or failure; undefined when more octets are needed. Call until undefined after each push. */
  next(): Buffer | Pong | FrameFailure | undefined {
    if (this.#failed) return undefined;
    if (this.#needed === 0) {
      const pings = this.#skipLineEnds();
      if (this.#failed) return this.#fail('line-end');
      if (pings > 0) return { pong: pings };
      if (this.#start === this.#end || this.#store[this.#start] === CR) return this.#wait();
      this.#halfPing = false;
      if (this.deadlineMs === 0) this.deadlineMs = this.#nowMs + limits.headerDeadlineMs;
      const code = this.#findHead();
      if (code !== undefined) return this.#fail(code);
      if (this.#needed === 0) return undefined;
    }
    if (this.#end - this.#start < this.#needed) return undefined;
    const message = this.#store.subarray(this.#start, this.#start + this.#needed);
    this.#start += this.#needed;
    this.#searched = this.#start;
    this.#needed = 0;
    this.#inStartLine = true;
    this.deadlineMs = 0;
    return message;
  }

  /** Octets held back until more come. */
  get heldBytes(): number {
    return this.#end - this.#start;
  }

  /** Line ends before a start line are skipped (RFC 3261 7.5); each second one is a ping. Returns the pings. */
  #skipLineEnds(): number {
    let pings = 0;
    while (this.#start < this.#end && this.#store[this.#start] === CR) {
      if (this.#start + 1 === this.#end) break;
      if (this.#store[this.#start + 1] !== LF) {
        // Pings before it are given out first, however the octets were cut.
        this.#failed = pings === 0;
        return pings;
      }
      this.#start += 2;
      if (this.#halfPing) pings += 1;
      this.#halfPing = !this.#halfPing;
    }
    if (this.#searched < this.#start) this.#searched = this.#start;
    return pings;
  }

  #wait(): undefined {
    this.deadlineMs = 0;
    return undefined;
  }

  /** Looks for the empty line from where it stopped last time; sets #needed when the head is complete. */
  #findHead(): ErrorCode | undefined {
    const store = this.#store;
    const end = Math.min(this.#end, this.#start + limits.headBytesMax);
    let at = this.#searched;
    for (; at < end; at += 1) {
      const code = store[at] ?? 0;
      if (code > CR) continue;
      if (code === CR) {
        if (at + 1 >= end) break;
        if (store[at + 1] !== LF) return 'line-end';
        if (at + 3 >= end) break;
        this.#inStartLine = false;
        if (store[at + 2] === CR) return store[at + 3] === LF ? this.#measure() : 'line-end';
        at += 1;
      } else if (code === LF) return 'line-end';
      // In header values control octets may stand in quoted-pairs: the index decides about those.
      else if (this.#inStartLine && code !== HTAB) return 'start-line';
    }
    this.#searched = at;
    return this.#end - this.#start >= limits.headBytesMax ? 'head-too-large' : undefined;
  }

  /** The head is complete: how long the message is. The parser reads the same index, so both always agree. */
  #measure(): ErrorCode | undefined {
    const bytes = this.#store.subarray(this.#start, this.#end);
    const broken = indexHead(bytes);
    if (broken !== undefined) return broken;
    const length = contentLength(bytes);
    if (length === -1) return 'content-length-missing';
    if (length === -2) return 'content-length';
    if (length > limits.bodyBytesMax) return 'body-too-large';
    this.#needed = head.end + length;
    this.deadlineMs = this.#nowMs + limits.bodyDeadlineMs;
    return undefined;
  }

  #fail(code: ErrorCode): FrameFailure {
    const broken = refuse(this.#store.subarray(this.#start, this.#end), code);
    this.#failed = true;
    this.deadlineMs = 0;
    this.#store = nothing;
    this.#start = 0;
    this.#end = 0;
    return { broken };
  }

  /** A store of our own with room for `needed` octets and as many again. */
  #grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed * 2, 2048));
    this.#store.copy(larger, 0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#searched -= this.#start;
    this.#start = 0;
    this.#store = larger;
    this.#owned = true;
  }
}

export function isPong(output: Buffer | Pong | FrameFailure): output is Pong {
  return 'pong' in output;
}

export function isFrameFailure(output: Buffer | Pong | FrameFailure): output is FrameFailure {
  return 'broken' in output;
}
