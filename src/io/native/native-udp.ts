/**
 * UDP by our addon: what a turn sends leaves with one system call when it ends (or every `batch` packets), and what has come
 * arrives with one call into JavaScript. Nothing is made for a packet but its Flow and a view of its octets.
 */
import { isIPv6 } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { limits } from '../../limits.ts';
import type { Flow } from '../../outside.ts';
import { listenError } from '../reuse-port.ts';
import { socketBufferBytes } from '../udp.ts';
import type { UdpOptions, UdpStats, UdpTransport } from '../udp.ts';
import type { Addon, AddonSocket } from './addon.ts';
import { SourceNames } from './source-names.ts';

type Layout = Pick<
  Addon,
  'slots' | 'batch' | 'arenaBytes' | 'words' | 'head' | 'tail' | 'queue' | 'received' | 'failures'
>;

/** V8 keeps the exports of an addon as a dictionary, in which each name is searched anew. */
function layoutOf({ slots, batch, arenaBytes, words, head, tail, queue, received, failures }: Addon): Layout {
  return { slots, batch, arenaBytes, words, head, tail, queue, received, failures };
}

interface Failure {
  readonly code: string;
  readonly flow: Flow | undefined;
  readonly token: string;
}

class NativeUdp implements UdpTransport {
  readonly stats: UdpStats = { received: 0, sent: 0, failed: 0, errors: 0 };
  readonly port: number;
  readonly #addon: Addon;
  readonly #layout: Layout;
  readonly #options: UdpOptions;
  readonly #id: number;
  readonly #isIPv6: boolean;
  readonly #shared: Uint32Array;
  readonly #arena: Uint8Array;
  readonly #sources: SourceNames;
  /** The words of addresses that we sent to. */
  readonly #destinations = new Map<string, Uint32Array>();
  /** Of the packet in each slot. */
  readonly #flows: Flow[] = [];
  readonly #tokens: string[] = [];
  #slab: ArrayBuffer | undefined;
  #slabBytes = Buffer.alloc(0);
  /** Of the next packet; its slot is the remainder by `slots`. */
  #tail = 0;
  /** Where the octets of the last packet end in the arena. */
  #end = 0;
  #isOpen = true;

  constructor(addon: Addon, options: UdpOptions) {
    this.#addon = addon;
    this.#layout = layoutOf(addon);
    this.#options = options;
    this.#isIPv6 = isIPv6(options.address);
    this.#sources = new SourceNames(addon, this.#isIPv6);
    const socket = this.#open();
    this.#id = socket.id;
    this.port = socket.port;
    this.#shared = new Uint32Array(socket.shared);
    this.#arena = new Uint8Array(socket.arena);
  }

