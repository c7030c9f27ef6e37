/** Two nodes that know one peer each, and a pipe between their links that delivers in odd pieces, breaks and damages. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { LinkProtocol } from '../../cluster/link.ts';
import type { LinkEvents } from '../../cluster/link.ts';
import { LinkSession } from '../../cluster/link-session.ts';
import type { Versions } from '../../cluster/versions.ts';
import { limits } from '../../src/limits.ts';

let streams = 0;

/** One node that knows one peer: what src/io/links.ts is, without sockets. */
export class Node {
  readonly name: string;
  readonly peer: string;
  incarnation = 1;
  secret = 'secret';
  session: LinkSession | undefined;
  link: LinkProtocol | undefined;
  readonly taken: string[] = [];
  readonly ups: string[] = [];
  readonly echoes: number[] = [];
  readonly reasons: string[] = [];
  extra = '';
  versions: Versions | undefined;
  /** What it lets the other one have under way. */
  roomBytes: number = limits.linkWindowBytes;

  constructor(name: string, peer: string) {
    this.name = name;
    this.peer = peer;
    if (name < peer) this.session = new LinkSession(() => ++streams);
  }

  open(nowMs: number): void {
    const events: LinkEvents = {
      sessionOf: () => this.session,
      admit: (_peer, stream) => (this.session ??= new LinkSession(() => ++streams, stream)),
      up: (peer) => this.ups.push(`${peer.node}.${peer.incarnation}`),
      item: (target, payload, mark) => this.taken.push(`${target.join('/')} ${payload.toString()} @${mark.epoch}`),
      heartbeat: (beat) => {
        this.echoes.push(beat.echoMs);
        this.extra = Buffer.from(beat.extra).toString();
      },
      heartbeatExtra: () => Buffer.from(`of ${this.name}`),
      roomBytes: () => this.roomBytes,
      mark: () => ({ epoch: 3, nonce: 4 }),
    };
    this.link = new LinkProtocol({
      role: this.name < this.peer ? 'dialer' : 'acceptor',
      self: { cluster: 'demo', node: this.name, incarnation: this.incarnation },
      expect: this.name < this.peer ? this.peer : '',
      secret: this.secret,
      random: createHash('sha256').update(`${this.name} ${++streams}`).digest(),
      versions: this.versions,
      nowMs,
      events,
    });
  }
}

/** A pair of nodes and the pipe between them. */
export class Pair {
  readonly a = new Node('a', 'b');
  readonly b = new Node('b', 'a');
  nowMs = 1_000;
  #toB: Buffer = Buffer.alloc(0);
  #toA: Buffer = Buffer.alloc(0);

  connect(): void {
    this.a.open(this.nowMs);
    this.b.open(this.nowMs);
    this.#toA = this.#toB = Buffer.alloc(0);
  }

  /** The connection is gone, with all that was on its way. */
  cut(): void {
    for (const node of [this.a, this.b]) {
      node.link?.close('cut', this.nowMs);
      if (node.link !== undefined) node.reasons.push(node.link.closed);
      node.link = undefined;
    }
  }

  pull(): void {
    this.#toB = Buffer.concat([this.#toB, ...(this.a.link?.pull(100_000) ?? [])]);
    this.#toA = Buffer.concat([this.#toA, ...(this.b.link?.pull(100_000) ?? [])]);
  }

  /** Delivers up to `bytes` of each direction; flips one bit when asked. */
  deliver(bytes: number, flip = -1): void {
    this.pull();
    const toB = Buffer.from(this.#toB.subarray(0, bytes));
    const toA = Buffer.from(this.#toA.subarray(0, bytes));
    this.#toB = this.#toB.subarray(bytes);
    this.#toA = this.#toA.subarray(bytes);
    if (flip >= 0 && toB.length > 0) toB[flip % toB.length]! ^= 1 << (flip % 8);
    if (toB.length > 0) this.b.link?.receive(toB, this.nowMs);
    if (toA.length > 0) this.a.link?.receive(toA, this.nowMs);
  }

  settle(): void {
    for (let i = 0; i < 12; i++) this.deliver(1 << 24);
  }

  /** The connection is made again when either side gave it up. */
  repair(): void {
    for (let i = 0; i < 4; i++) {
      if (this.a.link?.isUp === true && this.b.link?.isUp === true) return;
      this.cut();
      this.connect();
      this.settle();
    }
  }

  sleep(ms: number): void {
    for (const end = this.nowMs + ms; this.nowMs < end;) {
      this.nowMs = Math.min(end, this.nowMs + 50);
      this.a.link?.tick(this.nowMs);
      this.b.link?.tick(this.nowMs);
    }
  }
}

export function connected(): Pair {
  const pair = new Pair();
  pair.connect();
  pair.settle();
  assert(pair.a.link?.isUp && pair.b.link?.isUp, `${pair.a.link?.closed} ${pair.b.link?.closed}`);
  return pair;
}
