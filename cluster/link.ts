/**
 * One connection between two nodes, without the socket: octets and time go in, octets and calls to `LinkEvents` come out.
 * It greets and proves, then carries sealed frames: heartbeats with echo, control items, other items. What has to outlive
 * the connection is in cluster/link-session.ts.
 *
 * The driver (link-mesh.ts, over the sockets of src/io/links.ts or of the simulator) calls `receive` with what came, `tick`
 * every 50 ms or so, and after either of them, and whenever the socket can take more, writes what `pull` gives. When
 * `closed` is not empty the driver writes the rest and closes.
 */
import { Hmac } from '../src/hmac.ts';
import { limits } from '../src/limits.ts';
import { stampData, visitItems } from './data-frame.ts';
import type { TableMark, Target } from './data-frame.ts';
import { FrameReader } from './frame-reader.ts';
import { Handshake } from './handshake.ts';
import type { Established, HandshakeOptions } from './handshake.ts';
import { streamOf } from './link-session.ts';
import type { LinkSession } from './link-session.ts';
import { decodeFrame, encodeFrame, isSealed, seal } from './wire.ts';
import type { Greeting, Heartbeat } from './wire.ts';

/** What the link tells its owner. Payloads and heartbeats are views on the received octets, good until the call returns. */
export interface LinkEvents {
  /** The session with `node`, to say in the greeting where it stands; undefined when there was none. Changes nothing. */
  sessionOf(node: string): LinkSession | undefined;
  /**
   * The peer has proved itself. Gives the session to go on with (not up: an older connection was ended), or why not.
   * A session made only now begins with `stream`, since that is what our greeting said.
   */
  admit(peer: Greeting, stream: number): LinkSession | string;
  /** Admitted, and items may be sent from now on. */
  up(peer: Greeting): void;
  item(target: Target, payload: Buffer, mark: TableMark): void;
  heartbeat(heartbeat: Heartbeat): void;
  /** Octets of the control that the next heartbeat carries, at most `linkHeartbeatExtraBytesMax`. */
  heartbeatExtra(): Uint8Array;
  /** Octets of items that this peer may have under way to us now; 0: none until further notice. */
  roomBytes(): number;
  /** The table that we have now. */
  mark(): TableMark;
}

export interface LinkOptions extends Pick<
  HandshakeOptions,
  'role' | 'self' | 'expect' | 'secret' | 'random' | 'versions'
> {
  readonly nowMs: number;
  readonly events: LinkEvents;
}

export class LinkProtocol {
  /** Why the link is over; '' while it is not. */
  closed = '';
  /** More about it for people, '' when there is no more to say. May be a word of a stranger. */
  detail = '';
  readonly #events: LinkEvents;
  readonly #handshake: Handshake;
  readonly #reader = new FrameReader(limits.linkHandshakeFrameBytesMax);
  readonly #startedMs: number;
  #out: Buffer[] = [];
  #saidStream = 0;
  #established: Established | undefined;
  #sendSeal: Hmac | undefined;
  #receiveSeal: Hmac | undefined;
  #session: LinkSession | undefined;
  #sentFrames = 0;
  #receivedFrames = 0;
  #heardMs: number;
  #progressMs: number;
  #tickedMs: number;
  #heartbeatMs = 0;
  #heartbeatDue = false;
  #echoMs = 0;
  /** When it came. */
  #echoedMs = 0;
  /** -1 before the first echo. */
  #rttMs = -1;
  #saidRoomBytes = 0;
  #version = 0;
  #nowMs: number;

  constructor(options: LinkOptions) {
    const { events, role, self, expect, secret, random, versions, nowMs } = options;
    this.#events = events;
    this.#startedMs = this.#heardMs = this.#progressMs = this.#tickedMs = this.#nowMs = nowMs;
    const resumeFor = (node: string) => {
      const resume = events.sessionOf(node)?.resume(this.#nowMs) ?? {
        stream: streamOf(random),
        heardStream: 0,
        heardSeq: 0,
      };
      this.#saidStream = resume.stream;
      return resume;
    };
    this.#handshake = new Handshake({ role, self, expect, secret, random, versions, mark: events.mark(), resumeFor });
    if (role === 'dialer') this.#out.push(this.#handshake.hello());
  }

