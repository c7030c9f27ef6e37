/**
 * One simulated process of the cluster: the control loop and hub of production in the main thread, workers beside it,
 * links to the others. It can be killed, stopped, resumed and drained, as a process can.
 */
import { ControlLoop } from '../cluster/control-loop.ts';
import type { PeerFrame, ShareOrder, ShareReport } from '../cluster/control-types.ts';
import type { Target } from '../cluster/data-frame.ts';
import { DirectKeeper } from '../cluster/direct/keeper.ts';
import { DirectPeers } from '../cluster/direct/peers.ts';
import { Shortcuts } from '../cluster/direct/shortcuts.ts';
import { Hub } from '../cluster/hub.ts';
import { packPeerItem, unpackPeerItem } from '../cluster/peer-items.ts';
import { isMember } from '../cluster/table.ts';
import { limits } from '../src/limits.ts';
import type { Log } from '../src/outside.ts';
import type { SimClock } from './clock.ts';
import { directKey } from './direct.ts';
import type { DirectNetwork, DirectSocket } from './direct.ts';
import { Owner } from './kernel.ts';
import type { LinkEnd } from './links.ts';
import type { Stream } from './random.ts';
import { SimStoreAccess } from './store/access.ts';
import { SimWorker } from './worker.ts';
import type { World } from './world.ts';

export class SimNode implements LinkEnd {
  readonly id: string;
  readonly incarnation: number;
  readonly owner: Owner;
  readonly clock: SimClock;
  readonly log: Log;
  readonly hub: Hub;
  /** Of Shortcuts. */
  readonly places: Int32Array;
  readonly direct: DirectPeers | undefined;
  readonly loop: ControlLoop;
  readonly workers: (SimWorker | undefined)[] = [];
  readonly #world: World;
  readonly #serveUntil = new Float64Array(1);
  readonly #peers = new Set<string>();
  readonly #startedMs: number;
  readonly #ticks: Stream;
  readonly #directSocket: DirectSocket | undefined;
  #isListening = false;
  /** Why it ended: '' while it lives. */
  ending: '' | 'killed' | 'drained' | 'dead' | 'superseded' = '';

