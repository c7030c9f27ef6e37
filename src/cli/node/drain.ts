/**
 * A node that leaves. The control (cluster/leaving.ts) hands its partitions over; this tells the workers what to take no
 * longer, and the control how many connections of clients are left to wait for.
 */
import type { ControlInput } from '../../../cluster/control-types.ts';
import type { Table } from '../../../cluster/table.ts';
import { limits } from '../../limits.ts';
import type { Log } from '../../outside.ts';
import type { ToWorker } from '../worker/messages.ts';

export interface DrainPorts {
  readonly id: string;
  /** How long connections of clients are kept at most. */
  readonly holdMs: number;
  readonly log: Log;
  step(input: ControlInput): void;
  table(): Table | undefined;
  tellWorkers(message: ToWorker): void;
  /** Open connections of clients, of all workers together. */
  clients(): Promise<number>;
}

export class Drain {
  readonly #ports: DrainPorts;
  #watch: NodeJS.Timeout | undefined;
  #isAlone: boolean | undefined;
  #said = -1;

  constructor(ports: DrainPorts) {
    this.#ports = ports;
  }

  /** The wish to leave; saying it again changes nothing. */
  begin(): void {
    if (this.#watch !== undefined) return;
    this.#watch = setInterval(() => void this.#look(), limits.drainLookMs);
    this.#ports.log.write('info', 'draining');
    this.#tellWorkers();
    this.#ports.step({ type: 'drain', holdMs: this.#ports.holdMs });
    void this.#look();
  }

  stop(): void {
    clearInterval(this.#watch);
  }

  async #look(): Promise<void> {
    this.#tellWorkers();
    const connections = await this.#ports.clients();
    if (connections !== this.#said) this.#ports.log.write('info', 'drain-connections', { connections });
    this.#said = connections;
    this.#ports.step({ type: 'held', connections });
  }

  /** Somebody else takes new connections, and whatever is new; or nobody does. */
  #tellWorkers(): void {
    const isAlone = this.#ports.table()?.members.every(({ id, draining }) => draining || id === this.#ports.id) ?? true;
    if (isAlone === this.#isAlone) return;
    this.#isAlone = isAlone;
    this.#ports.tellWorkers({ type: 'leaving', isAlone });
  }
}
