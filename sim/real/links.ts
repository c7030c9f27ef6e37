/** The links between the nodes, each through a pipe that knows from the first frame who dials, and the ways to the store. */
import { decodeFrame } from '../../cluster/wire.ts';
import type { Endpoint } from '../network.ts';
import { Pipes } from './pipes.ts';

export interface LinkEnd {
  readonly id: string;
  /** Where the node listens. */
  readonly link: Endpoint;
  /** What the others are told. */
  readonly advertised: Endpoint;
}

export class RealLinks {
  /** `from to`: nothing passes from one to the other. */
  readonly #cuts = new Set<string>();
  readonly #pipes: readonly Pipes[];

  constructor(ends: readonly LinkEnd[], delayMs: () => number) {
    this.#pipes = ends.map(
      ({ id, link, advertised }) =>
        new Pipes({
          listen: advertised,
          to: link,
          nameOf: diallerOf,
          isOpen: (dialler, forth) => !this.#cuts.has(forth ? `${dialler} ${id}` : `${id} ${dialler}`),
          delayMs,
        }),
    );
  }

  async open(): Promise<void> {
    for (const pipes of this.#pipes) await pipes.open();
  }

  cut(from: string, to: string): void {
    this.#cuts.add(`${from} ${to}`);
  }

  heal(from: string, to: string): void {
    this.#cuts.delete(`${from} ${to}`);
  }

  healAll(): void {
    this.#cuts.clear();
  }

  close(): void {
    for (const pipes of this.#pipes) pipes.close();
  }
}

/** The node that says HELLO. */
function diallerOf(first: Buffer): string | undefined {
  if (first.length < 4 || first.length < 4 + first.readUInt32BE(0)) return undefined;
  const frame = decodeFrame(first.subarray(4, 4 + first.readUInt32BE(0)));
  return frame?.type === 'hello' ? frame.node : undefined;
}

/** One node's way to the store. */
export class StoreWay {
  isCut = false;
  delayMs = 0;
  readonly #pipes: Pipes;

  constructor(listen: Endpoint, to: Endpoint) {
    this.#pipes = new Pipes({
      listen,
      to,
      nameOf: () => 'node',
      isOpen: () => !this.isCut,
      delayMs: () => this.delayMs,
    });
  }

  open(): Promise<void> {
    return this.#pipes.open();
  }

  close(): void {
    this.#pipes.close();
  }
}
