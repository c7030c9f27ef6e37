/** One socket between two nodes with the protocol on it (link.ts): octets in, frames out once a turn. */
import { limits } from '../src/limits.ts';
import type { Clock } from '../src/outside.ts';
import type { StreamError, StreamSocket } from '../src/transport/socket.ts';
import { LinkProtocol } from './link.ts';
import type { LinkOptions } from './link.ts';

/** A closing socket has this long to take the last frame. */
const closingMs = 1_000;

export class LinkConnection {
  /** The node we dialled, or that proved itself; '' for a stranger. */
  node: string;
  readonly remote: string;
  readonly #socket: StreamSocket;
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #makeProtocol: () => LinkProtocol;
  readonly #onEnd: (connection: LinkConnection, reason: string, wasUp: boolean) => void;
  #protocol: LinkProtocol | undefined;
  #endedMs = 0;
  #error = '';

  /** `onEnd` is called once, as soon as the link is of no more use. */
  constructor(
    socket: StreamSocket,
    node: string,
    clock: Clock,
    options: (connection: LinkConnection) => LinkOptions,
    onEnd: (connection: LinkConnection, reason: string, wasUp: boolean) => void,
  ) {
    this.node = node;
    this.remote = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`;
    this.#socket = socket;
    this.#clock = clock;
    this.#onEnd = onEnd;
    this.#startedMs = clock.monotonicMs();
    this.#makeProtocol = () => new LinkProtocol(options(this));
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => this.write());
    socket.on('error', (error: StreamError) => (this.#error = error.code ?? 'error'));
    // A peer that ends is gone: a process that died shows here within a millisecond.
    socket.on('end', () => socket.destroy());
    socket.on('close', () => this.end(this.#error === '' ? 'closed' : this.#error));
    if (socket.connecting) socket.once('connect', () => this.#start());
    else this.#start();
  }

  get isUp(): boolean {
    return this.#protocol?.isUp === true;
  }

  /** More about the end for people, or ''. */
  get detail(): string {
    return this.#protocol?.detail ?? '';
  }

  get rttMs(): number {
    return this.#protocol?.rttMs ?? -1;
  }

  get hasEnded(): boolean {
    return this.#endedMs !== 0;
  }

  /** Writes what there is, as far as the socket is not too far behind; control items can only overtake what is not written. */
  write(): void {
    if (this.#protocol === undefined || this.#endedMs !== 0) return;
    const frames = this.#protocol.pull(Math.max(0, limits.linkSocketBytesAhead - this.#socket.writableLength));
    if (frames.length === 0) return;
    if (frames.length === 1) return void this.#socket.write(frames[0]!);
    this.#socket.cork();
    for (const frame of frames) this.#socket.write(frame);
    this.#socket.uncork();
  }

  /** When `tick` next has something to do. */
  nextTickMs(): number {
    if (this.#endedMs !== 0) return this.#socket.destroyed ? -Infinity : this.#endedMs + closingMs;
    return this.#protocol?.nextTickMs() ?? this.#startedMs + limits.linkHandshakeMs;
  }

  /** Deadlines and heartbeats. Gives false once nothing is left of the socket. */
  tick(): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (this.#endedMs !== 0) {
      if (nowMs - this.#endedMs >= closingMs) this.#socket.destroy();
      return !this.#socket.destroyed;
    }
    if (this.#protocol === undefined) {
      if (nowMs - this.#startedMs >= limits.linkHandshakeMs) this.end('connect-timeout');
      return true;
    }
    this.#protocol.tick(nowMs);
    this.#after();
    return true;
  }

  /** Ends the link, telling the peer when it is one. */
  end(reason: string): void {
    if (this.#endedMs !== 0) return;
    const wasUp = this.isUp;
    this.#protocol?.close(reason, this.#clock.monotonicMs());
    this.#finish(reason, wasUp);
  }

  #start(): void {
    this.#protocol = this.#makeProtocol();
    this.write();
  }

  #receive(chunk: Buffer): void {
    if (this.#endedMs !== 0 || this.#protocol === undefined) return;
    this.#protocol.receive(chunk, this.#clock.monotonicMs());
    this.#after();
  }

  /** The protocol may have given up, or have something to say that should not wait. */
  #after(): void {
    const protocol = this.#protocol!;
    if (protocol.closed === '') return this.write();
    if (this.#endedMs === 0) this.#finish(protocol.closed, protocol.peer !== undefined);
  }

  #finish(reason: string, wasUp: boolean): void {
    this.#endedMs = this.#clock.monotonicMs();
    const rest = this.#protocol?.pull(0) ?? [];
    if (rest.length === 0 || this.#socket.destroyed || this.#socket.connecting) this.#socket.destroy();
    else this.#socket.end(Buffer.concat(rest));
    this.#onEnd(this, reason, wasUp);
  }
}
