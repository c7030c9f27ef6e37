/**
 * In the main thread: the socket by which the workers of other nodes bring copies for the memory of this one
 * (cluster/buddy/tails.ts) without waking their own main thread and the link. A copy that gets lost is said again over the
 * link, so nothing is asked or remembered here: who asks is answered, and a copy with what the memory says to it.
 */
import { Hmac } from '../../src/hmac.ts';
import { contentOf, headOf, packDirectWord, packEcho, refusalOf } from './datagram.ts';
import type { Letterhead } from './datagram.ts';
import { mainThread, nameOf } from './names.ts';

export interface KeeperPorts {
  clusterMs(): number;
  send(host: string, port: number, octets: Buffer): void;
  /** From the owner of the partition; each answer goes back the same way. The payload is a view. */
  word(partition: number, payload: Buffer, answer: (word: Uint8Array) => void): void;
  count(metric: string): void;
}

export class DirectKeeper {
  readonly #name: number;
  readonly #mac: Hmac;
  readonly #ports: KeeperPorts;

  /** @param key as of the ways (way.ts) */
  constructor(node: string, incarnation: number, key: Uint8Array, ports: KeeperPorts) {
    this.#name = nameOf({ node, incarnation, worker: mainThread });
    this.#mac = new Hmac(key);
    this.#ports = ports;
  }

  received(octets: Buffer, host: string, port: number): void {
    const refusal = refusalOf(octets, this.#name, this.#ports.clusterMs(), this.#mac);
    if (refusal !== undefined) return this.#ports.count(refusal);
    const { from } = headOf(octets);
    const content = contentOf(octets);
    if (content?.type === 'probe')
      return this.#ports.send(host, port, packEcho(this.#headTo(from), content.number, this.#mac));
    if (content?.type !== 'word') return this.#ports.count('dropped-unreadable');
    const { partition, payload } = content;
    this.#ports.word(partition, payload, (word) =>
      this.#ports.send(host, port, packDirectWord(this.#headTo(from), partition, word, this.#mac)),
    );
  }

  #headTo(to: number): Letterhead {
    return { to, from: this.#name, sentMs: Math.max(0, Math.floor(this.#ports.clusterMs())) };
  }
}
