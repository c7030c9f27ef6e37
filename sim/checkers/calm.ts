/** When a fault disturbs what a checker expects of a cluster in good health: from its beginning until it has recovered. */
import { limits } from '../../src/limits.ts';
import type { Observer } from '../observe.ts';
import { warmUpMs } from '../options.ts';
import type { FaultKind } from '../options.ts';
import type { World } from '../world.ts';

/** These change nothing about the cluster itself. */
const outside: ReadonlySet<FaultKind> = new Set(['weather', 'clock']);

/** A lease lapses, peers vote, a process starts again, its share comes back. */
const recoveryMs = 12_000;

/** A link that broke is noticed, dialled again and caught up with; what was sent into a silent one arrives then. */
const linkRecoveryMs = limits.linkSilenceMs + 3_000;

export class Calm {
  readonly observer: Observer;
  readonly #world: World;
  #disturbedUntilMs = warmUpMs;

  constructor(world: World) {
    this.#world = world;
    this.observer = {
      fault: ({ kind, forMs }) => {
        if (outside.has(kind)) return;
        this.#disturbedUntilMs = Math.max(this.#disturbedUntilMs, world.kernel.nowMs + forMs + recoveryMs);
      },
    };
  }

  /** Whether nothing has disturbed the cluster since then. */
  since(ms: number): boolean {
    const { nowMs } = this.#world.kernel;
    if (ms < this.#disturbedUntilMs || nowMs < ms) return false;
    return !this.#world.options.linkFaults.some(({ atMs }) => atMs <= nowMs && atMs + linkRecoveryMs > ms);
  }

  /** No fault of this world ever touches the cluster. */
  static isAlways(world: World): boolean {
    return world.options.faults.every(({ kind }) => outside.has(kind));
  }
}
