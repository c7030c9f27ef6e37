/**
 * Items between two threads over a MessagePort. A message costs 2-4 us however small it is, and to wake the other thread
 * more, so the items of one turn of the event loop travel as one batch: a short one as a text of as many chars as octets,
 * which costs less than memory that changes its owner, a long one as its octets, moved, not copied. Node gives no
 * back-pressure on ports: the receiver says how much it has worked off, and the sender refuses items while too much is
 * under way.
 *
 * An item is what the links carry: a node (where to, or where from), a target in that node, a payload that nobody on the
 * way decodes. Octets of a batch: `u32 worked off`, then for each item
 * `u8 length of the node's name, name, u8 kind, u16 partition or worker, u8 hops, u32 length, payload`.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Target } from '../../cluster/data-frame.ts';
import { octetsIn, readUint32, shortText, writeUint32 } from '../../cluster/octets.ts';
import { limits } from '../limits.ts';

/** The payload is good only until the call returns. */
export type BatchItemHandler = (node: string, target: Target, payload: Buffer) => void;

export interface BatchPortOptions {
  /** The handler threw; the other items of the batch are handled all the same. Without this the error is uncaught. */
  onError?(error: unknown): void;
  /** The other thread is gone. */
  onClose?(): void;
  /** Octets under way at most. Default `batchPortBytesMax`. */
  readonly bytesMax?: number;
}

export interface BatchPortStats {
  sentItems: number;
  sentBatches: number;
  receivedItems: number;
  receivedBatches: number;
  /** Items refused because too much was under way. */
  refused: number;
}

const headBytes = 4;
const itemHeadBytes = 1 + 1 + 2 + 1 + 4; // Without the name.
const smallestBatchBytes = 2_048;

export class BatchPort {
  readonly stats: BatchPortStats = { sentItems: 0, sentBatches: 0, receivedItems: 0, receivedBatches: 0, refused: 0 };
  readonly #port: MessagePort;
  readonly #onItem: BatchItemHandler;
  readonly #options: BatchPortOptions;
  readonly #bytesMax: number;
  #batch = Buffer.allocUnsafeSlow(smallestBatchBytes);
  #at = headBytes;
  /** Sent and not worked off yet. */
  #underWay = 0;
  /** Worked off and not told yet. */
  #workedOff = 0;
  #isScheduled = false;
  #isClosed = false;

  constructor(port: MessagePort, onItem: BatchItemHandler, options: BatchPortOptions = {}) {
    this.#port = port;
    this.#onItem = onItem;
    this.#options = options;
    this.#bytesMax = options.bytesMax ?? limits.batchPortBytesMax;
    port.on('message', (batch: Uint8Array | string) => this.#receive(batch));
    port.on('close', () => {
      this.#isClosed = true;
      options.onClose?.();
    });
  }

  /** Octets that wait or are under way. */
  get heldBytes(): number {
    return this.#underWay + this.#at - headBytes;
  }

  /** Sends an item at the end of this turn; the payload is copied. False when it is not taken. The name is a node id (ASCII). */
  send(node: string, target: Target, payload: Uint8Array): boolean {
    const need = itemHeadBytes + node.length + payload.length;
    if (this.#isClosed || node.length > limits.linkNodeIdBytesMax || this.heldBytes + need > this.#bytesMax) {
      this.stats.refused++;
      return false;
    }
    if (this.#at + need > this.#batch.length) this.#grow(this.#at + need);
    const batch = this.#batch;
    let at = this.#at;
    batch[at++] = node.length;
    for (let i = 0; i < node.length; i++) batch[at++] = node.charCodeAt(i);
    batch[at++] = target[0];
    const place = target[0] === 2 || target[0] === 4 ? 0 : target[1];
    batch[at++] = place >> 8;
    batch[at++] = place & 0xff;
    batch[at++] = target[0] === 0 ? target[2] : 0;
    writeUint32(batch, at, payload.length);
    batch.set(payload, at + 4);
    this.#at = at + 4 + payload.length;
    this.stats.sentItems++;
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#scheduled);
    }
    return true;
  }

  /** Sends what waits, now. */
  flush(): void {
    if (this.#at === headBytes || this.#isClosed) return;
    const length = this.#at;
    this.#underWay += length - headBytes;
    this.#post(length);
    this.#at = headBytes;
    this.stats.sentBatches++;
  }

  close(): void {
    this.flush();
    this.#isClosed = true;
    this.#port.close();
  }

  readonly #scheduled = (): void => {
    this.#isScheduled = false;
    this.flush();
  };

  /** The first so many octets of the batch, which can be filled anew then. */
  #post(length: number): void {
    const batch = this.#batch;
    writeUint32(batch, 0, this.#workedOff);
    this.#workedOff = 0;
    const text = shortText(batch, length);
    if (text !== undefined) return this.#port.postMessage(text);
    this.#port.postMessage(new Uint8Array(batch.buffer, 0, length), [batch.buffer]);
    // The next batch is probably about as large as this one.
    this.#batch = Buffer.allocUnsafeSlow(length + (length >> 1));
  }

  #receive(message: Uint8Array | string): void {
    const batch = octetsIn(message);
    this.#underWay -= readUint32(batch, 0);
    if (batch.length === headBytes) return;
    this.stats.receivedBatches++;
    for (let at = headBytes; at < batch.length;) {
      const nameAt = at + 1;
      at = nameAt + batch[at]!;
      const node = batch.toString('latin1', nameAt, at);
      const kind = batch[at]!;
      const place = (batch[at + 1]! << 8) | batch[at + 2]!;
      const target = targetOf(kind, place, batch[at + 3]!);
      const payloadAt = at + 8;
      at = payloadAt + readUint32(batch, at + 4);
      this.stats.receivedItems++;
      try {
        this.#onItem(node, target, batch.subarray(payloadAt, at));
      } catch (error) {
        this.#failed(error);
      }
    }
    this.#workedOff += batch.length - headBytes;
    // With nothing to send, the other side still has to learn that it may go on.
    if (this.#workedOff >= this.#bytesMax / 8 && this.#at === headBytes && !this.#isClosed) this.#post(headBytes);
  }

  #failed(error: unknown): void {
    if (this.#options.onError !== undefined) return this.#options.onError(error);
    queueMicrotask(() => {
      throw error;
    });
  }

  #grow(need: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(need, this.#batch.length * 2));
    this.#batch.copy(larger, 0, 0, this.#at);
    this.#batch = larger;
  }
}

const controlTarget: Target = [2];

function targetOf(kind: number, place: number, hops: number): Target {
  if (kind === 0) return [0, place, hops];
  if (kind === 4) return [4];
  return kind === 1 ? [1, place] : kind === 3 ? [3, place] : controlTarget;
}
