/**
 * Runs the control of a node (cluster/control.ts): feeds it what happens, performs what it wants. It decides nothing.
 * Inputs are stepped one after the other, also those that an effect brings about at once.
 */
import { BuddyChoice } from './buddy/choice.ts';
import { Control } from './control.ts';
import type { ControlOptions } from './control-types.ts';
import type { ControlEffect, ControlInput, ExitCode, PeerFrame, ShareOrder, StoreResult } from './control-types.ts';
import type { Log } from '../src/outside.ts';
import type { Hub } from './hub.ts';
import type { CoordinationAccess } from './store-access.ts';
import type { StoreError } from './store-ports.ts';
import type { Table } from './table.ts';

/** The clock of a node, corrected by what the store says. */
export interface NodeClock {
  monotonicMs(): number;
  /** The store said `storeMs` somewhere between two monotonic times. */
  adjust(storeMs: number, sentMonotonicMs: number, receivedMonotonicMs: number): void;
}

export interface ControlLoopPorts {
  readonly clock: NodeClock;
  /** Its first number is for the workers to read. */
  readonly serveUntil: Float64Array;
  readonly store: CoordinationAccess;
  readonly hub: Hub;
  readonly log: Log;
  tellWorker(worker: number, order: ShareOrder): void;
  /** To this incarnation of the peer or to nobody. */
  sendPeer(peer: string, incarnation: number, frame: PeerFrame): void;
  setPeer(peer: string, address: string | undefined): void;
  table(table: Table): void;
  exit(code: ExitCode, reason: string): void;
  /** Something came in: what is due may be due sooner. */
  stepped?(): void;
}

export class ControlLoop {
  readonly control: Control;
  readonly #ports: ControlLoopPorts;
  readonly #inputs: ControlInput[] = [];
  readonly #buddies: BuddyChoice;
  #running = false;
  #ended = false;

  constructor(options: ControlOptions, ports: ControlLoopPorts) {
    this.control = new Control(options);
    this.#ports = ports;
    this.#buddies = new BuddyChoice((worker, order) => ports.tellWorker(worker, order));
  }

  /** To be called every limits.controlTickMs, or when `nextTickMs` says so: those before it do nothing. */
  tick(): void {
    const { hub, clock } = this.#ports;
    if (clock.monotonicMs() < this.nextTickMs()) return;
    const { draining } = this.control;
    if (draining) this.step({ type: 'held', copies: hub.buddy.tails.stats.rows });
    this.step({ type: 'tick' });
    this.#buddies.tick();
    if (!this.#ended) hub.tick(draining);
  }

  /** By the clock of the ports. To be asked again after `ports.stepped` and `HubPorts.waits`. */
  nextTickMs(): number {
    if (this.#ended) return Infinity;
    if (this.#buddies.hasToTick) return -Infinity;
    return Math.min(this.control.nextTickMs(), this.#ports.hub.nextTickMs(this.control.draining));
  }

  get isReady(): boolean {
    return this.control.isReady(this.#ports.clock.monotonicMs());
  }

  stop(): void {
    this.#ended = true;
  }

  step(input: ControlInput): void {
    if (this.#ended) return;
    if (this.#running) {
      this.#inputs.push(input);
      return;
    }
    this.#running = true;
    this.#take(input);
    while (this.#inputs.length > 0 && !this.#ended) this.#take(this.#inputs.shift()!);
    this.#running = false;
    this.#ports.stepped?.();
  }

  #take(input: ControlInput): void {
    for (const effect of this.control.step(input, this.#ports.clock.monotonicMs())) this.#perform(effect);
    if (input.type === 'peer-up') this.#buddies.peerUp(input.peer, input.incarnation);
    if (input.type === 'peer-down') this.#buddies.peerDown(input.peer, input.incarnation);
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
        this.#buddies.adopt(effect.table);
        return this.#ports.table(effect.table);
      case 'connect':
        return this.#ports.setPeer(effect.peer, effect.address);
      case 'disconnect':
        return this.#ports.setPeer(effect.peer, undefined);
      case 'send':
        return this.#ports.sendPeer(effect.peer, effect.incarnation, effect.frame);
      case 'assign':
        this.#ports.tellWorker(effect.worker, { type: 'assign', shares: effect.shares });
        this.#buddies.assigned(effect.worker, partitionsOf(effect.shares));
        return hub.assigned(effect.worker, partitionsOf(effect.shares));
      case 'freeze':
        return this.#ports.tellWorker(effect.worker, {
          type: 'freeze',
          attempt: effect.attempt,
          shares: effect.shares,
        });
      case 'thaw':
        return this.#ports.tellWorker(effect.worker, { type: 'thaw', shares: effect.shares });
      case 'save-again':
        return this.#ports.tellWorker(effect.worker, { type: 'save-again', shares: effect.shares });
      case 'drop': {
        // First the new way, then what waited goes it.
        const number = hub.dropped(effect.worker, effect.partitions, effect.to);
        this.#buddies.dropped(effect.worker, effect.partitions);
        return this.#ports.tellWorker(effect.worker, { type: 'drop', partitions: effect.partitions, number });
      }
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
      if (error !== undefined) {
        this.#ports.log.write('warn', 'store-operation', {
          operation: effect.op,
          code: error.code,
          message: error.message,
        });
        this.step({ type: 'store-error', id: effect.id, error: error.message });
      } else this.step({ type: 'store-reply', id: effect.id, result });
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
