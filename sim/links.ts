/**
 * The links between the nodes, as the mesh of production behaves (cluster/link-session.ts): items of one sender arrive once
 * and in order; a cut holds them up; a cut or a stopped peer that lasts ends the link for both; what was under way is kept
 * for a link that comes back soon; the death of a process is heard at once as a reset.
 */
import type { PeerFrame } from '../cluster/control-types.ts';
import type { Target } from '../cluster/data-frame.ts';
import { readPeerFrame } from '../cluster/peer-frames.ts';
import { limits } from '../src/limits.ts';
import type { Clock } from '../src/outside.ts';
import type { Kernel, Owner } from './kernel.ts';
import type { Stream } from './random.ts';

export interface LinkEnd {
  readonly id: string;
  readonly incarnation: number;
  readonly owner: Owner;
  /** Whether it dials this node. */
  wants(peer: string): boolean;
  peerUp(peer: string, incarnation: number): void;
  peerDown(peer: string, incarnation: number): void;
  item(from: string, incarnation: number, target: Target, payload: Uint8Array): void;
  /** What the control of another node says, where it did not come as octets. */
  frame(from: string, incarnation: number, frame: PeerFrame): void;
}

export interface LinkFault {
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  /** A reset for both ends, or silence that nobody is told of. */
  readonly kind: 'reset' | 'silent';
}

/** The links of a world: as objects (here), or as octets (link-bytes.ts). */
export interface NodeLinks {
  latencyMs: readonly [number, number];
  readonly cutCount: number;
  /** Whether nothing goes that way. */
  isCut(from: string, to: string): boolean;
  join(end: LinkEnd, clock: Clock): void;
  /**
   * The process of this end has ended. Its machine closes what it held, unless it is gone `silently` with it. One that left
   * `inOrder` closed its links itself: what it had sent arrives (src/io/links.ts).
   */
  leave(end: LinkEnd, silently: boolean, inOrder?: boolean): void;
  /** Nothing goes that way any more. */
  cut(from: string, to: string): void;
  heal(from: string, to: string): void;
  healAll(): void;
  /** It wants links that it did not want before. */
  wanted(end: LinkEnd): void;
  /** Who is stopped or cut off has changed. */
  watch(): void;
  strike(fault: LinkFault): void;
  isUp(a: string, b: string): boolean;
  send(from: LinkEnd, peer: string, target: Target, payload: Uint8Array): boolean;
  /** To this incarnation of the peer or to nobody. */
  sendFrame(from: LinkEnd, peer: string, incarnation: number, frame: PeerFrame): boolean;
}

type Content = { readonly target: Target; readonly payload: Uint8Array } | { readonly frame: PeerFrame };

interface Item {
  readonly content: Content;
  /** By link and way, in the order in which they were sent. */
  readonly number: number;
}

/** One direction of a link. */
interface Way {
  readonly from: LinkEnd;
  readonly to: LinkEnd;
  lastArrivalMs: number;
  /** Sent, not arrived: kept while the way is cut or the link is being made again. In the order in which they were sent. */
  readonly held: Item[];
  /** Come over a way that was free again, before what had been held. */
  readonly early: Item[];
  /** Of the item that is sent next, and of the one that arrives next. */
  nextNumber: number;
  nextArrival: number;
  blockedSinceMs: number | undefined;
  /** From when on nothing arrived, when the link went down. */
  heldSinceMs: number;
}

interface Link {
  readonly ways: readonly [Way, Way];
  up: boolean;
  /** When each end saw it go down. */
  downSinceMs: number;
  /** Its sender has left in order: what is on the way still arrives. */
  lastWay: Way | undefined;
}

export class Links implements NodeLinks {
  latencyMs: readonly [number, number];
  readonly #kernel: Kernel;
  readonly #random: Stream;
  readonly #ends = new Map<string, LinkEnd>();
  readonly #links = new Map<string, Link>();
  /** Those that have not got all links that they want. */
  readonly #dialling = new Set<LinkEnd>();
  /** `a>b`: nothing goes from a to b. */
  readonly #cuts = new Set<string>();

  constructor(kernel: Kernel, random: Stream, latencyMs: readonly [number, number]) {
    this.#kernel = kernel;
    this.#random = random;
    this.latencyMs = latencyMs;
  }

