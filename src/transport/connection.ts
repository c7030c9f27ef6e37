/**
 * One connection that carries SIP as a stream, accepted or dialled: cuts what comes into messages, answers keep-alives, writes
 * what goes out once a turn, and gives up when the peer is too slow in either direction.
 */
import { limits } from '../limits.ts';
import type { Flow } from '../outside.ts';
import { failureResponse } from '../sip/build.ts';
import type { ParseFailure } from '../sip/failure.ts';
import { StreamFramer } from '../sip/frame.ts';
import type { StreamError, StreamSocket } from './socket.ts';

/** What a connection needs of the transport that holds it. */
export interface ConnectionHolder {
  readonly nowMs: number;
  message(connection: StreamConnection, bytes: Buffer): void;
  framingFailed(connection: StreamConnection, failure: ParseFailure): void;
  undelivered(connection: StreamConnection, token: string): void;
  pings(answered: number, ignored: number): void;
  /** The connection has something corked; `flush` is to be called at the end of this turn. */
  corked(connection: StreamConnection): void;
  /** The connection wants `sweep` to be called from time to time, or no longer. */
  watch(connection: StreamConnection, wanted: boolean): void;
  /** It is over. Called once. */
  closed(connection: StreamConnection, reason: string): void;
}

const keepAliveAnswer = Buffer.from('\r\n');
const keepAliveAnswers = Buffer.alloc(2 * limits.keepAlivesPerSecondMax, '\r\n');

export class StreamConnection {
  readonly flow: Flow;
  /** Whether a whole message has come: a connection without one is the first to go when there are too many. */
  hasSpoken = false;
  readonly #socket: StreamSocket;
  readonly #holder: ConnectionHolder;
  readonly #framer = new StreamFramer();
  #reason = '';
  #isEnding = false;
  #isCorked = false;
  #isConnecting: boolean;
  /** When it is over at the latest: for connecting and for ending. 0 none. */
  #deadlineMs = 0;
  #flushedBytes = 0;
  #flushedMs = 0;
  #discardedBytes = 0;
  #pingSecond = 0;
  #pings = 0;

  constructor(socket: StreamSocket, flow: Flow, holder: ConnectionHolder) {
    this.flow = flow;
    this.#socket = socket;
    this.#holder = holder;
    this.#isConnecting = socket.connecting;
    if (this.#isConnecting) {
      this.#deadlineMs = holder.nowMs + limits.connectTimeoutMs;
      holder.watch(this, true);
      socket.once('connect', () => {
        this.#isConnecting = false;
        if (!this.#isEnding) this.#deadlineMs = 0;
      });
    }
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('error', (error: StreamError) => {
      if (this.#reason === '') this.#reason = error.code ?? 'error';
    });
    socket.on('close', () => {
      this.#isEnding = true;
      holder.watch(this, false);
      holder.closed(this, this.#reason === '' ? 'closed-by-peer' : this.#reason);
    });
  }

  get isOpen(): boolean {
    return !this.#isEnding;
  }

  /** Sends at the end of this turn. The octets must not be changed afterwards. A token is given back when they cannot leave. */
  send(bytes: Uint8Array, token: string): void {
    if (this.#isEnding) {
      if (token !== '') this.#holder.undelivered(this, token);
      return;
    }
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      this.#holder.corked(this);
    }
    if (token === '') this.#socket.write(bytes);
    else {
      this.#socket.write(bytes, (error) => {
        if (error !== null && error !== undefined) this.#holder.undelivered(this, token);
      });
    }
    if (this.#socket.writableLength > limits.connectionWriteBufferBytesMax) this.destroy('slow-reader');
  }

  /** Hands what was sent in this turn to the system in one call. */
  flush(): void {
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#socket.uncork();
    if (this.#socket.writableLength > 0 && !this.#socket.destroyed) this.#holder.watch(this, true);
  }

  /** Sends a last message, then closes: the peer has a moment to read it, and what it still sends is thrown away. */
  end(reason: string, last?: Uint8Array): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#reason = reason;
    this.flush();
    this.#deadlineMs = this.#holder.nowMs + limits.closingLingerMs;
    this.#holder.watch(this, true);
    if (last === undefined) this.#socket.end();
    else this.#socket.end(last);
  }

  /** Closes at once. */
  destroy(reason: string): void {
    if (this.#reason === '') this.#reason = reason;
    this.#isEnding = true;
    this.#socket.destroy();
  }

  /** Looks at the deadlines: of connecting, of ending, of the message that has begun, and of a peer that does not read. */
  sweep(nowMs: number): void {
    if (this.#deadlineMs !== 0 && nowMs >= this.#deadlineMs)
      return this.destroy(this.#isConnecting ? 'connect-timeout' : 'closing-timeout');
    if (!this.#isEnding && this.#framer.deadlineMs !== 0 && nowMs >= this.#framer.deadlineMs)
      return this.destroy('message-timeout');
    const waiting = this.#socket.writableLength;
    const flushed = this.#socket.bytesWritten - waiting;
    if (waiting === 0 || flushed !== this.#flushedBytes) {
      this.#flushedBytes = flushed;
      this.#flushedMs = nowMs;
    } else if (nowMs - this.#flushedMs >= limits.connectionStallMs) return this.destroy('slow-reader');
    if (waiting === 0 && this.#deadlineMs === 0 && this.#framer.deadlineMs === 0) this.#holder.watch(this, false);
  }

  /** Octets that came; also those that were read before there was a connection to take them. */
  receive(chunk: Buffer): void {
    if (this.#isEnding) {
      this.#discardedBytes += chunk.length;
      if (this.#discardedBytes > limits.closingDiscardBytesMax) this.destroy('closing-flood');
      return;
    }
    const framer = this.#framer;
    framer.push(chunk, this.#holder.nowMs);
    for (let output = framer.next(); output !== undefined; output = framer.next()) {
      if (Buffer.isBuffer(output)) {
        this.hasSpoken = true;
        this.#holder.message(this, output);
        if (this.#isEnding) return;
      } else if ('pong' in output) this.#answerPings(output.pong);
      else {
        this.#holder.framingFailed(this, output.broken);
        return this.end('framing-failure', failureResponse(output.broken, this.flow));
      }
    }
    if (framer.deadlineMs !== 0) this.#holder.watch(this, true);
  }

  describe(): string {
    const { connection, address, port } = this.flow;
    return `${connection} ${address}:${port} ${this.#isConnecting ? 'connecting' : this.#isEnding ? 'ending' : 'open'} waiting ${this.#socket.writableLength} B, held ${this.#framer.heldBytes} B`;
  }

  /** RFC 5626 4.4.1: one CRLF for each ping, but no more a second than anybody needs. */
  #answerPings(count: number): void {
    const second = Math.floor(this.#holder.nowMs / 1_000);
    if (second !== this.#pingSecond) {
      this.#pingSecond = second;
      this.#pings = 0;
    }
    const answered = Math.min(count, limits.keepAlivesPerSecondMax - this.#pings);
    this.#pings += answered;
    this.#holder.pings(answered, count - answered);
    if (answered === 1) this.send(keepAliveAnswer, '');
    else if (answered > 1) this.send(keepAliveAnswers.subarray(0, 2 * answered), '');
  }
}
