/**
 * What became of nodes and partitions over time, for the report: looked at from outside, every now and then, without
 * changing what happens.
 */
import type { Observer } from '../observe.ts';
import type { Fault } from '../options.ts';
import type { World } from '../world.ts';

export type NodeState = 'joining' | 'serving' | 'draining' | 'latched' | 'paused' | 'dead';

export interface NodeSpan {
  readonly state: NodeState;
  readonly incarnation: number;
  readonly fromMs: number;
  toMs: number;
}

/** From then on this node (by its place in `Story.nodes`) handles the partition; -1: nobody does. */
export interface OwnerChange {
  readonly atMs: number;
  readonly owner: number;
}

const everyMs = 25;

export class Story {
  readonly observer: Observer;
  /** By name, in order. */
  readonly nodes = new Map<string, NodeSpan[]>();
  /** By partition. */
  readonly owners: OwnerChange[][];
  /** When the first node adopted each table. */
  readonly tables: { readonly atMs: number; readonly epoch: number }[] = [];
  readonly faults: { readonly atMs: number; readonly fault: Fault }[] = [];
  readonly phases: { readonly atMs: number; readonly phase: string }[] = [];
  /** By metric, then by node. */
  readonly counters = new Map<string, Map<string, number>>();
  endMs = 0;
  readonly #world: World;
  readonly #names: string[] = [];
  #lastMs = -everyMs;

  constructor(world: World) {
    this.#world = world;
    this.owners = Array.from({ length: world.options.partitions }, () => [{ atMs: 0, owner: -1 }]);
    world.network.watchers.push(() => this.#look());
    const now = (): number => world.kernel.nowMs;
    this.observer = {
      stepped: () => this.#look(),
      fault: (fault) => void this.faults.push({ atMs: now(), fault }),
      phase: (phase) => void this.phases.push({ atMs: now(), phase }),
      tableAdopted: (_node, { epoch }) => {
        if (epoch > (this.tables.at(-1)?.epoch ?? 0)) this.tables.push({ atMs: now(), epoch });
      },
      counted: (node, metric) => {
        let ofMetric = this.counters.get(metric);
        if (ofMetric === undefined) this.counters.set(metric, (ofMetric = new Map()));
        ofMetric.set(node, (ofMetric.get(node) ?? 0) + 1);
      },
    };
  }

  /** The world is over. */
  end(): void {
    this.#lastMs = -everyMs;
    this.#look();
    this.endMs = this.#world.kernel.nowMs;
    for (const spans of this.nodes.values()) spans.at(-1)!.toMs = this.endMs;
  }

  #look(): void {
    const nowMs = this.#world.kernel.nowMs;
    if (nowMs - this.#lastMs < everyMs) return;
    this.#lastMs = nowMs;
    for (const node of this.#world.nodes.values()) {
      let spans = this.nodes.get(node.id);
      if (spans === undefined) {
        this.nodes.set(node.id, (spans = []));
        this.#names.push(node.id);
      }
      const last = spans.at(-1);
      const isNew = last?.incarnation !== node.incarnation;
      const hasServed = !isNew && spans.some((span) => span.incarnation === node.incarnation && isActing(span.state));
      const state: NodeState = !node.isAlive
        ? 'dead'
        : node.isPaused
          ? 'paused'
          : node.serving()
            ? node.loop.control.draining
              ? 'draining'
              : 'serving'
            : hasServed
              ? 'latched'
              : 'joining';
      if (!isNew && last.state === state) last.toMs = nowMs;
      else {
        if (last !== undefined) last.toMs = nowMs;
        spans.push({ state, incarnation: node.incarnation, fromMs: nowMs, toMs: nowMs });
      }
    }
    this.#lookAtPartitions(nowMs);
  }

  #lookAtPartitions(nowMs: number): void {
    const owner = new Array<number>(this.owners.length).fill(-1);
    for (const node of this.#world.nodes.values()) {
      if (!node.isAlive || node.isPaused || !node.serving()) continue;
      const index = this.#names.indexOf(node.id);
      for (const worker of node.workers)
        if (worker?.owner.isAlive === true)
          for (const partition of worker.core.hosted.handled()) owner[partition] = index;
    }
    for (const [partition, changes] of this.owners.entries())
      if (changes.at(-1)!.owner !== owner[partition]) changes.push({ atMs: nowMs, owner: owner[partition]! });
  }
}

function isActing(state: NodeState): boolean {
  return state === 'serving' || state === 'draining';
}
