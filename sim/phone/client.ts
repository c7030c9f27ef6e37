/** Client transactions of a phone: repeats a request by the timers of RFC 3261 17.1 until it is answered, or gives up. */
import type { Message } from './message.ts';

export interface ClientPorts {
  /** Over a stream nothing is repeated (17.1.1.2, 17.1.2.2). */
  readonly isReliable: boolean;
  send(bytes: Buffer): void;
  later(delayMs: number, run: () => void): void;
}

const T1 = 500;
const T2 = 4_000;

export class ClientTransaction {
  readonly bytes: Buffer;
  readonly isInvite: boolean;
  readonly #ports: ClientPorts;
  readonly #onResponse: (response: Message) => void;
  readonly #onTimeout: () => void;
  #state: 'trying' | 'proceeding' | 'done' = 'trying';
  #gapMs = T1;

  constructor(
    bytes: Buffer,
    isInvite: boolean,
    ports: ClientPorts,
    onResponse: (response: Message) => void,
    onTimeout: () => void,
  ) {
    this.bytes = bytes;
    this.isInvite = isInvite;
    this.#ports = ports;
    this.#onResponse = onResponse;
    this.#onTimeout = onTimeout;
  }

  start(): void {
    this.#ports.send(this.bytes);
    if (!this.#ports.isReliable) this.#repeatLater();
    this.#ports.later(64 * T1, () => {
      if (this.#state === 'done' || (this.isInvite && this.#state === 'proceeding')) return;
      this.#state = 'done';
      this.#onTimeout();
    });
  }

  /** Nothing that comes for it is of interest any more. */
  get isDeaf(): boolean {
    return this.#state === 'done' && !this.isInvite;
  }

  /** It could not be sent, or its connection was lost before anything was heard. */
  fail(): void {
    if (this.#state !== 'trying') return;
    this.#state = 'done';
    this.#onTimeout();
  }

  /** Final responses that come again are handed on again: whoever asked must ACK them again. */
  receive(response: Message): void {
    if (response.status < 200) {
      if (this.#state === 'trying') this.#state = 'proceeding';
      if (this.#state === 'done') return;
    } else {
      const again = this.#state === 'done';
      this.#state = 'done';
      if (again && !this.isInvite) return;
    }
    this.#onResponse(response);
  }

  #repeatLater(): void {
    this.#ports.later(this.#gapMs, () => {
      if (this.#state === 'done' || (this.isInvite && this.#state === 'proceeding')) return;
      this.#ports.send(this.bytes);
      this.#gapMs = this.isInvite ? this.#gapMs * 2 : this.#state === 'proceeding' ? T2 : Math.min(T2, this.#gapMs * 2);
      this.#repeatLater();
    });
  }
}