  constructor(world: World, id: string, incarnation: number, clock: SimClock) {
    this.#world = world;
    this.id = id;
    this.incarnation = incarnation;
    this.clock = clock;
    this.#startedMs = clock.monotonicMs();
    this.#ticks = world.chance.stream('ticks');
    this.owner = new Owner(`${id}.${incarnation}`);
    this.log = {
      write: (level, event, fields) => {
        for (const tell of world.audience.noted) tell(id, level, event, fields ?? {});
      },
    };
    this.places = new Int32Array(world.options.partitions);
    const shortcuts = world.direct && new Shortcuts(id, this.places);
    this.direct = shortcuts && this.#directPeers(shortcuts);
    this.hub = new Hub({
      node: id,
      incarnation,
      nowMs: () => clock.monotonicMs(),
      toWorker: (worker, target, payload) => this.#toWorker(worker, target, payload),
      toNode: (peer, target, payload) => {
        for (const tell of world.audience.routed) tell(this, peer, target);
        const isTaken = world.links.send(this, peer, target, payload);
        for (const tell of world.audience.forwarded) tell(this, peer, target, payload, isTaken);
        return isTaken;
      },
      relayTo: (peer) => this.loop.control.relayTo(peer),
      shortcuts,
      count: (metric) => {
        for (const tell of world.audience.counted) tell(id, metric);
      },
    });
    const profile = world.options.profile && { profile: world.options.profile };
    const identity = {
      id,
      incarnation,
      link: `${id}:7000`,
      linkHeld: true,
      workers: world.options.workers,
      schema: 1,
      ...profile,
    };
    this.loop = new ControlLoop(
      { identity, partitions: world.options.partitions, preferences: world.preferences },
      {
        clock,
        serveUntil: this.#serveUntil,
        store: new SimStoreAccess(world.store, id, this.owner, this.owner),
        hub: this.hub,
        log: this.log,
        tellWorker: (worker, order) => this.#tellWorker(worker, order),
        sendPeer: (...to) => void world.links.sendFrame(this, ...to),
        setPeer: (peer, address) => {
          if (address === undefined) this.#peers.delete(peer);
          else this.#peers.add(peer);
          world.links.wanted(this);
        },
        table: (table) => {
          for (const tell of world.audience.tableAdopted) tell(this, table);
        },
        exit: (_code, reason) => world.exited(this, reason),
      },
    );
    clock.onAdjusted = () => {
      for (const worker of this.workers) worker?.wind();
    };
    this.#directSocket = world.direct && this.#openKeeper(world.direct);
    this.direct?.mainHas(this.#directSocket?.port ?? 0);
    world.links.join(this, clock);
    for (let worker = 0; worker < world.options.workers; worker++) this.#startWorker(worker);
    for (let worker = 0; worker < world.options.workers; worker++) this.#step({ type: 'worker-up', worker });
    this.#tick();
  }

  get isAlive(): boolean {
    return this.owner.isAlive;
  }

  get isPaused(): boolean {
    return this.owner.isPaused;
  }

  get ageMs(): number {
    return this.clock.monotonicMs() - this.#startedMs;
  }

  serving(): boolean {
    return this.clock.monotonicMs() < this.#serveUntil[0]!;
  }

  isReady(): boolean {
    return this.isAlive && this.#isListening && this.loop.isReady;
  }

  /** Ends without a word; `silently`: its machine too, which then closes no connection either. */
  end(how: Exclude<SimNode['ending'], ''>, silently = false): void {
    if (!this.isAlive) return;
    this.ending = how;
    this.owner.die();
    if (this.#directSocket !== undefined) this.#world.direct?.close(this.#directSocket);
    for (const worker of this.workers) worker?.end(silently);
    this.#world.links.leave(this, silently, how === 'drained');
  }

  drain(): void {
    this.#step({ type: 'drain' });
  }

  crashWorker(index: number): void {
    const worker = this.workers[index];
    if (worker === undefined || !this.isAlive) return;
    worker.end();
    const { kernel } = this.#world;
    // The main thread hears of it in its next turn.
    kernel.at(1, this.owner, () => {
      if (this.workers[index] !== worker) return;
      this.workers[index] = undefined;
      this.hub.workerDown(index);
      this.direct?.workerHas(index, 0);
      this.#step({ type: 'worker-down', worker: index });
      kernel.at(limits.workerRestartMs + 30, this.owner, () => {
        this.#startWorker(index);
        this.#step({ type: 'worker-up', worker: index });
      });
    });
  }

  onReport(worker: SimWorker, report: ShareReport): void {
    if (this.workers[worker.index] !== worker) return;
    for (const tell of this.#world.audience.reported) tell(this, report);
    switch (report.type) {
      case 'serving':
        return this.#step({ type: 'worker-serving', worker: worker.index, shares: report.shares });
      case 'frozen':
        return this.#step({
          type: 'worker-frozen',
          worker: worker.index,
          attempt: report.attempt,
          shares: report.shares,
        });
      case 'fenced':
        return this.#step({ type: 'worker-fenced', worker: worker.index, shares: report.shares });
    }
  }

  // LinkEnd

  wants(peer: string): boolean {
    return this.#peers.has(peer);
  }

  peerUp(peer: string, incarnation: number): void {
    this.direct?.peerUp(peer, incarnation);
    this.#step({ type: 'peer-up', peer, incarnation });
  }

  peerDown(peer: string, incarnation: number): void {
    this.direct?.peerDown(peer);
    this.#step({ type: 'peer-down', peer, incarnation });
  }

  item(from: string, incarnation: number, target: Target, payload: Uint8Array): void {
    for (const tell of this.#world.audience.arrived) tell(this, from, target, payload);
    if (target[0] !== 2) return this.hub.fromNode(from, target, payload);
    const item = unpackPeerItem(payload);
    if (item?.kind === 'control') this.frame(from, incarnation, item.frame);
    else if (item?.kind === 'workers') this.direct?.heard(from, incarnation, item.ports, item.mainPort);
    else throw new Error(`a frame of the control of ${from} cannot be read`);
  }

  frame(from: string, incarnation: number, frame: PeerFrame): void {
    for (const tell of this.#world.audience.peerFrame) tell(this, from, frame, incarnation);
    this.#step({ type: 'peer-frame', peer: from, incarnation, frame });
  }

  /** As src/cli/node.ts: a member with links to the others, or one that has waited for them long enough, opens its sockets. */
  #listenWhenJoined(): void {
    if (this.#isListening) return;
    const { table } = this.loop.control;
    const isLinked =
      table !== undefined &&
      isMember(table, this.id, this.incarnation) &&
      table.members.every(({ id }) => id === this.id || this.#world.links.isUp(this.id, id));
    if (!isLinked && this.clock.monotonicMs() < this.#startedMs + limits.joinLinksMs) return;
    this.#isListening = true;
    for (const worker of this.workers) worker?.listen();
  }

  #step(input: Parameters<ControlLoop['step']>[0]): void {
    this.loop.step(input);
    for (const tell of this.#world.audience.stepped) tell(this);
  }

  #tick(): void {
    this.#world.kernel.at(this.#ticks.between(19.5, 22), this.owner, () => {
      this.loop.tick();
      this.#listenWhenJoined();
      for (const tell of this.#world.audience.stepped) tell(this);
      this.#tick();
    });
  }

  #startWorker(index: number): void {
    const worker = new SimWorker(this.#world, this, index);
    this.workers[index] = worker;
    this.direct?.workerHas(index, worker.directPort);
    // One that takes the place of another.
    if (this.#isListening) worker.listen();
  }

  /** Copies come to the main thread. */
  #openKeeper(network: DirectNetwork): DirectSocket {
    const { owner, clock } = this;
    const { audience } = this.#world;
    const keeper = new DirectKeeper(this.id, this.incarnation, directKey, {
      clusterMs: () => clock.clusterMs(),
      send: (host, port, octets) => network.send(socket, host, port, octets),
      word: (partition, payload, answer) =>
        this.hub.buddy.fromDatagram(partition, payload, (word) => {
          for (const tell of audience.forwarded) tell(this, '', [3, partition], word, true);
          answer(word);
        }),
      count: (metric) => {
        for (const tell of audience.counted) tell(this.id, metric);
      },
    });
    const receive = (octets: Buffer, host: string, port: number): void => keeper.received(octets, host, port);
    const socket: DirectSocket = { owner, host: this.id, port: network.newPort(), isMain: true, receive };
    network.open(socket);
    return socket;
  }

  #directPeers(shortcuts: Shortcuts): DirectPeers {
    const { kernel, links, options } = this.#world;
    return new DirectPeers(
      { node: this.id, incarnation: this.incarnation, host: this.id },
      options.workers,
      shortcuts,
      {
        tellPeer: (peer, ports, mainPort) =>
          void links.send(this, peer, [2], packPeerItem({ kind: 'workers', ports, mainPort })),
        tellWorkers: (workers) => {
          for (const worker of this.workers)
            if (worker !== undefined) kernel.at(options.threadMs, worker.owner, () => worker.direct?.know(workers));
        },
        hostOf: (peer) => peer,
      },
    );
  }

  #toWorker(index: number, target: Target, payload: Uint8Array): boolean {
    const worker = this.workers[index];
    if (worker === undefined) return false;
    for (const tell of this.#world.audience.routed) tell(this, '', target);
    const copy = Buffer.from(payload);
    this.#world.kernel.at(this.#world.options.threadMs, worker.owner, () => worker.item(target, copy));
    return true;
  }

  #tellWorker(index: number, order: ShareOrder): void {
    const worker = this.workers[index];
    for (const tell of this.#world.audience.ordered) tell(this, order);
    if (worker !== undefined)
      this.#world.kernel.at(this.#world.options.threadMs, worker.owner, () => worker.order(order));
  }
}
