/**
 * The short way from a worker to the one that has a partition, on this node or another: one datagram from thread to thread,
 * where the way through the hubs wakes two main threads as well. For what may be lost: packets that came by UDP (their
 * senders repeat them) and questions (they are repeated until answered). Everything else goes by the hub.
 *
 * A way is used while the other end answers probes: they are as long as the longest item, so that they prove that it comes
 * through, and go only where something is sent. Without an answer everything goes by the hub again, within
 * `directFreshMs`.
 *
 * Copies for a buddy go the same way, to the main thread of its node (keeper.ts), and are answered by it. What of them is
 * lost is said again over the link (buddy/replicator.ts).
 */
import { limits } from '../../src/limits.ts';
import { ownerName } from '../control-types.ts';
import { directPayloadBytesMax, directWordBytesMax, headOf, packDirectWord, packItem, packProbe } from './datagram.ts';
import { DirectEnd } from './end.ts';
import type { EndPorts } from './end.ts';
import { mainThread, nameOf } from './names.ts';
import type { DirectSelf } from './names.ts';
import { noPlace, ownSlot, placeOf, slotAt, workerAt } from './shortcuts.ts';

/** Where the workers of one node can be reached by datagrams. */
export interface PeerWorkers {
  /** Of Shortcuts. */
  readonly slot: number;
  readonly node: string;
  readonly incarnation: number;
  /** IP address. */
  readonly host: string;
  /** By worker; 0: none. */
  readonly ports: readonly number[];
  /** Of the main thread, for copies; 0: none, as with a release that has them come by links. */
  readonly mainPort: number;
}

export interface DirectPorts extends EndPorts {
  /** Monotonic, milliseconds. */
  nowMs(): number;
  /** For a partition that should be here, or of which this worker is only the door. The payload is a view. */
  item(partition: number, hops: number, payload: Buffer): void;
  /** What a buddy answers to a copy. The payload is a view. */
  word(partition: number, payload: Buffer): void;
}

interface Path {
  readonly to: number;
  readonly host: string;
  readonly port: number;
  /** Octets of a probe: of the longest datagram that goes there. */
  readonly bytes: number;
  /** Until when its last answer counts. */
  goodUntilMs: number;
  nextProbeMs: number;
  /** Its number is the time when it was sent. */
  lastProbeMs: number;
}

export class DirectWay {
  readonly #self: DirectSelf;
  readonly #end: DirectEnd;
  readonly #places: Int32Array;
  readonly #ports: DirectPorts;
  /** By slot, then by worker. */
  readonly #peers: (readonly (Path | undefined)[])[] = [];
  readonly #paths = new Map<number, Path>();
  /** To main threads, by `ownerName` of their processes, and those names by slot. */
  readonly #mains = new Map<string, Path>();
  readonly #mainNames: (string | undefined)[] = [];

  /** @param key the same on all nodes, for nothing else */
  constructor(self: DirectSelf, key: Uint8Array, places: Int32Array, ports: DirectPorts) {
    this.#self = self;
    this.#end = new DirectEnd(nameOf(self), key, ports);
    this.#places = places;
    this.#ports = ports;
  }

  /** Whenever that changes; what was known of that slot before is forgotten. */
  know({ slot, node, incarnation, host, ports, mainPort }: PeerWorkers): void {
    for (const path of this.#peers[slot] ?? []) if (path !== undefined) this.#paths.delete(path.to);
    const { directDatagramBytesMax, directCopyBytesMax } = limits;
    this.#peers[slot] = ports.map((port, worker) => {
      if (port === 0 || (slot === ownSlot && worker === this.#self.worker)) return undefined;
      const to = nameOf({ node, incarnation, worker });
      return this.#open(to, host, port, directDatagramBytesMax);
    });
    const before = this.#mains.get(this.#mainNames[slot] ?? '');
    if (before !== undefined) this.#paths.delete(before.to);
    this.#mains.delete(this.#mainNames[slot] ?? '');
    if (mainPort === 0 || slot === ownSlot) return;
    const name = ownerName(node, incarnation);
    const to = nameOf({ node, incarnation, worker: mainThread });
    this.#mainNames[slot] = name;
    this.#mains.set(name, this.#open(to, host, mainPort, directCopyBytesMax));
  }

  #open(to: number, host: string, port: number, bytes: number): Path {
    const path = { to, host, port, bytes, goodUntilMs: -Infinity, nextProbeMs: -Infinity, lastProbeMs: -1 };
    this.#paths.set(to, path);
    return path;
  }

