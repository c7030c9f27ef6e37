/**
 * Whose transaction is it? A call has few at a time, so they are searched one by one: as the key of a Map each text that is made
 * for a message would have to be looked up among all texts of V8 first.
 */
import type { SipMessage } from '../../src/sip/message.ts';
import { isClientKeyOf } from '../../src/transaction/key.ts';
import type { Owner } from './state.ts';

export class Owners {
  /** Never pushed to: most calls have two, and an array that grows takes room for seventeen. */
  #all: readonly Owner[] = none;

  get size(): number {
    return this.#all.length;
  }

  /** In the order in which they came. */
  values(): readonly Owner[] {
    return this.#all;
  }

  /** By a key of src/transaction/key.ts, which are different for servers and clients. */
  get(key: string): Owner | undefined {
    const all = this.#all;
    for (let index = 0; index < all.length; index++) if (all[index]!.tx.key === key) return all[index];
    return undefined;
  }

  /** The client transaction that this response belongs to. */
  ofResponse(response: SipMessage): Owner | undefined {
    const all = this.#all;
    for (let index = 0; index < all.length; index++) if (isClientKeyOf(all[index]!.tx.key, response)) return all[index];
    return undefined;
  }

  /** In place of the one that has the same key. */
  add(owner: Owner): void {
    const { key } = owner.tx;
    const known = this.get(key);
    this.#all = known === undefined ? [...this.#all, owner] : this.#all.map((each) => (each === known ? owner : each));
  }

  delete(key: string): void {
    this.#all = this.#all.filter((each) => each.tx.key !== key);
  }
}

const none: readonly Owner[] = [];
