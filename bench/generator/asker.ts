/**
 * Sends requests over UDP and waits for their final responses, as many at a time as its window has places: the closed loop
 * with which millions of registrations or held calls are brought about. Repeats as RFC 3261 section 17.1.2 says (T1 500 ms).
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { linesOf, value } from './messages.ts';

const repeatMs = 500;
const giveUpMs = 32_000;
const sweepMs = 100;

export interface Outcome {
  ok: number;
  failed: number;
  repeated: number;
  tookMs: number;
  /** Sorted: from the first sending to the final response. */
  readonly timesMs: number[];
}

/** One request, and what becomes of it. */
export interface Asked {
  /** Of its response: Call-ID and method. */
  readonly key: string;
  readonly text: string;
  /** The final response came. */
  readonly answered?: (lines: readonly string[]) => void;
}

interface Waiting {
  readonly asked: Asked;
  readonly sinceMs: number;
  nextMs: number;
  gapMs: number;
}

export class Asker {
  readonly #socket: Socket;
  readonly #server: number;
  readonly #waiting = new Map<string, Waiting>();
  #outcome: Outcome = empty();
  #room: (() => void) | undefined;

  private constructor(socket: Socket, server: number) {
    this.#socket = socket;
    this.#server = server;
    socket.on('message', (bytes) => this.#received(bytes));
    setInterval(() => this.#sweep(), sweepMs).unref();
  }

  /** @param server port on 127.0.0.1 */
  static async open(server: number, port: number): Promise<Asker> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 8 << 20, sendBufferSize: 8 << 20 });
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    return new Asker(socket, server);
  }

  close(): void {
    this.#socket.close();
  }

  /** Without an answer to wait for: an ACK. */
  say(text: string): void {
    this.#socket.send(Buffer.from(text, 'latin1'), this.#server, '127.0.0.1');
  }

  /**
   * Asks all, `window` at a time.
   *
   * @param next undefined: that was the last
   * @param perSecond at most so many; 0: as many as are answered
   */
  async askAll(next: () => Asked | undefined, window: number, perSecond = 0): Promise<Outcome> {
    const outcome = (this.#outcome = empty());
    const startMs = performance.now();
    let sent = 0;
    for (let asked = next(); asked !== undefined; asked = next()) {
      while (this.#waiting.size >= window) await new Promise<void>((resolve) => (this.#room = resolve));
      const aheadMs = perSecond === 0 ? 0 : (sent * 1_000) / perSecond - (performance.now() - startMs);
      if (aheadMs > 5) await new Promise((resolve) => setTimeout(resolve, aheadMs));
      const nowMs = performance.now();
      this.#waiting.set(asked.key, { asked, sinceMs: nowMs, nextMs: nowMs + repeatMs, gapMs: repeatMs });
      this.say(asked.text);
      // The answers must get in.
      if (++sent % 32 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    while (this.#waiting.size > 0) await new Promise<void>((resolve) => (this.#room = resolve));
    outcome.tookMs = performance.now() - startMs;
    outcome.timesMs.sort((a, b) => a - b);
    return outcome;
  }

  #received(bytes: Buffer): void {
    const lines = linesOf(bytes);
    const status = Number(lines[0]!.slice('SIP/2.0 '.length, 'SIP/2.0 200'.length));
    if (!(status >= 200)) return;
    const method = value(lines, 'CSeq').split(' ')[1] ?? '';
    const key = `${value(lines, 'Call-ID')} ${method}`;
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.#waiting.delete(key);
    if (status < 300) {
      this.#outcome.ok++;
      this.#outcome.timesMs.push(performance.now() - waiting.sinceMs);
    } else this.#outcome.failed++;
    waiting.asked.answered?.(lines);
    this.#go();
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const [key, waiting] of this.#waiting) {
      if (nowMs < waiting.nextMs) continue;
      if (nowMs - waiting.sinceMs > giveUpMs) {
        this.#waiting.delete(key);
        this.#outcome.failed++;
        continue;
      }
      waiting.gapMs = Math.min(4_000, waiting.gapMs * 2);
      waiting.nextMs = nowMs + waiting.gapMs;
      this.#outcome.repeated++;
      this.say(waiting.asked.text);
    }
    this.#go();
  }

  #go(): void {
    const room = this.#room;
    this.#room = undefined;
    room?.();
  }
}

function empty(): Outcome {
  return { ok: 0, failed: 0, repeated: 0, tookMs: 0, timesMs: [] };
}
