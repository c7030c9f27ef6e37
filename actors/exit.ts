/** The way out of a partition: what an entity's gate has let go is done here, and nowhere else. */
import type { Envelope } from './envelope.ts';
import type { PartitionPorts } from './ports.ts';
import type { Slot } from './slot.ts';
import type { Outgoing } from './turn.ts';

interface ExitOwner {
  readonly number: number;
  /** To an entity of this partition. */
  deliver(envelope: Envelope): boolean;
}

export class Exit {
  readonly #owner: ExitOwner;
  readonly #ports: PartitionPorts;
  readonly #startAsk: (id: number) => void;

  /** @param startAsk its first copy leaves now */
  constructor(owner: ExitOwner, ports: PartitionPorts, startAsk: (id: number) => void) {
    this.#owner = owner;
    this.#ports = ports;
    this.#startAsk = startAsk;
  }

  letAll(slot: Slot, effects: readonly Outgoing[]): void {
    for (let index = 0; index < effects.length; index++) this.let(slot, effects[index]!);
  }

  /** Lets one effect out of the entity. */
  let(slot: Slot, effect: Outgoing): void {
    switch (effect.do) {
      case 'send':
        if (effect.token === '') this.#ports.send(effect.flow, effect.bytes);
        else {
          const { kind } = slot.table;
          this.#ports.send(effect.flow, effect.bytes, {
            partition: this.#owner.number,
            kind,
            key: slot.key,
            token: effect.token,
          });
        }
        if (effect.untilMs > 0) this.#remember(slot, effect);
        return;
      case 'tell':
        return this.post({ to: effect.to, type: 'tell', body: effect.body });
      case 'ask':
        return this.#startAsk(effect.id);
      case 'answer': {
        const to = { kind: effect.asker.kind, key: effect.asker.key };
        this.post({ to, type: 'answer', id: effect.asker.id, body: effect.body });
      }
    }
  }

  #remember(slot: Slot, { flow, bytes, token, untilMs }: Extract<Outgoing, { do: 'send' }>): void {
    const { answers, clock, count } = this.#ports;
    // Without room the request is handled anew when it comes again.
    if (!answers.put(slot.key, token, flow, bytes, clock.clusterMs(), untilMs)) count('answer.forgotten');
  }

  post(envelope: Envelope): void {
    const partition = this.#ports.partitionOf(envelope.to.key);
    if (partition === this.#owner.number) this.#owner.deliver(envelope);
    else this.#ports.post(partition, envelope);
  }
}
