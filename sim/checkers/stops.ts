/** Which processes stood still for long (SIGSTOP), as the gaps between their steps tell: they step every 20 ms. */
import type { SimNode } from '../node.ts';
import type { World } from '../world.ts';

export class Stops {
  readonly #world: World;
  readonly #forMs: number;
  /** By incarnation, which no two processes of a world share. */
  readonly #steppedMs: number[] = [];
  readonly #wokeMs: number[] = [];

  /** @param forMs shorter ones do not count */
  constructor(world: World, forMs: number) {
    this.#world = world;
    this.#forMs = forMs;
  }

  /** To be called with every step of a process. */
  stepped(node: SimNode): void {
    const { nowMs } = this.#world.kernel;
    if (nowMs - (this.#steppedMs[node.incarnation] ?? nowMs) >= this.#forMs) this.#wokeMs[node.incarnation] = nowMs;
    this.#steppedMs[node.incarnation] = nowMs;
  }

  /** For how long this process has run since it stood still; Infinity: it never did. */
  sinceMs(node: SimNode): number {
    const { nowMs } = this.#world.kernel;
    // What waited in its sockets comes before its next step.
    if (nowMs - (this.#steppedMs[node.incarnation] ?? nowMs) >= this.#forMs) return 0;
    return nowMs - (this.#wokeMs[node.incarnation] ?? -Infinity);
  }
}
