/**
 * Runs the control of a node (cluster/control.ts): feeds it what happens, performs what it wants. It decides nothing.
 * Inputs are stepped one after the other, also those that an effect brings about at once.
 */
import { Control } from '../../../cluster/control.ts';
import type {
  ControlEffect,
  ControlIdentity,
  ControlInput,
  PeerFrame,
  StoreResult,
} from '../../../cluster/control-types.ts';
import type { StoreClient } from '../../../cluster/stores/client.ts';
import type { Table } from '../../../cluster/table.ts';
import type { StoreError } from '../../../cluster/store-ports.ts';
import type { SystemClock } from '../../io/clock.ts';
import { limits } from '../../limits.ts';
import type { Log } from '../../outside.ts';
import type { ToWorker } from '../worker/messages.ts';
import type { Hub } from './hub.ts';

export interface ControlLoopPorts {
  readonly clock: SystemClock;
  readonly serveUntil: Float64Array;
  readonly store: StoreClient;
  readonly hub: Hub;
  readonly log: Log;
  tellWorker(worker: number, message: ToWorker): void;
  sendPeer(peer: string, incarnation: number, frame: PeerFrame): void;
  setPeer(peer: string, address: string | undefined): void;
  table(table: Table): void;
  exit(code: 0 | 70, reason: string): void;
}

export class ControlLoop {
  readonly control: Control;
  readonly #ports: ControlLoopPorts;
  readonly #inputs: ControlInput[] = [];
  #running = false;
  #ended = false;
  readonly #ticker: NodeJS.Timeout;

  constructor(identity: ControlIdentity, ports: ControlLoopPorts) {
    this.control = new Control({ identity });
    this.#ports = ports;
    this.#ticker = setInterval(() => {
      this.step({ type: 'tick' });
      ports.hub.tick();
    }, limits.controlTickMs);
  }

  get isReady(): boolean {
    return this.control.isReady(this.#ports.clock.monotonicMs());
  }

  stop(): void {
    this.#ended = true;
    clearInterval(this.#ticker);
  }

  step(input: ControlInput): void {
    this.#inputs.push(input);
    if (this.#running) return;
    this.#running = true;
    for (let next = this.#inputs.shift(); next !== undefined && !this.#ended; next = this.#inputs.shift()) {
      for (const effect of this.control.step(next, this.#ports.clock.monotonicMs())) this.#perform(effect);
    }
    this.#running = false;
  }

  #perform(effect: ControlEffect): void {
    const { hub, log } = this.#ports;
    switch (effect.do) {
      case 'store':
        return this.#ask(effect);
      case 'serve-until':
        this.#ports.serveUntil[0] = effect.untilMs;
        return;
      case 'cluster-clock':
        return this.#ports.clock.adjust(effect.offsetMs, 0, 0);
      case 'table':
        hub.adopt(effect.table);
        return this.#ports.table(effect.table);
      case 'connect':
        return this.#ports.setPeer(effect.peer, effect.address);
      case 'disconnect':
        return this.#ports.setPeer(effect.peer, undefined);
      case 'send':
        return this.#ports.sendPeer(effect.peer, effect.incarnation, effect.frame);
      case 'assign':
        this.#ports.tellWorker(effect.worker, { type: 'assign', shares: effect.shares });
        return hub.assigned(effect.worker, partitionsOf(effect.shares));
      case 'freeze':
        return this.#ports.tellWorker(effect.worker, {
          type: 'freeze',
          attempt: effect.attempt,
          shares: effect.shares,
        });
      case 'thaw':
        return this.#ports.tellWorker(effect.worker, { type: 'thaw', shares: effect.shares });
      case 'drop':
        // First the new way, then what waited goes it.
        hub.dropped(effect.worker, effect.partitions, effect.to);
        return this.#ports.tellWorker(effect.worker, { type: 'drop', partitions: effect.partitions });
      case 'note':
        return log.write(effect.level, effect.event, effect.fields);
      case 'exit':
        this.stop();
        return this.#ports.exit(effect.code, effect.reason);
    }
  }

  #ask(effect: ControlEffect & { readonly do: 'store' }): void {
    const { store } = this.#ports;
    const done = (error: StoreError | undefined, result?: StoreResult): void => {
      if (error !== undefined) this.step({ type: 'store-error', id: effect.id, error: error.message });
      else this.step({ type: 'store-reply', id: effect.id, result });
    };
    switch (effect.op) {
      case 'lease':
        return store.lease(...effect.args, done);
      case 'vote':
        return store.vote(...effect.args, done);
      case 'release':
        return store.release(...effect.args, done);
      case 'members':
        return store.members(done);
      case 'readTable':
        return store.readTable(done);
      case 'casTable':
        return store.casTable(...effect.args, done);
      case 'seal':
        return store.seal(...effect.args, done);
      case 'owners':
        return store.owners(...effect.args, done);
    }
  }
}

function partitionsOf(shares: readonly { readonly partition: number }[]): number[] {
  return shares.map((share) => share.partition);
}