  /** False: it has to go by the hub. */
  send(partition: number, payload: Uint8Array): boolean {
    if (payload.length > directPayloadBytesMax) return false;
    const place = placeOf(this.#places, partition);
    if (place === noPlace) return false;
    if (!this.#sendTo(place, partition, slotAt(place) === ownSlot ? 0 : 1, payload)) return false;
    this.#ports.count('forwarded-directly');
    return true;
  }

  #sendTo(place: number, partition: number, hops: number, payload: Uint8Array): boolean {
    const workers = this.#peers[slotAt(place)];
    if (workers === undefined || workers.length === 0) return false;
    const worker = workerAt(place);
    // Another node's workers know among themselves who has what.
    const path = workers[worker >= 0 ? worker : partition % workers.length];
    if (path === undefined) return false;
    if (!this.#isGood(path)) return false;
    this.#ports.send(
      path.host,
      path.port,
      packItem(this.#end.headTo(path.to), partition, hops, payload, this.#end.mac),
    );
    return true;
  }

  #isGood(path: Path): boolean {
    const nowMs = this.#ports.nowMs();
    if (nowMs >= path.nextProbeMs) this.#probe(path, nowMs);
    return nowMs < path.goodUntilMs;
  }

  /** Octets of the longest copy that a process (`ownerName`) takes so now; 0: all go over the link. */
  roomForCopy(buddy: string): number {
    const path = this.#mains.get(buddy);
    return path !== undefined && this.#isGood(path) ? directWordBytesMax : 0;
  }

  /** Where there is room for it. */
  copy(buddy: string, partition: number, word: Uint8Array): void {
    const path = this.#mains.get(buddy);
    if (path === undefined) return;
    this.#ports.send(path.host, path.port, packDirectWord(this.#end.headTo(path.to), partition, word, this.#end.mac));
    this.#ports.count('copied-directly');
  }

  received(octets: Buffer, host: string, port: number): void {
    const content = this.#end.open(octets, host, port);
    switch (content?.type) {
      case 'item':
        if (content.partition >= this.#places.length) return this.#ports.count('dropped-unreadable');
        return this.#take(content.partition, content.hops, content.payload);
      case 'word':
        return this.#ports.word(content.partition, content.payload);
      case 'echo':
        return this.#echoed(this.#paths.get(headOf(octets).from), content.number);
      case undefined:
    }
  }

  /** To the worker of this node that has the partition: from here on as if it had come to that one. */
  #take(partition: number, hops: number, payload: Buffer): void {
    const place = placeOf(this.#places, partition);
    const isSiblings = place !== noPlace && slotAt(place) === ownSlot && workerAt(place) !== this.#self.worker;
    if (!isSiblings || !this.#sendTo(place, partition, hops, payload)) this.#ports.item(partition, hops, payload);
  }

  #probe(path: Path, nowMs: number): void {
    path.lastProbeMs = Math.max(0, Math.floor(nowMs));
    path.nextProbeMs = nowMs + limits.directProbeAgainMs;
    this.#ports.send(
      path.host,
      path.port,
      packProbe(this.#end.headTo(path.to), path.lastProbeMs, this.#end.mac, path.bytes),
    );
  }

  #echoed(path: Path | undefined, sentMs: number): void {
    if (path === undefined || sentMs < 0 || sentMs > path.lastProbeMs) return;
    const goodUntilMs = sentMs + limits.directFreshMs;
    if (goodUntilMs <= path.goodUntilMs) return;
    path.goodUntilMs = goodUntilMs;
    path.nextProbeMs = sentMs + limits.directProbeMs;
  }
}
