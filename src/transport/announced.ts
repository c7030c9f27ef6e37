/**
 * Accepted sockets of a balancer that have not said yet for whom they are (PROXY protocol). Each gets its header read, within
 * a limit and a deadline, and goes on as a connection of its client; or it is closed.
 */
import { limits } from '../limits.ts';
import { readProxyHeader } from './proxy-header.ts';
import type { ProxySource, WrongHeader } from './proxy-header.ts';
import type { StreamSocket } from './socket.ts';

export interface AnnouncedPorts {
  nowMs(): number;
  /**
   * The header is read. `source` is missing when the connection is the balancer's own. The octets behind the header come to
   * `receive`.
   */
  announced(socket: StreamSocket, listener: number, source: ProxySource | undefined): (chunk: Buffer) => void;
  refused(socket: StreamSocket, listener: number, reason: WrongHeader | 'timeout'): void;
}

interface Waiting {
  readonly socket: StreamSocket;
  readonly listener: number;
  readonly deadlineMs: number;
  held: Buffer;
}

const nothing = Buffer.alloc(0);

export class Announced {
  readonly #ports: AnnouncedPorts;
  /** Oldest first. */
  readonly #waiting = new Set<Waiting>();

  constructor(ports: AnnouncedPorts) {
    this.#ports = ports;
  }

  get count(): number {
    return this.#waiting.size;
  }

  add(socket: StreamSocket, listener: number): void {
    const deadlineMs = this.#ports.nowMs() + limits.proxyHeaderDeadlineMs;
    const waiting: Waiting = { socket, listener, deadlineMs, held: nothing };
    this.#waiting.add(waiting);
    socket.on('data', (chunk: Buffer) => this.#receive(waiting, chunk));
    socket.on('error', () => {});
    // A balancer that looks whether we live connects and closes.
    socket.on('close', () => this.#waiting.delete(waiting));
  }

  /** The one that has waited longest goes, for a newer one. False when there is none. */
  dropOldest(): boolean {
    const oldest = this.#waiting.values().next().value;
    if (oldest === undefined) return false;
    this.#end(oldest);
    return true;
  }

  sweep(): void {
    const nowMs = this.#ports.nowMs();
    for (const waiting of this.#waiting) {
      if (nowMs < waiting.deadlineMs) return;
      this.#refuse(waiting, 'timeout');
    }
  }

  endAll(): void {
    for (const waiting of this.#waiting) this.#end(waiting);
  }

  #receive(waiting: Waiting, chunk: Buffer): void {
    // The listener cannot be taken back: later chunks are the connection's.
    if (!this.#waiting.has(waiting)) return;
    const octets = waiting.held.length === 0 ? chunk : Buffer.concat([waiting.held, chunk]);
    const header = readProxyHeader(octets);
    if (header.is === 'partial') waiting.held = octets;
    else if (header.is === 'wrong') this.#refuse(waiting, header.reason);
    else {
      this.#waiting.delete(waiting);
      const receive = this.#ports.announced(waiting.socket, waiting.listener, header.source);
      if (octets.length > header.bytes) receive(octets.subarray(header.bytes));
    }
  }

  #refuse(waiting: Waiting, reason: WrongHeader | 'timeout'): void {
    this.#end(waiting);
    this.#ports.refused(waiting.socket, waiting.listener, reason);
  }

  #end(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    waiting.socket.destroy();
  }
}
