/**
 * In the main thread: the socket by which the workers of other nodes bring copies for the memory of this one
 * (cluster/buddy/tails.ts) without waking their own main thread and the link. A copy that gets lost is said again over the
 * link, so nothing is asked or remembered here: who asks is answered, and a copy with what the memory says to it.
 */
import { headOf, packDirectWord } from './datagram.ts';
import { DirectEnd } from './end.ts';
import type { EndPorts } from './end.ts';
import { mainThread, nameOf } from './names.ts';

export interface KeeperPorts extends EndPorts {
  /** From the owner of the partition; each answer goes back the same way. The payload is a view. */
  word(partition: number, payload: Buffer, answer: (word: Uint8Array) => void): void;
}

export class DirectKeeper {
  readonly #end: DirectEnd;
  readonly #ports: KeeperPorts;

  /** @param key as of the ways (way.ts) */
  constructor(node: string, incarnation: number, key: Uint8Array, ports: KeeperPorts) {
    this.#end = new DirectEnd(nameOf({ node, incarnation, worker: mainThread }), key, ports);
    this.#ports = ports;
  }

  received(octets: Buffer, host: string, port: number): void {
    const content = this.#end.open(octets, host, port);
    if (content === undefined) return;
    if (content.type !== 'word') return this.#ports.count('dropped-unreadable');
    const { from } = headOf(octets);
    const { partition, payload } = content;
    this.#ports.word(partition, payload, (word) =>
      this.#ports.send(host, port, packDirectWord(this.#end.headTo(from), partition, word, this.#end.mac)),
    );
  }
}