  /** The proven peer, once the link is up. */
  get peer(): Greeting | undefined {
    return this.#session === undefined ? undefined : this.#established!.peer;
  }

  get isUp(): boolean {
    return this.#session !== undefined && this.closed === '';
  }

  /** Milliseconds there and back, as the last heartbeats had it on the average; -1 not known yet. */
  get rttMs(): number {
    return this.#rttMs;
  }

  receive(chunk: Buffer, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#reader.push(chunk);
    while (this.closed === '') {
      const body = this.#reader.next();
      if (body === undefined) return;
      if (typeof body === 'string') this.close(body, nowMs);
      else if (this.#session === undefined) this.#receiveGreeting(body, nowMs);
      else this.#receiveSealed(body, this.#session, nowMs);
    }
  }

  /** When `tick` next has something to do. */
  nextTickMs(): number {
    if (this.#session === undefined) return this.#startedMs + limits.linkHandshakeMs;
    const silentMs = this.#session.unacknowledged === 0 ? this.#heardMs : Math.min(this.#heardMs, this.#progressMs);
    return Math.min(this.#heartbeatMs + limits.linkHeartbeatMs, silentMs + limits.linkSilenceMs);
  }

  /** Deadlines and heartbeats. */
  tick(nowMs: number): void {
    if (this.closed !== '') return;
    this.#nowMs = nowMs;
    if (this.#session === undefined) {
      if (nowMs - this.#startedMs >= limits.linkHandshakeMs) this.close('handshake-timeout', nowMs);
      return;
    }
    // If it was we who slept (a stopped process, a long collection), the peer's silence proves nothing yet.
    if (nowMs - this.#tickedMs > 1_000) this.#heardMs = this.#progressMs = nowMs;
    this.#tickedMs = nowMs;
    if (this.#session.unacknowledged === 0) this.#progressMs = nowMs;
    if (nowMs - this.#heardMs >= limits.linkSilenceMs) return this.close('silent', nowMs);
    if (nowMs - this.#progressMs >= limits.linkSilenceMs) return this.close('not-acknowledged', nowMs);
    if (nowMs - this.#heartbeatMs >= limits.linkHeartbeatMs) {
      // By the multiples of the clock, as those of the control: both wake the two threads once.
      this.#heartbeatMs = nowMs - (nowMs % limits.linkHeartbeatMs);
      this.#heartbeatDue = true;
    }
  }

  /** Frames to write now: those of the link itself, then items until `budgetBytes` are reached. */
  pull(budgetBytes: number): Buffer[] {
    const out = this.#out;
    this.#out = [];
    const session = this.#session;
    if (session === undefined || this.closed !== '') return out;
    const mark = this.#events.mark();
    const roomBytes = this.#events.roomBytes();
    if (this.#heartbeatDue || this.#hasToTell(session, roomBytes)) {
      this.#heartbeatDue = false;
      this.#saidRoomBytes = roomBytes;
      const extra = this.#events.heartbeatExtra();
      const sentMs = Math.floor(this.#nowMs);
      const { heardSeq } = session;
      const heldMs = this.#echoMs === 0 ? 0 : Math.floor(this.#nowMs - this.#echoedMs);
      out.push(
        this.#sealed(
          encodeFrame(
            { type: 'heartbeat', mark, sentMs, echoMs: this.#echoMs, heardSeq, extra, roomBytes, heldMs },
            this.#version,
          ),
        ),
      );
      session.heardBytes = session.heardItems = 0;
    }
    for (let bytes = 0; bytes < budgetBytes;) {
      const next = session.next();
      if (next === undefined) break;
      stampData(next.frame, mark, next.seq, session.heardSeq, this.#version);
      session.heardBytes = session.heardItems = 0;
      out.push(this.#sealed(next.frame));
      bytes += next.frame.length;
    }
    return out;
  }

  /** Ends the link. The peer is told why when it has proved itself. */
  close(reason: string, nowMs: number): void {
    if (this.closed !== '') return;
    if (this.#session !== undefined) {
      this.#out.push(this.#sealed(encodeFrame({ type: 'close', mark: this.#events.mark(), reason }, this.#version)));
      this.#session.detach(nowMs, this.#progressMs);
    }
    this.closed = reason;
  }

  #receiveGreeting(body: Buffer, nowMs: number): void {
    const step = this.#handshake.receive(body, decodeFrame(body));
    if (step.do === 'refuse') {
      if (step.frame !== undefined) this.#out.push(step.frame);
      this.detail = step.detail ?? '';
      return this.close(step.reason, nowMs);
    }
    if (step.do === 'send') {
      this.#out.push(step.frame);
      return;
    }
    const { established } = step;
    const session = this.#events.admit(established.peer, this.#saidStream);
    if (typeof session === 'string') return this.close(session, nowMs);
    if (!session.attach(established.peer, this.#saidStream)) return this.close('out-of-step', nowMs);
    if (step.frame !== undefined) this.#out.push(step.frame);
    this.#established = established;
    this.#version = established.version;
    this.#sendSeal = new Hmac(established.sendKey);
    this.#receiveSeal = new Hmac(established.receiveKey);
    this.#session = session;
    this.#reader.bytesMax = limits.linkFrameBytesMax;
    this.#heardMs = this.#progressMs = this.#tickedMs = this.#heartbeatMs = nowMs;
    this.#heartbeatDue = true;
    this.#events.up(established.peer);
  }

  #receiveSealed(body: Buffer, session: LinkSession, nowMs: number): void {
    if (!isSealed(body, this.#receiveSeal!, this.#receivedFrames++)) return this.close('bad-seal', nowMs);
    const frame = decodeFrame(body, this.#version);
    this.#heardMs = nowMs;
    switch (frame?.type) {
      case 'data': {
        if (!this.#acknowledge(session, frame.heardSeq, nowMs)) return;
        const heard = session.hear(frame.seq);
        if (heard === 'gap') return this.close('gap', nowMs);
        session.heardBytes += body.length;
        session.heardItems += frame.items;
        if (heard === 'again') return;
        const { mark } = frame;
        visitItems(body, (target, payload) => this.#events.item(target, payload, mark));
        return;
      }
      case 'heartbeat':
        if (!this.#acknowledge(session, frame.heardSeq, nowMs)) return;
        this.#echoMs = frame.sentMs;
        this.#echoedMs = nowMs;
        session.roomBytes = frame.roomBytes;
        this.#heardEcho(frame.echoMs, frame.heldMs, nowMs);
        return this.#events.heartbeat(frame);
      case 'close':
        session.detach(nowMs, this.#progressMs);
        this.closed = `peer: ${frame.reason}`;
        return;
      default:
        return this.close('bad-frame', nowMs);
    }
  }

  /** The other side waits for room, or will soon: it should not have to wait for the next heartbeat. */
  #hasToTell(session: LinkSession, roomBytes: number): boolean {
    if (session.heardBytes >= limits.linkSocketBytesAhead || session.heardItems >= limits.linkWindowItems / 8)
      return true;
    return Math.abs(roomBytes - this.#saidRoomBytes) >= limits.linkWindowBytes / 2;
  }

  /** The first word counts, then a little of each: one late heartbeat says little. */
  #heardEcho(echoMs: number, heldMs: number, nowMs: number): void {
    if (echoMs === 0) return;
    const ms = Math.max(0, nowMs - echoMs - heldMs);
    this.#rttMs = this.#rttMs < 0 ? ms : this.#rttMs + (ms - this.#rttMs) / 8;
  }

  #acknowledge(session: LinkSession, seq: number, nowMs: number): boolean {
    const before = session.unacknowledged;
    if (!session.acknowledge(seq)) {
      this.close('bad-acknowledgement', nowMs);
      return false;
    }
    if (session.unacknowledged !== before) this.#progressMs = nowMs;
    return true;
  }

  #sealed(frame: Buffer): Buffer {
    seal(frame, this.#sendSeal!, this.#sentFrames++);
    return frame;
  }
}
