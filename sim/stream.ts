/**
 * Streams between two sockets as TCP gives them: octets arrive once and in order, cut anywhere or run together; what the
 * reader does not take stops the writer; a stream may be cut, fall silent, or lose its other end without a word. The sockets
 * are those that the connections and links of production use (src/transport/socket.ts).
 */
import type { StreamError, StreamSocket } from '../src/transport/socket.ts';
import type { Kernel, Owner } from './kernel.ts';
import type { Endpoint } from './network.ts';
import type { Stream } from './random.ts';

/** How octets are cut: as they were written, into pieces, or one by one at first. */
export type Grain = 'whole' | 'pieces' | 'octets';

export interface StreamManners {
  readonly grain: Grain;
  /** Milliseconds that a reader may take until it looks: then it gets all that came meanwhile. */
  readonly readsWithinMs: number;
  /** Octets that may be under way or unread in one direction. */
  readonly windowBytes: number;
}

export interface StreamListener {
  readonly owner: Owner;
  accept(socket: SimSocket): void;
}

export interface StreamPath {
  latencyMs(): number;
  /** Whether nothing passes from one to the other just now; it goes on later. */
  isBlocked?(): boolean;
}

/** A system gives up on a peer that acknowledges nothing. */
const givenUpMs = 60_000;
const pieceBytesMax = 700;
const blockedRetryMs = 25;
const theEnd = Buffer.alloc(0);

interface Waiting {
  readonly bytes: Buffer;
  readonly done: ((error?: Error | null) => void) | undefined;
}

export class Streams {
  readonly kernel: Kernel;
  readonly random: Stream;
  readonly #open = new Set<SimSocket>();

  constructor(kernel: Kernel, random: Stream) {
    this.kernel = kernel;
    this.random = random;
  }

  /**
   * @param path towards the listener.
   * @param back from it.
   * @param find who listens there when the first packet arrives.
   */
  connect(
    owner: Owner,
    from: Endpoint,
    to: Endpoint,
    manners: StreamManners,
    path: StreamPath,
    back: StreamPath,
    find: () => StreamListener | undefined,
  ): SimSocket {
    const near = new SimSocket(this, owner, to, manners, back);
    this.#open.add(near);
    this.kernel.at(path.latencyMs(), undefined, () => {
      if (near.destroyed || path.isBlocked?.() === true || back.isBlocked?.() === true) return;
      const listener = find();
      if (listener === undefined) return this.kernel.at(path.latencyMs(), undefined, () => near.breaks('ECONNREFUSED'));
      // The kernel of the listener's machine completes the connection; its process may be stopped.
      const far = new SimSocket(this, listener.owner, from, manners, path);
      this.#open.add(far);
      near.joins(far);
      this.kernel.at(0, listener.owner, () => listener.accept(far));
      this.kernel.at(path.latencyMs(), undefined, () => near.connects());
    });
    return near;
  }

  /** A process or a thread has ended: its machine closes what it held, or is gone and says nothing. */
  drop(owner: Owner, silently = false): void {
    for (const socket of this.#open) {
      if (socket.owner !== owner) continue;
      if (silently) socket.vanishes();
      else socket.destroy();
    }
  }

  forget(socket: SimSocket): void {
    this.#open.delete(socket);
  }
}

export class SimSocket implements StreamSocket {
  readonly owner: Owner;
  readonly remoteAddress: string;
  readonly remotePort: number;
  connecting = true;
  destroyed = false;
  bytesWritten = 0;
  /** Since when what is sent or was under way may be lost: 0 while it is sound. A phone cannot know this time, a checker must. */
  lostAtMs = 0;
  readonly #streams: Streams;
  readonly #manners: StreamManners;
  /** By which octets come to us. */
  readonly #path: StreamPath;
  readonly #listeners = new Map<string, ((value?: unknown) => void)[]>();
  #peer: SimSocket | undefined;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** Sent and not read by the other side. */
  #aheadBytes = 0;
  #lastArrivalMs = 0;
  #sentChunks = 0;
  #isCorked = false;
  #wasFull = false;
  #isEnding = false;
  #isEndSent = false;
  /** Sent to us and not there yet, in order. */
  readonly #underWay: Buffer[] = [];
  #unread: Buffer[] = [];
  #readDue = false;
  #hasPeerEnded = false;
  /** Nothing goes through any more, and nobody says so. */
  #isSilent = false;