  join(end: LinkEnd): void {
    this.#ends.set(end.id, end);
    for (const each of this.#ends.values()) this.wanted(each);
  }

  wanted(end: LinkEnd): void {
    if (this.#dialling.has(end)) return;
    this.#dialling.add(end);
    this.#kernel.at(this.#random.between(5, 40), end.owner, () => this.#dialAll(end));
  }

  /** Its peers are told by a reset; by an end that comes after the last item, when it left in order. */
  leave(end: LinkEnd, _silently: boolean, inOrder = false): void {
    if (this.#ends.get(end.id) === end) this.#ends.delete(end.id);
    for (const [name, link] of this.#links) {
      const way = link.ways.find((each) => each.from === end);
      if (way === undefined) continue;
      this.#links.delete(name);
      if (!link.up) continue;
      const ended = (): void => way.to.peerDown(end.id, end.incarnation);
      if (!inOrder) this.#kernel.at(this.#latency(), way.to.owner, ended);
      else {
        link.lastWay = way;
        const arrivalMs = Math.max(this.#kernel.nowMs + this.#latency(), way.lastArrivalMs);
        this.#kernel.at(arrivalMs - this.#kernel.nowMs, undefined, () => this.#kernel.at(0, way.to.owner, ended));
      }
    }
  }

  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
    this.watch();
  }

  heal(from: string, to: string): void {
    this.#cuts.delete(`${from}>${to}`);
    this.watch();
  }

  healAll(): void {
    this.#cuts.clear();
    this.watch();
  }

  get cutCount(): number {
    return this.#cuts.size;
  }

  isCut(from: string, to: string): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from}>${to}`);
  }

  /** Who is stopped or cut off has changed: links may end, and what was held up may go. */
  watch(): void {
    for (const link of this.#links.values()) {
      if (!link.up) continue;
      for (const way of link.ways) {
        const blocked = this.#isBlocked(way) || way.from.owner.isPaused || way.to.owner.isPaused;
        if (!blocked) {
          way.blockedSinceMs = undefined;
          this.#sendHeld(link, way);
        } else if (way.blockedSinceMs === undefined) {
          const sinceMs = this.#kernel.nowMs;
          way.blockedSinceMs = sinceMs;
          this.#kernel.at(limits.linkSilenceMs, undefined, () => {
            if (link.up && way.blockedSinceMs === sinceMs) this.#end(link);
          });
        }
      }
    }
  }

  /** Objects are not octets: only the others can be struck. */
  strike(): void {}

  isUp(a: string, b: string): boolean {
    return this.#links.get(nameOf(a, b))?.up === true;
  }

  send(from: LinkEnd, peer: string, target: Target, payload: Uint8Array): boolean {
    return this.#take(from, peer, { target, payload: Buffer.from(payload) });
  }

  /** @throws when a node could not read it. */
  sendFrame(from: LinkEnd, peer: string, incarnation: number, frame: PeerFrame): boolean {
    const link = this.#links.get(nameOf(from.id, peer));
    if (link === undefined) return false;
    const { to } = link.ways[0].to.id === peer ? link.ways[0] : link.ways[1];
    if (to.id !== peer || to.incarnation !== incarnation) return false;
    const read = readPeerFrame(frame);
    if (read === undefined) throw new Error(`a frame of the control of ${from.id} cannot be read`);
    return this.#take(from, peer, { frame: read });
  }

  #take(from: LinkEnd, peer: string, content: Content): boolean {
    const link = this.#links.get(nameOf(from.id, peer));
    if (link === undefined || !link.up) return false;
    const way = link.ways[0].from === from ? link.ways[0] : link.ways[1];
    if (way.from !== from) return false;
    const item = { content, number: way.nextNumber++ };
    // What is held goes first, when the way is free.
    if (this.#isBlocked(way) || way.held.length > 0) way.held.push(item);
    else this.#send(link, way, item);
    return true;
  }

  #send(link: Link, way: Way, item: Item): void {
    const arrivalMs = Math.max(this.#kernel.nowMs + this.#latency(), way.lastArrivalMs);
    way.lastArrivalMs = arrivalMs;
    this.#kernel.at(arrivalMs - this.#kernel.nowMs, undefined, () => {
      if (link.lastWay === way) return this.#isBlocked(way) ? undefined : this.#arrived(way, item);
      if (this.#links.get(nameOf(way.from.id, way.to.id)) !== link) return;
      if (!link.up || this.#isBlocked(way)) insert(way.held, item);
      else this.#arrived(way, item);
    });
  }

  #arrived(way: Way, item: Item): void {
    if (way.early.length === 0 && item.number === way.nextArrival) {
      way.nextArrival++;
      this.#kernel.at(0, way.to.owner, () => arrive(way, item.content));
      return;
    }
    insert(way.early, item);
    while (way.early[0]?.number === way.nextArrival) {
      const { content } = way.early.shift()!;
      way.nextArrival++;
      this.#kernel.at(0, way.to.owner, () => arrive(way, content));
    }
  }

  #sendHeld(link: Link, way: Way): void {
    if (this.#isBlocked(way)) return;
    for (const item of way.held.splice(0)) this.#send(link, way, item);
  }

  #end(link: Link): void {
    link.up = false;
    link.downSinceMs = this.#kernel.nowMs;
    this.wanted(link.ways[0].from);
    for (const way of link.ways) {
      way.heldSinceMs = way.blockedSinceMs ?? this.#kernel.nowMs;
      way.blockedSinceMs = undefined;
      this.#kernel.at(this.#latency(), way.from.owner, () => way.from.peerDown(way.to.id, way.to.incarnation));
    }
  }

  /** The node with the smaller name dials, again and again until it has all links that it wants. */
  #dialAll(end: LinkEnd): void {
    let isLinked = true;
    for (const peer of this.#ends.values())
      if (end.id < peer.id && end.wants(peer.id)) isLinked = this.#dial(end, peer) && isLinked;
    if (isLinked) this.#dialling.delete(end);
    else this.#kernel.at(this.#random.between(20, 60), end.owner, () => this.#dialAll(end));
  }

  #dial(end: LinkEnd, peer: LinkEnd): boolean {
    const name = nameOf(end.id, peer.id);
    const known = this.#links.get(name);
    const isSame = known?.ways[0].from === end && known.ways[0].to === peer;
    if (known?.up === true && isSame) return true;
    // A stopped process accepts, as its kernel does, but shakes no hands.
    if (
      !peer.owner.isAlive ||
      peer.owner.isPaused ||
      this.#cuts.has(`${end.id}>${peer.id}`) ||
      this.#cuts.has(`${peer.id}>${end.id}`)
    )
      return false;
    const resumed = isSame && known !== undefined && this.#kernel.nowMs - known.downSinceMs <= limits.linkResumeMs;
    const link: Link = { ways: [newWay(end, peer), newWay(peer, end)], up: true, downSinceMs: 0, lastWay: undefined };
    this.#links.set(name, link);
    this.#kernel.at(0, end.owner, () => end.peerUp(peer.id, peer.incarnation));
    this.#kernel.at(0, peer.owner, () => peer.peerUp(end.id, end.incarnation));
    if (!resumed || known === undefined) return true;
    for (const [index, way] of link.ways.entries()) {
      const { held, early, heldSinceMs } = known.ways[index]!;
      if (this.#kernel.nowMs - heldSinceMs > limits.linkLateMs) continue;
      for (const item of early) insert(held, item);
      for (const { content } of held) way.held.push({ content, number: way.nextNumber++ });
    }
    this.#kernel.at(0, undefined, () => {
      for (const way of link.ways) this.#sendHeld(link, way);
    });
    return true;
  }

  #isBlocked(way: Way): boolean {
    return this.isCut(way.from.id, way.to.id);
  }

  #latency(): number {
    return this.#random.between(this.latencyMs[0], this.latencyMs[1]);
  }
}

/** What was under way when the way was cut was sent before what has been held since. */
function insert(items: Item[], item: Item): void {
  const last = items.at(-1);
  if (last === undefined || last.number < item.number) return void items.push(item);
  items.splice(
    items.findIndex(({ number }) => number > item.number),
    0,
    item,
  );
}

function arrive({ from, to }: Way, content: Content): void {
  if ('frame' in content) to.frame(from.id, from.incarnation, content.frame);
  else to.item(from.id, from.incarnation, content.target, content.payload);
}

function newWay(from: LinkEnd, to: LinkEnd): Way {
  return {
    from,
    to,
    lastArrivalMs: 0,
    held: [],
    early: [],
    nextNumber: 0,
    nextArrival: 0,
    blockedSinceMs: undefined,
    heldSinceMs: 0,
  };
}

/** Names of links, made once: by one end and the other. */
const names = new Map<string, Map<string, string>>();

function nameOf(a: string, b: string): string {
  let ofOne = names.get(a);
  if (ofOne === undefined) names.set(a, (ofOne = new Map()));
  let name = ofOne.get(b);
  if (name === undefined) ofOne.set(b, (name = a < b ? `${a} ${b}` : `${b} ${a}`));
  return name;
}
