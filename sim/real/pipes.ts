/**
 * TCP connections through a place where they can be cut, as a network is cut: nothing is closed, nothing arrives, and
 * what was sent meanwhile comes when the way is open again, as TCP would repeat it. Each way for itself.
 */
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Endpoint } from '../network.ts';

export interface PipesOptions {
  readonly listen: Endpoint;
  readonly to: Endpoint;
  /** Who dials, from the first octets; undefined: not known yet. */
  nameOf(first: Buffer): string | undefined;
  /** Whether octets may pass now from the dialler to the one who listens, or back. */
  isOpen(dialler: string, forth: boolean): boolean;
  /** Milliseconds that each piece takes. */
  delayMs(): number;
}

const nameBytesMax = 4_096;
const tickMs = 10;

export class Pipes {
  readonly #options: PipesOptions;
  readonly #pairs = new Set<Pair>();
  #server: Server | undefined;
  #ticker: NodeJS.Timeout | undefined;

  constructor(options: PipesOptions) {
    this.#options = options;
  }

  open(): Promise<void> {
    const { address, port } = this.#options.listen;
    this.#server = createServer({ noDelay: true, pauseOnConnect: false }, (socket) => {
      const pair = new Pair(socket, this.#options, () => this.#pairs.delete(pair));
      this.#pairs.add(pair);
    });
    this.#ticker = setInterval(() => {
      for (const pair of this.#pairs) pair.tick();
    }, tickMs);
    return new Promise((resolve, reject) => {
      this.#server?.once('error', reject);
      this.#server?.listen({ host: address, port, exclusive: true }, resolve);
    });
  }

  /** Every connection ends with a reset. */
  reset(): void {
    for (const pair of this.#pairs) pair.end();
  }

  close(): void {
    clearInterval(this.#ticker);
    this.#server?.close();
    this.reset();
  }
}

interface Piece {
  readonly atMs: number;
  /** Undefined: the end. */
  readonly bytes: Buffer | undefined;
}

class Pair {
  readonly #near: Socket;
  readonly #options: PipesOptions;
  readonly #onEnd: () => void;
  readonly #forth: Piece[] = [];
  readonly #back: Piece[] = [];
  #far: Socket | undefined;
  #first = Buffer.alloc(0);
  #name: string | undefined;
  #isOver = false;

  constructor(near: Socket, options: PipesOptions, onEnd: () => void) {
    this.#near = near;
    this.#options = options;
    this.#onEnd = onEnd;
    near.on('error', () => undefined);
    near.on('data', (bytes: Buffer) => {
      this.#name ??= this.#nameFrom(bytes);
      this.#push(this.#forth, bytes);
    });
    near.on('close', () => this.#push(this.#forth, undefined));
    // Somebody who says nothing first (no dialler of ours) is connected only when he does.
  }

  tick(): void {
    if (this.#name === undefined || this.#isOver) return;
    if (this.#options.isOpen(this.#name, true)) this.#carry(this.#forth, this.#connected());
    if (this.#options.isOpen(this.#name, false)) this.#carry(this.#back, this.#near);
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#near.destroy();
    this.#far?.destroy();
    this.#onEnd();
  }

  #nameFrom(bytes: Buffer): string | undefined {
    this.#first = Buffer.concat([this.#first, bytes]);
    const name = this.#options.nameOf(this.#first);
    if (name === undefined && this.#first.length > nameBytesMax) this.end();
    return name;
  }

  #push(pieces: Piece[], bytes: Buffer | undefined): void {
    pieces.push({ atMs: performance.now() + this.#options.delayMs(), bytes });
    this.tick();
  }

  #carry(pieces: Piece[], to: Socket): void {
    const nowMs = performance.now();
    for (let first = pieces[0]; first !== undefined && first.atMs <= nowMs; first = pieces[0]) {
      pieces.shift();
      if (first.bytes === undefined) return this.end();
      if (!to.destroyed) to.write(first.bytes);
    }
  }

  #connected(): Socket {
    if (this.#far !== undefined) return this.#far;
    const { address, port } = this.#options.to;
    const far = connect({ host: address, port, noDelay: true });
    this.#far = far;
    far.on('error', () => undefined);
    far.on('data', (bytes: Buffer) => this.#push(this.#back, bytes));
    far.on('close', () => this.#push(this.#back, undefined));
    return far;
  }
}