  constructor(streams: Streams, owner: Owner, remote: Endpoint, manners: StreamManners, path: StreamPath) {
    this.#streams = streams;
    this.owner = owner;
    this.remoteAddress = remote.address;
    this.remotePort = remote.port;
    this.#manners = manners;
    this.#path = path;
  }

  get writableLength(): number {
    return this.#waitingBytes;
  }

  get peer(): SimSocket | undefined {
    return this.#peer;
  }

  on(event: string, listener: (value: never) => void): void {
    const list = this.#listeners.get(event);
    if (list === undefined) this.#listeners.set(event, [listener as (value?: unknown) => void]);
    else list.push(listener as (value?: unknown) => void);
  }

  once(event: 'connect', listener: () => void): void {
    this.on(event, listener);
  }

  cork(): void {
    this.#isCorked = true;
  }

  uncork(): void {
    this.#isCorked = false;
    this.#pump();
  }

  write(bytes: Uint8Array, done?: (error?: Error | null) => void): void {
    if (this.destroyed || this.#isEnding) {
      if (done !== undefined) this.#later(() => done(new Error('written after the end')));
      return;
    }
    this.bytesWritten += bytes.length;
    this.#waitingBytes += bytes.length;
    this.#waiting.push({ bytes: Buffer.from(bytes), done });
    if (!this.#isCorked) this.#pump();
  }

  end(last?: Uint8Array): void {
    if (last !== undefined) this.write(last);
    if (this.#isEnding || this.destroyed) return;
    this.#isEnding = true;
    this.#isCorked = false;
    this.#pump();
  }

  destroy(): void {
    const peer = this.#peer;
    if (this.#close('') && peer !== undefined && !this.#isSilent) this.#sends(peer, theEnd);
  }

  // What happens to it, from the network.

  joins(peer: SimSocket): void {
    this.#peer = peer;
    peer.#peer = this;
    peer.connecting = false;
  }

  connects(): void {
    if (this.destroyed) return;
    this.connecting = false;
    this.#later(() => this.#emit('connect'));
    this.#pump();
  }

  /** The connection is reset, for both. */
  resets(): void {
    const peer = this.#peer;
    this.breaks('ECONNRESET');
    if (peer !== undefined) this.#streams.kernel.at(this.#path.latencyMs(), undefined, () => peer.breaks('ECONNRESET'));
  }

  breaks(code: string): void {
    this.#close(code);
  }

  /** From now on all packets of both directions are lost. */
  fallsSilent(): void {
    for (const end of [this, this.#peer]) {
      if (end === undefined || end.#isSilent) continue;
      end.#isSilent = true;
      end.#loses();
      this.#streams.kernel.at(givenUpMs, undefined, () => end.breaks('ETIMEDOUT'));
    }
  }

  /** Its machine is gone: the other end is half open and hears of it when it sends something. */
  vanishes(): void {
    this.#close('');
  }

  #arrives(): void {
    const peer = this.#peer!;
    if (this.#isSilent) return;
    // The system sends it again and again until it gets through.
    if (this.#path.isBlocked?.() === true)
      return this.#streams.kernel.at(blockedRetryMs, undefined, () => this.#arrives());
    const bytes = this.#underWay.shift()!;
    if (bytes === theEnd) {
      if (this.destroyed) return;
      this.#hasPeerEnded = true;
      return this.#readLater();
    }
    if (this.destroyed || (!this.owner.isAlive && !this.#isEnding))
      // Whoever gets a packet of a connection that it does not know says so.
      return this.#streams.kernel.at(this.#path.latencyMs(), undefined, () => peer.breaks('ECONNRESET'));
    // Who leaves in order reads until the others have ended too, and looks at nothing (`Links.close` in src/io/links.ts).
    if (!this.owner.isAlive) return peer.wasRead(bytes.length);
    this.#streams.kernel.mixBytes(bytes);
    this.#unread.push(bytes);
    this.#readLater();
  }

  #readLater(): void {
    if (this.#readDue) return;
    this.#readDue = true;
    const { readsWithinMs } = this.#manners;
    const delayMs = readsWithinMs === 0 ? 0 : this.#streams.random.between(0, readsWithinMs);
    this.#streams.kernel.at(delayMs, this.owner, () => this.#read());
  }

  #read(): void {
    this.#readDue = false;
    if (this.destroyed) return;
    const unread = this.#unread;
    this.#unread = [];
    if (unread.length > 0) {
      const bytes = unread.length === 1 ? unread[0]! : Buffer.concat(unread);
      this.#peer?.wasRead(bytes.length);
      this.#emit('data', bytes);
    }
    if (!this.#hasPeerEnded || this.destroyed) return;
    this.#emit('end');
    this.end();
    this.#close('');
  }

  /** The other side has taken so many octets. */
  wasRead(bytes: number): void {
    this.#aheadBytes -= bytes;
    if (this.#waiting.length > 0) this.#streams.kernel.at(this.#path.latencyMs(), undefined, () => this.#pump());
  }

  #pump(): void {
    if (this.destroyed || this.connecting || this.#isCorked) return;
    const peer = this.#peer!;
    while (this.#waiting.length > 0 && this.#aheadBytes < this.#manners.windowBytes) {
      const { bytes, done } = this.#waiting[0]!;
      const length = Math.min(bytes.length, this.#manners.windowBytes - this.#aheadBytes, this.#chunkBytes());
      const chunk = bytes.subarray(0, length);
      this.#aheadBytes += length;
      this.#waitingBytes -= length;
      if (length === bytes.length) {
        this.#waiting.shift();
        if (done !== undefined) this.#later(() => done(null));
      } else this.#waiting[0] = { bytes: bytes.subarray(length), done };
      this.#sends(peer, chunk);
    }
    if (this.#waiting.length > 0) this.#wasFull = true;
    else if (this.#wasFull) {
      this.#wasFull = false;
      this.#later(() => !this.destroyed && this.#emit('drain'));
    }
    if (this.#isEnding && !this.#isEndSent && this.#waiting.length === 0) {
      this.#isEndSent = true;
      this.#sends(peer, theEnd);
    }
  }

  #sends(peer: SimSocket, chunk: Buffer): void {
    peer.#underWay.push(chunk);
    this.#streams.kernel.at(this.#arrivalMs(), undefined, () => peer.#arrives());
  }

  #chunkBytes(): number {
    const { grain } = this.#manners;
    if (grain === 'whole') return Infinity;
    // Octet by octet only at first: there is where a reader can go wrong.
    if (grain === 'octets' && this.#sentChunks++ < 40) return 1;
    return this.#streams.random.int(1, pieceBytesMax);
  }

  /** From now until what is sent now is there, never before what was sent earlier. */
  #arrivalMs(): number {
    const { kernel } = this.#streams;
    this.#lastArrivalMs = Math.max(kernel.nowMs + this.#path.latencyMs(), this.#lastArrivalMs);
    return this.#lastArrivalMs - kernel.nowMs;
  }

  #close(code: string): boolean {
    if (this.destroyed) return false;
    this.destroyed = true;
    this.connecting = false;
    this.#streams.forget(this);
    this.#loses();
    if (this.#peer !== undefined) this.#peer.#loses();
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#later(() => {
      const error: StreamError = Object.assign(new Error(code === '' ? 'closed' : code), { code });
      for (const { done } of waiting) done?.(error);
      if (code !== '') this.#emit('error', error);
      this.#emit('close');
    });
    return true;
  }

  #loses(): void {
    if (this.lostAtMs === 0) this.lostAtMs = this.#streams.kernel.nowMs;
  }

  #later(run: () => void): void {
    this.#streams.kernel.at(0, this.owner, run);
  }

  #emit(event: string, value?: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(value);
  }
}
