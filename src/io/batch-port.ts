/**
 * Items between two threads, many in one message: what is sent within one turn of the event loop leaves as one
 * transferred buffer. Layout of an item: u32be payload length, target (u8 kind, u16be, u8), payload.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Target } from '../../cluster/data-frame.ts';

const headBytes = 8;
const firstBytes = 16_384;

export class BatchPort {
  readonly #port: MessagePort;
  #octets = new Uint8Array(firstBytes);
  #view = new DataView(this.#octets.buffer);
  #at = 0;

  /** The payload is a view of the message, good for as long as the receiver likes. */
  constructor(port: MessagePort, onItem: (target: Target, payload: Uint8Array) => void) {
    this.#port = port;
    port.on('message', (octets: Uint8Array) => visit(octets, onItem));
  }

  send(target: Target, payload: Uint8Array): void {
    if (this.#at === 0) setImmediate(this.#flush);
    const need = this.#at + headBytes + payload.length;
    if (need > this.#octets.length) this.#grow(need);
    this.#view.setUint32(this.#at, payload.length);
    this.#view.setUint8(this.#at + 4, target[0]);
    this.#view.setUint16(this.#at + 5, target[0] === 2 ? 0 : target[1]);
    this.#view.setUint8(this.#at + 7, target[0] === 0 ? target[2] : 0);
    this.#octets.set(payload, this.#at + headBytes);
    this.#at = need;
  }

  readonly #flush = (): void => {
    const octets = this.#octets.subarray(0, this.#at);
    this.#octets = new Uint8Array(firstBytes);
    this.#view = new DataView(this.#octets.buffer);
    this.#at = 0;
    this.#port.postMessage(octets, [octets.buffer]);
  };

  #grow(need: number): void {
    const larger = new Uint8Array(Math.max(need, this.#octets.length * 2));
    larger.set(this.#octets.subarray(0, this.#at));
    this.#octets = larger;
    this.#view = new DataView(larger.buffer);
  }
}

function visit(octets: Uint8Array, onItem: (target: Target, payload: Uint8Array) => void): void {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  for (let at = 0; at + headBytes <= octets.length; ) {
    const length = view.getUint32(at);
    const kind = view.getUint8(at + 4);
    const first = view.getUint16(at + 5);
    const target: Target = kind === 0 ? [0, first, view.getUint8(at + 7)] : kind === 1 ? [1, first] : [2];
    onItem(target, octets.subarray(at + headBytes, at + headBytes + length));
    at += headBytes + length;
  }
}
