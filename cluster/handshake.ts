/**
 * How two nodes prove to each other that they know the cluster's secret, without sending it:
 *
 *     dialer                                   acceptor
 *       HELLO  who, to whom, random  ------------>
 *       <------------  CHALLENGE  who, to whom, random
 *       PROOF  HMAC(secret, 'dialer', both) ----->       the dialer proves itself first, so that a stranger learns nothing
 *       <------------  PROOF  HMAC(secret, 'acceptor', both)
 *
 * "Both" are the octets of HELLO and CHALLENGE as they were on the wire, so names, incarnations, versions and both
 * randoms are covered: nothing can be changed on the way, replayed later, or reflected to its sender. Two more HMACs of the
 * same octets are the keys that seal the frames of each direction (cluster/wire.ts).
 *
 * Whatever is not the one frame expected at this point ends the connection with a reason that is counted and logged here,
 * but not told to the peer. One thing is told, by a CLOSE without a seal, to whoever names our cluster and us: that the two
 * releases have nothing in common, and who of both is behind. It proves nothing and is only shown to people.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { highestCommon, incompatibility, ownVersions } from './versions.ts';
import type { Versions } from './versions.ts';
import { encodeFrame } from './wire.ts';
import type { TableMark } from './data-frame.ts';
import type { Frame, Greeting } from './wire.ts';

export type Role = 'dialer' | 'acceptor';

/** What one side says of itself. The cluster name and the node names are compared octet by octet. */
export interface Identity {
  readonly cluster: string;
  readonly node: string;
  /** Rises with every start of the process. */
  readonly incarnation: number;
}

/** Where the DATA numbers of this pair of nodes stand, so that a new connection goes on where the last one broke. */
export interface Resume {
  readonly stream: number;
  readonly heardStream: number;
  readonly heardSeq: number;
}

export type HandshakeRefusal =
  | 'unexpected-frame'
  | 'wrong-cluster'
  | 'wrong-node'
  | 'wrong-direction'
  | 'wrong-version'
  | 'refused-by-peer'
  | 'wrong-proof';

export interface Established {
  readonly peer: Greeting;
  /** Of the frames from now on: the highest that both sides speak. */
  readonly version: number;
  /** Keys that seal what we send and what we receive. */
  readonly sendKey: Buffer;
  readonly receiveKey: Buffer;
}

export type HandshakeStep =
  | { readonly do: 'send'; readonly frame: Buffer }
  /** `detail` is for people; `frame` is the last one to send, if there is one. */
  | {
      readonly do: 'refuse';
      readonly reason: HandshakeRefusal;
      readonly detail?: string | undefined;
      readonly frame?: Buffer | undefined;
    }
  | { readonly do: 'establish'; readonly established: Established; readonly frame: Buffer | undefined };

export interface HandshakeOptions {
  readonly role: Role;
  readonly self: Identity;
  /** Node that the dialer means to reach; '' for the acceptor. */
  readonly expect: string;
  readonly secret: string;
  /** 32 unpredictable octets, never used twice. */
  readonly random: Uint8Array;
  readonly mark: TableMark;
  /** Default: those of this build. */
  readonly versions?: Versions | undefined;
  /** Asked once the peer's name is known. The name is only a claim at that time: the answer must not change anything. */
  resumeFor(node: string): Resume;
}

export class Handshake {
  readonly #options: HandshakeOptions;
  #awaits: 'hello' | 'challenge' | 'proof' | 'nothing';
  #hello: Buffer = empty;
  #challenge: Buffer = empty;
  #peer: Greeting | undefined;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#awaits = options.role === 'dialer' ? 'challenge' : 'hello';
  }

  /** What the dialer says first, length included. */
  hello(): Buffer {
    const frame = this.#greeting('hello', this.#options.expect);
    this.#hello = frame.subarray(4);
    return frame;
  }

  /** Takes the next frame: its body as received and as decoded (undefined: it was not a frame). */
  receive(body: Buffer, frame: Frame | undefined): HandshakeStep {
    if (frame?.type === 'close' && this.#awaits === 'challenge')
      return { ...this.#refuse('refused-by-peer'), detail: frame.reason };
    if (frame === undefined || frame.type !== this.#awaits) return this.#refuse('unexpected-frame');
    if (frame.type === 'proof') return this.#receiveProof(frame.mac);
    const { self, expect, role } = this.#options;
    if (frame.cluster !== self.cluster) return this.#refuse('wrong-cluster');
    if (frame.to !== self.node || (role === 'dialer' && frame.node !== expect)) return this.#refuse('wrong-node');
    // The node with the smaller name dials, so there is one link for a pair, and nobody is its own peer.
    if (role === 'acceptor' ? frame.node >= self.node : frame.node <= self.node) return this.#refuse('wrong-direction');
    const detail = incompatibility([self.node, this.#versions], [frame.node, frame.versions]);
    if (detail !== undefined) {
      const close = encodeFrame({ type: 'close', mark: this.#options.mark, reason: detail });
      return { ...this.#refuse('wrong-version'), detail, frame: close };
    }
    this.#peer = frame;
    // The octets are kept beyond this call, and the chunk they lie in may be reused.
    if (role === 'dialer') {
      this.#challenge = Buffer.from(body);
      this.#awaits = 'proof';
      return { do: 'send', frame: this.#proof('dialer') };
    }
    this.#hello = Buffer.from(body);
    const challenge = this.#greeting('challenge', frame.node);
    this.#challenge = challenge.subarray(4);
    this.#awaits = 'proof';
    return { do: 'send', frame: challenge };
  }

  #receiveProof(mac: Uint8Array): HandshakeStep {
    const { role } = this.#options;
    const other: Role = role === 'dialer' ? 'acceptor' : 'dialer';
    if (!timingSafeEqual(mac, this.#mac(`proof ${other}`))) return this.#refuse('wrong-proof');
    this.#awaits = 'nothing';
    const established = {
      peer: this.#peer!,
      version: highestCommon(this.#versions.link, this.#peer!.versions.link)!,
      sendKey: this.#mac(`key ${role}`),
      receiveKey: this.#mac(`key ${other}`),
    };
    return { do: 'establish', established, frame: role === 'acceptor' ? this.#proof('acceptor') : undefined };
  }

  get #versions(): Versions {
    return this.#options.versions ?? ownVersions;
  }

  #refuse(reason: HandshakeRefusal): HandshakeStep & { readonly do: 'refuse' } {
    this.#awaits = 'nothing';
    return { do: 'refuse', reason };
  }

  #greeting(type: 'hello' | 'challenge', to: string): Buffer {
    const { self, mark, random } = this.#options;
    const { stream, heardStream, heardSeq } = this.#options.resumeFor(to);
    return encodeFrame({ type, mark, ...self, to, versions: this.#versions, random, stream, heardStream, heardSeq });
  }

  #proof(role: Role): Buffer {
    return encodeFrame({ type: 'proof', mark: this.#options.mark, mac: this.#mac(`proof ${role}`) });
  }

  /** HMAC over both greetings. Each is hashed first, so that no shift of the border between them gives the same octets. */
  #mac(label: string): Buffer {
    return createHmac('sha256', this.#options.secret)
      .update(`carillon link ${label}\n`)
      .update(createHash('sha256').update(this.#hello).digest())
      .update(createHash('sha256').update(this.#challenge).digest())
      .digest();
  }
}

const empty = Buffer.alloc(0);
