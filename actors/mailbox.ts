/**
 * The mailbox of one partition: one FIFO of inputs for all of its entities, so that the order per sender and key is the
 * order of arrival, with bounds for the partition and for each entity. When it is nearly full new work is refused first;
 * what work under way needs to come to its end (responses, ACK, BYE, CANCEL, PRACK, answers, timers) last.
 */
import { limits } from '../src/limits.ts';
import type { Input } from './entity.ts';

/** From what is refused first to what is refused last. */
export const urgency = { newWork: 0, known: 1, urgent: 2 } as const;
export type Urgency = (typeof urgency)[keyof typeof urgency];

/** What is queued is charged to the entity that it is for. */
export interface MailboxOwner {
  queuedItems: number;
}

/** All partitions of a worker count into one of these, so that many half-full mailboxes cannot fill its memory. */
export interface WorkerLoad {
  queuedItems: number;
  /** The node leaves and nobody can take its partitions: nothing new is begun. */
  isClosing?: boolean;
}

export class Mailbox<Owner extends MailboxOwner, Item> {
  readonly #load: WorkerLoad;
  /** Owner and item of each place, one after the other: what is looked at together lies together. */
  #places: (Owner | Item | undefined)[] = emptyPlaces(initialCapacity);
  /** Index of the first owner. */
  #head = 0;
  #size = 0;

  constructor(load: WorkerLoad) {
    this.#load = load;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether there is room. `entityItems`: what the entity has queued here, and whatever else should count as its work. */
  admits(level: Urgency, entityItems: number): boolean {
    if (level === urgency.urgent) {
      return (
        this.#size < limits.mailboxUrgentItemsPerPartitionMax && entityItems < limits.mailboxUrgentItemsPerEntityMax
      );
    }
    if (this.#load.queuedItems >= limits.mailboxItemsPerWorkerMax) return false;
    const share = level === urgency.newWork ? 0.5 : 1;
    return (
      this.#size < limits.mailboxItemsPerPartitionMax * share && entityItems < limits.mailboxItemsPerEntityMax * share
    );
  }

  /** Looks at everything that is queued. */
  holds(isIt: (item: Item) => boolean): boolean {
    const places = this.#places;
    for (let index = 0; index < this.#size; index++)
      if (isIt(places[((this.#head + index * 2) & (places.length - 1)) + 1] as Item)) return true;
    return false;
  }

  /** Queues without asking for room: the caller has asked `admits`, or the item is bounded elsewhere (one per timer). */
  push(owner: Owner, item: Item): void {
    if (this.#size * 2 === this.#places.length) this.#grow();
    // Mostly there is nothing: always the same place then.
    if (this.#size === 0) this.#head = 0;
    const tail = (this.#head + this.#size * 2) & (this.#places.length - 1);
    this.#places[tail] = owner;
    this.#places[tail + 1] = item;
    this.#size++;
    owner.queuedItems++;
    this.#load.queuedItems++;
  }

  /** The entity of the item that `shift` will take. */
  firstOwner(): Owner | undefined {
    return this.#size === 0 ? undefined : (this.#places[this.#head] as Owner);
  }

  shift(): Item | undefined {
    if (this.#size === 0) return undefined;
    const places = this.#places;
    const head = this.#head;
    const item = places[head + 1] as Item;
    (places[head] as Owner).queuedItems--;
    this.#load.queuedItems--;
    places[head] = undefined;
    places[head + 1] = undefined;
    this.#head = (head + 2) & (places.length - 1);
    this.#size--;
    return item;
  }

  #grow(): void {
    const before = this.#places;
    const places = emptyPlaces<Owner | Item>(before.length);
    for (let index = 0; index < before.length; index++)
      places[index] = before[(this.#head + index) & (before.length - 1)];
    this.#places = places;
    this.#head = 0;
  }
}

/** A power of two: thousands of partitions share a process, so an idle one must be small. */
const initialCapacity = 8;

function emptyPlaces<T>(capacity: number): (T | undefined)[] {
  return new Array<T | undefined>(capacity * 2).fill(undefined);
}

/** New work is what the sender may be told 503 for and go elsewhere; asks are repeated by the asker and may be refused. */
export function urgencyOf(input: Input): Urgency {
  switch (input.type) {
    case 'sip':
      return urgencyOfSip(input.message);
    case 'ask':
      return urgency.known;
    case 'timer':
    case 'answer':
    case 'ask-failed':
    case 'tell':
    case 'undelivered':
      return urgency.urgent;
  }
}

function urgencyOfSip(message: { isRequest: boolean; method: string; toTag: string }): Urgency {
  if (!message.isRequest) return urgency.urgent;
  switch (message.method) {
    case 'ACK':
    case 'BYE':
    case 'CANCEL':
    case 'PRACK':
      return urgency.urgent;
    default:
      // Not compared with '': V8 would look every tag up in its table of strings.
      return message.toTag.length === 0 ? urgency.newWork : urgency.known;
  }
}
