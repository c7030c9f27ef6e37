/** The addon for datagrams: what it offers, where it lies, and how it is loaded. Written in C: datagrams.c. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A socket of the addon, and the memory that is shared with it. */
export interface AddonSocket {
  readonly id: number;
  readonly port: number;
  readonly shared: ArrayBuffer;
  readonly arena: ArrayBuffer;
}

/** Places in `shared` count words of 32 bits. Of a packet the words are: offset, length, port, four of the address, scope. */
export interface Addon {
  /** Packets that can wait to be sent: a power of two. */
  readonly slots: number;
  /** Packets per system call. */
  readonly batch: number;
  /** Octets that can wait to be sent. */
  readonly arenaBytes: number;
  /** Of each packet. */
  readonly words: number;
  /** Number of the first packet that waits, modulo 2^32; written by the addon. */
  readonly head: number;
  /** Number of the next packet, modulo 2^32; written by us. */
  readonly tail: number;
  /** The slots of packets to send. */
  readonly queue: number;
  /** The packets that `onReceived` speaks of. */
  readonly received: number;
  /** Pairs of slot and errno; `slots` instead of a slot: an error of the socket. */
  readonly failures: number;
  /**
   * Gives an errno below 0 when that is impossible.
   * @param onReceived `count` packets have come, their octets lie in `slab`, which nobody writes to again.
   * @param onFailed what could not be sent, `count` entries at `failures`.
   */
  open(
    address: string,
    isIPv6: boolean,
    port: number,
    isShared: boolean,
    bufferBytes: number,
    onReceived: (slab: ArrayBuffer, count: number) => void,
    onFailed: (count: number) => void,
  ): AddonSocket | number;
  /** Sends now what waits. Gives the number of entries at `failures`. */
  flush(id: number): number;
  /** Sends what waits and closes. Gives the number of entries at `failures`. */
  close(id: number): number;
  /** Puts an address into the words of a packet; false when it is none. */
  parse(address: string, isIPv6: boolean, words: Uint32Array): boolean;
  /** The address of a packet as text. */
  format(words: Uint32Array, isIPv6: boolean): string;
  /** Gives back to the system what the allocator of C keeps of freed memory, of all threads. They wait for it. */
  trim(): void;
}

/** A built addon belongs to one source: its name says which. */
export function addonFile(): string {
  const source = readFileSync(new URL('datagrams.c', import.meta.url));
  const hash = createHash('sha256').update(source).digest('hex').slice(0, 16);
  const folder = new URL('../../../node_modules/.cache/carillon/', import.meta.url);
  return fileURLToPath(new URL(`datagrams-${process.arch}-${hash}.node`, folder));
}

/** The addon, or why there is none. */
export function loadAddon(file?: string): Addon | string {
  if (process.platform !== 'linux') return 'the addon for datagrams is for Linux';
  try {
    const path = file ?? addonFile();
    if (!existsSync(path)) return 'the addon for datagrams was not built: npm run native';
    return createRequire(import.meta.url)(path) as Addon;
  } catch (error) {
    return `the addon for datagrams cannot be loaded: ${error instanceof Error ? error.message : String(error)}`;
  }
}
