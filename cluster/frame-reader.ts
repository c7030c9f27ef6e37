/**
 * Cuts a stream of link octets into frame bodies, whatever the chunks look like. Holds at most one frame: a length over
 * the limit, or of zero, ends the link before any memory is set aside for it.
 */
import { readUint32 } from './octets.ts';

export type FramingProblem = 'frame-empty' | 'frame-too-long';

export class FrameReader {
  /** Longest body taken. Small until the peer has proved itself. */
  bytesMax: number;
  #chunks: Buffer[] = [];
  #held = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#held += chunk.length;
  }

  /** The next whole body (a view on the chunk where it can be), undefined when more octets are needed, or what is wrong. */
  next(): Buffer | FramingProblem | undefined {
    if (this.#held < 4) return undefined;
    const head = this.#front(4);
    const length = readUint32(head, 0);
    if (length === 0) return 'frame-empty';
    if (length > this.bytesMax) return 'frame-too-long';
    if (this.#held < 4 + length) return undefined;
    const front = this.#front(4 + length);
    const body = front.subarray(4, 4 + length);
    if (front.length === 4 + length) this.#chunks.shift();
    else this.#chunks[0] = front.subarray(4 + length);
    this.#held -= 4 + length;
    return body;
  }

  /** The first chunk, made to hold at least `bytes`. Joins only what is needed for them. */
  #front(bytes: number): Buffer {
    const first = this.#chunks[0]!;
    if (first.length >= bytes) return first;
    let count = 0;
    for (let sum = 0; sum < bytes; count++) sum += this.#chunks[count]!.length;
    const joined = Buffer.concat(this.#chunks.splice(0, count));
    this.#chunks.unshift(joined);
    return joined;
  }
}
