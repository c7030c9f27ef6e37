/** One end of the short ways: its name, its seal, and what every end does with what comes before it looks at it. */
import { Hmac } from '../../src/hmac.ts';
import { contentOf, headOf, packEcho, refusalOf } from './datagram.ts';
import type { Content, Letterhead } from './datagram.ts';

export interface EndPorts {
  clusterMs(): number;
  send(host: string, port: number, octets: Buffer): void;
  count(metric: string): void;
}

export class DirectEnd {
  readonly #name: number;
  readonly mac: Hmac;
  /** Written anew for each datagram. */
  readonly #head: { to: number; readonly from: number; sentMs: number };
  readonly #ports: EndPorts;

  /** @param name nameOf() @param key the same on all nodes, for nothing else */
  constructor(name: number, key: Uint8Array, ports: EndPorts) {
    this.#name = name;
    this.mac = new Hmac(key);
    this.#head = { to: 0, from: name, sentMs: 0 };
    this.#ports = ports;
  }

  /** For what is written at once. */
  headTo(to: number): Letterhead {
    this.#head.to = to;
    this.#head.sentMs = Math.max(0, Math.floor(this.#ports.clusterMs()));
    return this.#head;
  }

  /** What is for this end. Undefined: nothing is left to do; a probe is answered, and what must not be taken is counted. */
  open(octets: Buffer, host: string, port: number): Exclude<Content, { readonly type: 'probe' }> | undefined {
    const refusal = refusalOf(octets, this.#name, this.#ports.clusterMs(), this.mac);
    const content = refusal === undefined ? contentOf(octets) : undefined;
    if (content === undefined) this.#ports.count(refusal ?? 'dropped-unreadable');
    else if (content.type !== 'probe') return content;
    else this.#ports.send(host, port, packEcho(this.headTo(headOf(octets).from), content.number, this.mac));
    return undefined;
  }
}
