/**
 * Packets for connections that other nodes hold: while the link to such a node is being made again they wait, in order,
 * bounded. Over a stream nobody repeats a request (RFC 3261 17.1.1.2), so that dropping it would lose a phone its call.
 * When the node is gone, or does not come back in time, they go back: their actors look for the phone's next connection.
 */
import type { Target } from './data-frame.ts';
import { copyOf } from './octets.ts';
import { limits } from '../src/limits.ts';

export interface HolderPorts {
  nowMs(): number;
  toNode(node: string, target: Target, payload: Uint8Array): boolean;
  /** No member any more: its connections are gone with it. */
  isGone(node: string): boolean;
  /** It will not get there. */
  back(target: Target, payload: Uint8Array): void;
  count(metric: string): void;
}

interface Waiting {
  readonly node: string;
  readonly target: Target;
  readonly payload: Uint8Array;
  readonly sinceMs: number;
}

export class HolderQueue {
  readonly #ports: HolderPorts;
  #waiting: Waiting[] = [];
  /** Nodes of `#waiting`. */
  #waitingFor = new Set<string>();

  constructor(ports: HolderPorts) {
    this.#ports = ports;
  }

  get count(): number {
    return this.#waiting.length;
  }

  /** The payload is a view. What comes while others wait for the same node waits behind them. */
  send(node: string, target: Target, payload: Uint8Array): void {
    if (!this.#waitingFor.has(node) && this.#ports.toNode(node, target, payload)) return;
    if (this.#ports.isGone(node)) return this.#back(target, payload);
    if (this.#waiting.length >= limits.hubItemsWaitingMax) return this.#ports.count('dropped-no-connection-holder');
    this.#waiting.push({ node, target, payload: copyOf(payload), sinceMs: this.#ports.nowMs() });
    this.#waitingFor.add(node);
  }

  retry(): void {
    if (this.#waiting.length === 0) return;
    const oldestMs = this.#ports.nowMs() - limits.hubWaitMs;
    const waiting = this.#waiting;
    const blocked = new Set<string>();
    this.#waiting = [];
    for (const item of waiting) {
      if (!blocked.has(item.node) && this.#ports.toNode(item.node, item.target, item.payload)) continue;
      blocked.add(item.node);
      if (item.sinceMs < oldestMs || this.#ports.isGone(item.node)) this.#back(item.target, item.payload);
      else this.#waiting.push(item);
    }
    this.#waitingFor = new Set(this.#waiting.map(({ node }) => node));
  }

  #back(target: Target, payload: Uint8Array): void {
    this.#ports.count('no-connection-holder');
    this.#ports.back(target, payload);
  }
}