  send(flow: Flow, bytes: Uint8Array, token = ''): void {
    const { port } = flow;
    const { length } = bytes;
    if (!this.#isOpen) return this.#failed('closed', flow, token);
    if (length > limits.datagramBytesMax) return this.#failed('EMSGSIZE', flow, token);
    const destination = this.#destinations.get(flow.address) ?? this.#parse(flow.address);
    if (destination === undefined || !(port >= 1 && port <= 65_535)) return this.#failed('EINVAL', flow, token);
    let offset = this.#room(length);
    if (offset < 0) {
      this.#flush();
      offset = this.#room(length);
      // The kernel takes no more, and neither do we.
      if (offset < 0) return this.#failed('ENOBUFS', flow, token);
    }
    this.stats.sent++;
    const { queue, words, slots, tail, head, batch } = this.#layout;
    const shared = this.#shared;
    const slot = this.#tail & (slots - 1);
    this.#arena.set(bytes, offset);
    this.#end = offset + length;
    this.#flows[slot] = flow;
    this.#tokens[slot] = token;
    const at = queue + slot * words;
    shared[at] = offset;
    shared[at + 1] = length;
    shared[at + 2] = port;
    for (let i = 3; i < 8; i++) shared[at + i] = destination[i]!;
    this.#tail = (this.#tail + 1) >>> 0;
    shared[tail] = this.#tail;
    if (((this.#tail - shared[head]!) >>> 0) % batch === 0) this.#flush();
  }

  close(): Promise<void> {
    if (!this.#isOpen) return Promise.resolve();
    this.#isOpen = false;
    const failures = this.#collect(this.#addon.close(this.#id));
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#report(failures);
        resolve();
      });
    });
  }

  #open(): AddonSocket {
    const { address, port, reusePort } = this.#options;
    const socket = this.#addon.open(
      address,
      this.#isIPv6,
      port,
      reusePort,
      socketBufferBytes,
      (slab, count) => this.#received(slab, count),
      (count) => this.#report(this.#collect(count)),
    );
    if (typeof socket !== 'number') return socket;
    const code = getSystemErrorName(socket);
    throw Object.assign(new Error(`bind ${code} ${address}:${port}`), { code, syscall: 'bind', address, port });
  }

  #received(slab: ArrayBuffer, count: number): void {
    if (slab !== this.#slab) {
      this.#slab = slab;
      this.#slabBytes = Buffer.from(slab);
    }
    const { listener, connection = '' } = this.#options;
    const { received, words } = this.#layout;
    const shared = this.#shared;
    for (let i = 0; i < count && this.#isOpen; i++) {
      const at = received + i * words;
      const offset = shared[at]!;
      const bytes = this.#slabBytes.subarray(offset, offset + shared[at + 1]!);
      const address = this.#sources.name(shared, at);
      this.stats.received++;
      try {
        this.#options.onMessage(bytes, { protocol: 'udp', listener, address, port: shared[at + 2]!, connection });
      } catch (error) {
        // The packets after it are not to suffer. Nobody has caught this, as with Node's own sockets.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Where `length` octets can be written; below 0: nowhere. */
  #room(length: number): number {
    const { head, queue, words, slots, arenaBytes } = this.#layout;
    const shared = this.#shared;
    const first = shared[head]!;
    const waiting = (this.#tail - first) >>> 0;
    if (waiting === 0) return 0;
    if (waiting >= slots) return -1;
    const begin = shared[queue + (first & (slots - 1)) * words]!;
    const end = this.#end;
    // Never up to `begin`, so that full and empty are not the same.
    if (end <= begin) return begin - end > length ? end : -1;
    if (arenaBytes - end >= length) return end;
    return begin > length ? 0 : -1;
  }

  /** Its caller is in the middle of something: what fails is reported when that is over. */
  #flush(): void {
    const failures = this.#collect(this.#addon.flush(this.#id));
    if (failures.length > 0) setImmediate(() => this.#report(failures));
  }

  #parse(address: string): Uint32Array | undefined {
    const destination = new Uint32Array(this.#addon.words);
    if (!this.#addon.parse(address, this.#isIPv6, destination)) return undefined;
    if (this.#destinations.size >= limits.datagramDestinationsMax) this.#destinations.clear();
    this.#destinations.set(address, destination);
    return destination;
  }

  /** Slots and places of failures are used again by what is sent while we report. */
  #collect(count: number): readonly Failure[] {
    if (count === 0) return none;
    const { failures, slots } = this.#layout;
    const collected: Failure[] = [];
    for (let i = 0; i < count; i++) {
      const slot = this.#shared[failures + i * 2]!;
      const code = getSystemErrorName(-this.#shared[failures + i * 2 + 1]!);
      const isOurs = slot < slots;
      collected.push({ code, flow: isOurs ? this.#flows[slot] : undefined, token: isOurs ? this.#tokens[slot]! : '' });
    }
    return collected;
  }

  #report(failures: readonly Failure[]): void {
    for (const { code, flow, token } of failures) {
      if (flow !== undefined) this.#failed(code, flow, token);
      else {
        this.stats.errors++;
        this.#options.onError(code, undefined, '');
      }
    }
  }

  #failed(code: string, flow: Flow, token: string): void {
    this.stats.failed++;
    this.#options.onError(code, flow, token);
  }
}

const none: readonly Failure[] = [];

/** See UdpPath.open. */
export async function openNativeUdp(addon: Addon, options: UdpOptions): Promise<UdpTransport> {
  try {
    return new NativeUdp(addon, options);
  } catch (error) {
    throw listenError(error, `udp:${options.address}:${options.port}`, options.reusePort);
  }
}
