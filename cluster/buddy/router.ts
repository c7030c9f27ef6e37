/**
 * The main thread's part: keeps the tails of other nodes' partitions and passes the words on between the workers of this
 * node and the other nodes.
 */
import { limits } from '../../src/limits.ts';
import { ownerName } from '../control-types.ts';
import type { Table } from '../table.ts';
import { isOwnerWord, isOwners, packWord, unpackWord } from './messages.ts';
import type { BuddyWord } from './messages.ts';
import { Tails } from './tails.ts';

export interface BuddyRouterPorts {
  nowMs(): number;
  /** To the worker of this node that holds the partition, if there is one. */
  toHolder(partition: number, payload: Uint8Array): void;
  toNode(node: string, partition: number, payload: Uint8Array): boolean;
  count(metric: string): void;
}

export class BuddyRouter {
  readonly tails: Tails;
  readonly #id: string;
  readonly #ports: BuddyRouterPorts;
  readonly #members = new Set<string>();
  #table: Table | undefined;
  #sweptAtMs = -Infinity;

  constructor(id: string, incarnation: number, ports: BuddyRouterPorts) {
    this.#id = id;
    this.#ports = ports;
    this.tails = new Tails(ownerName(id, incarnation));
  }

  adopt(table: Table): void {
    this.#table = table;
    this.#members.clear();
    for (const { id, incarnation } of table.members) this.#members.add(ownerName(id, incarnation));
  }

  /** A worker of ours speaks to the buddy of its partition, on node `to`. */
  fromWorker(to: string, partition: number, payload: Uint8Array): void {
    if (to === this.#id)
      return this.#hear(partition, payload, (word) => this.#ports.toHolder(partition, packWord(word)));
    if (this.#ports.toNode(to, partition, payload)) return;
    const word = unpackWord(payload);
    const asked = word?.type === 'take' ? word.buddy : word?.type === 'recall' ? word.keeper : undefined;
    if (asked === undefined || this.#members.has(asked)) return this.#ports.count('copy.no-link');
    // It will never answer: its memory is gone with it.
    this.#ports.count('tail.gone');
    const { epoch } = word!;
    this.#ports.toHolder(partition, packWord({ type: 'tail', epoch, tailEpoch: 0, rows: [], part: 0, last: true }));
  }

  fromNode(from: string, partition: number, payload: Uint8Array): void {
    if (!isOwnerWord(payload)) return this.#ports.toHolder(partition, payload);
    this.#hear(partition, payload, (word) => void this.#ports.toNode(from, partition, packWord(word)));
  }

  /** From a worker of another node, as a datagram: a copy. */
  fromDatagram(partition: number, payload: Uint8Array, answer: (payload: Uint8Array) => void): void {
    const word = unpackWord(payload);
    if (word?.type !== 'copy') return this.#ports.count('buddy-word-unreadable');
    for (const each of this.tails.receive(partition, word, this.#ports.nowMs(), false)) answer(packWord(each));
  }

  /** When `tick` next has something to do. */
  nextTickMs(leaving: boolean): number {
    return this.#sweptAtMs + (leaving ? limits.tailAskMs : limits.tailHeldMs / 2);
  }

  /** @param leaving this node ends as soon as nobody needs its copies: their owners are asked at once, and again */
  tick(leaving: boolean): void {
    const nowMs = this.#ports.nowMs();
    if (nowMs < this.nextTickMs(leaving)) return;
    this.#sweptAtMs = nowMs;
    const idleMs = leaving ? 0 : limits.tailHeldMs;
    this.tails.sweep(nowMs, idleMs, (partition, word) => this.#toOwner(partition, packWord(word)));
  }

  #toOwner(partition: number, payload: Uint8Array): void {
    const owner = this.#table?.members[this.#table.owner[partition]!];
    if (owner === undefined) return;
    if (owner.id === this.#id) this.#ports.toHolder(partition, payload);
    else this.#ports.toNode(owner.id, partition, payload);
  }

  #hear(partition: number, payload: Uint8Array, answer: (word: BuddyWord) => void): void {
    const word = unpackWord(payload);
    if (word === undefined || !isOwners(word)) return this.#ports.count('buddy-word-unreadable');
    for (const each of this.tails.receive(partition, word, this.#ports.nowMs())) answer(each);
  }
}
