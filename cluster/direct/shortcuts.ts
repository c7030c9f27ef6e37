/**
 * Where the workers of a node may send datagrams for a partition themselves, past the main threads: one number for each
 * partition, in memory that all threads of the node share. The hub writes it (cluster/hub.ts), the workers read it.
 */
import { limits } from '../../src/limits.ts';

/** Worker numbers of a node, and one for "any of them". */
const workerPlaces = limits.workersPerNodeMax + 1;

/** Nowhere: it goes by the hub. */
export const noPlace = 0;

/** This node itself. */
export const ownSlot = 0;

export class Shortcuts {
  readonly #places: Int32Array;
  /** By node id, for as long as this process lives: a slot never names another node. */
  readonly #slots = new Map<string, number>();

  /** @param places one for each partition, at first 0 everywhere: none */
  constructor(node: string, places: Int32Array) {
    this.#places = places;
    this.#slots.set(node, ownSlot);
  }

  /** -1 when there are no more: of such a node the items go by its link. */
  slotOf(node: string): number {
    const known = this.#slots.get(node);
    if (known !== undefined) return known;
    if (this.#slots.size >= limits.directSlotsMax) return -1;
    const slot = this.#slots.size;
    this.#slots.set(node, slot);
    return slot;
  }

  toWorker(partition: number, worker: number): void {
    this.#places[partition] = packed(ownSlot, worker);
  }

  toNode(partition: number, node: string): void {
    const slot = this.slotOf(node);
    this.#places[partition] = slot < 0 ? noPlace : packed(slot, -1);
  }

  /** By the main thread, which knows what waits. */
  close(partition: number): void {
    this.#places[partition] = noPlace;
  }
}

/** A worker of a node that has a slot here, as one number, or `noPlace`. */
export function placeOf(places: Int32Array, partition: number): number {
  return places[partition] ?? noPlace;
}

/** The node of a place. */
export function slotAt(place: number): number {
  return Math.floor((place - 1) / workerPlaces);
}

/** The worker of a place; -1: whichever. */
export function workerAt(place: number): number {
  return ((place - 1) % workerPlaces) - 1;
}

function packed(slot: number, worker: number): number {
  return 1 + slot * workerPlaces + worker + 1;
}
