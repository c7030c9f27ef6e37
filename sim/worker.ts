/** One simulated worker thread: a SipWorker of production with a socket, a host and a store of this world. */
import { SyncHost } from '../actors/sync-host.ts';
import { SipWorker } from '../cluster/sip-worker.ts';
import { nodeOf } from '../cluster/control-types.ts';
import type { ShareOrder } from '../cluster/control-types.ts';
import type { Target } from '../cluster/data-frame.ts';
import { DirectWay } from '../cluster/direct/way.ts';
import { hash32 } from '../cluster/hash.ts';
import { limits } from '../src/limits.ts';
import { firstConnection, StreamConnections, sweepMs } from '../src/transport/connections.ts';
import type { Flow } from '../src/outside.ts';
import { directKey } from './direct.ts';
import type { DirectNetwork, DirectSocket } from './direct.ts';
import { Owner } from './kernel.ts';
import { Tape, watchActors } from './lens.ts';
import type { Endpoint, Socket } from './network.ts';
import { clusterEndpoint } from './network.ts';
import type { SimNode } from './node.ts';
import { readMessage } from './phone/message.ts';
import { SimStoreAccess } from './store/access.ts';
import type { SimSocket, StreamListener } from './stream.ts';
import type { World } from './world.ts';

/** Index of the listener in World.deps. */
const tcpListener = 1;

export class SimWorker implements Socket, StreamListener {
  readonly owner: Owner;
  readonly index: number;
  readonly core: SipWorker;
  readonly host: SyncHost;
  readonly direct: DirectWay | undefined;
  readonly #directSocket: DirectSocket | undefined;
  readonly #connections: StreamConnections;
  readonly #world: World;
  readonly #node: SimNode;
  #turnDue = false;
  /** Ticks come at this time and every limits.timerTickMs after it. */
  readonly #ticksFromMs: number;
  /** Numbers of ticks: the last one, and the one that is waited for. */
  #ticked = -1;
  #awaited = -1;

  constructor(world: World, node: SimNode, index: number) {
    this.#world = world;
    this.#node = node;
    this.index = index;
    this.owner = new Owner(`${node.owner.name}/${index}`, node.owner);
    const { kernel } = world;
    const count = (metric: string): void => {
      for (const tell of world.audience.counted) tell(node.id, metric);
    };
    this.host = new SyncHost({
      crashed: (name, error) => {
        for (const tell of world.audience.crashed) tell(node.id, name, error);
      },
      refused: () => count('actor-refused'),
      deadLetters: () => count('actor-dead-letters'),
    });
    this.#directSocket = world.direct && this.#openDirect(world.direct);
    this.direct = this.#directSocket && this.#directWay(this.#directSocket, count);
    const tape = new Tape(world.chance.stream(`worker ${this.owner.name}`));
    this.core = new SipWorker(
      {
        node: node.id,
        incarnation: node.incarnation,
        worker: index,
        clock: node.clock,
        random: tape,
        log: node.log,
        store: new SimStoreAccess(world.store, node.id, node.owner, this.owner),
        host: this.host,
        ...(world.options.gate !== undefined && { gate: world.options.gate }),
        deps: world.deps,
        lens: (behaviours, deps) => watchActors(world, node, index, behaviours, deps, tape),
      },
      {
        partitionOf: (key) => hash32(key) & (world.options.partitions - 1),
        serving: () => node.serving(),
        send: (flow, bytes, token) => this.#send(flow, bytes, token),
        toHub: (to, target, payload) => this.#toHub(to, target, payload),
        directly: (partition, payload) => this.#sendDirectly(partition, payload),
        roomForCopy: (buddy) => this.direct?.roomForCopy(buddy) ?? 0,
        copyDirectly: (buddy, partition, payload) => this.#copyDirectly(buddy, partition, payload),
        report: (report) => kernel.at(world.options.threadMs, node.owner, () => node.onReport(this, report)),
        soon: (run) => kernel.at(0.01, this.owner, run),
        later: (delayMs, run) => kernel.at(delayMs, this.owner, run),
        count,
      },
    );
    this.#watchDeliveries();
    this.#connections = new StreamConnections(
      {
        node: node.id,
        worker: index,
        // An incarnation of production is a time in milliseconds.
        firstNumber: firstConnection(node.incarnation * 1_000_000, node.ageMs),
        clock: node.clock,
        log: node.log,
        onMessage: (bytes, flow) => this.#onMessage(bytes, flow),
        onUndelivered: (token) => this.core.undelivered(token),
        onClosed: (_flow, reason) => count(`tcp-closed-${reason}`),
      },
      {
        dial: (flow) => world.streams.toPhone(this.owner, flow),
        soon: (run) => kernel.at(0, this.owner, run),
      },
    );
    this.#ticksFromMs = kernel.nowMs;
    this.owner.after = () => this.wind();
    if (world.options.habits.some(({ line }) => line !== undefined)) this.#sweep();
  }

  /** Opens the SIP sockets: from now on packets come in that this node must be able to pass on. */
  listen(): void {
    this.#world.network.openShared(this);
    this.#world.streams.openShared(this);
  }

  /** The thread has ended, or its whole process. */
  end(silently = false): void {
    this.owner.die();
    this.#world.network.closeShared(this);
    if (this.#directSocket !== undefined) this.#world.direct?.close(this.#directSocket);
    this.#world.streams.closeShared(this);
    this.#world.streams.streams.drop(this.owner, silently);
  }

  order(order: ShareOrder): void {
    const { audience } = this.#world;
    for (const tell of audience.obeying) tell(this.#node, this.index, order);
    this.core.order(order);
    for (const tell of audience.obeyed) tell(this.#node, this.index, order);
    this.#turn();
  }

  item(target: Target, payload: Uint8Array): void {
    for (const tell of this.#world.audience.cameToWorker) tell(this.#node, this.index, target, payload);
    this.core.onItem(target, payload);
    this.#turn();
  }

  accept(socket: SimSocket): void {
    this.#connections.accept(socket, tcpListener);
  }

  receive(bytes: Buffer, from: Endpoint): void {
    this.#onMessage(bytes, { protocol: 'udp', listener: 0, address: from.address, port: from.port, connection: '' });
  }

  #onMessage(bytes: Buffer, flow: Flow): void {
    if (this.#world.audience.nodeReceived.length > 0) {
      const message = readMessage(bytes);
      for (const tell of this.#world.audience.nodeReceived) tell(this.#node, this.index, message, bytes, flow);
    }
    if (flow.protocol === 'tcp') this.#world.network.tell(flow, clusterEndpoint, bytes, this.owner.name);
    this.core.edge.receive(bytes, flow);
    this.#turn();
  }

  #watchDeliveries(): void {
    const { hosted } = this.core;
    const deliver = hosted.deliver.bind(hosted);
    hosted.deliver = (partition, envelope) => {
      for (const tell of this.#world.audience.delivering) tell();
      const taken = deliver(partition, envelope);
      for (const tell of this.#world.audience.delivered) tell(this.#node, this.index, partition, envelope, taken);
      return taken;
    };
  }

  /** The actors get their turn after what has come in. */
  #turn(): void {
    if (this.#turnDue) return;
    this.#turnDue = true;
    this.#world.kernel.at(0.02, this.owner, () => {
      this.#turnDue = false;
      this.host.run();
    });
  }

  /**
   * After each event: actors that were told something by an answer of the store get their turn too, as they do in
   * production; then it waits for the next tick that has something to do; those between would do nothing.
   */
  wind(): void {
    if (!this.host.isIdle) this.#turn();
    const wantedMs = this.#node.clock.worldMs(this.core.nextTickMs());
    if (wantedMs === Infinity) return;
    const { nowMs } = this.#world.kernel;
    const passed = Math.max(this.#ticked, Math.floor((nowMs - this.#ticksFromMs) / limits.timerTickMs));
    const wanted = Math.max(passed + 1, Math.ceil((wantedMs - this.#ticksFromMs) / limits.timerTickMs));
    if (this.#awaited > this.#ticked && this.#awaited <= wanted) return;
    this.#awaited = wanted;
    this.#world.kernel.at(this.#ticksFromMs + wanted * limits.timerTickMs - nowMs, this.owner, () => {
      if (this.#awaited !== wanted) return;
      this.#ticked = wanted;
      this.core.tick();
      this.host.run();
    });
  }

  #sweep(): void {
    this.#world.kernel.at(sweepMs, this.owner, () => {
      this.#connections.sweep();
      this.#turn();
      this.#sweep();
    });
  }

  /** 0: none. */
  get directPort(): number {
    return this.#directSocket?.port ?? 0;
  }

  #openDirect(network: DirectNetwork): DirectSocket {
    const { owner } = this;
    const receive = (octets: Buffer, host: string, port: number): void => {
      this.direct?.received(octets, host, port);
      this.#turn();
    };
    const socket = { owner, host: this.#node.id, port: network.newPort(), receive };
    network.open(socket);
    return socket;
  }

  #directWay(socket: DirectSocket, count: (metric: string) => void): DirectWay {
    const { clock, id: node, incarnation, places } = this.#node;
    return new DirectWay({ node, incarnation, worker: this.index }, directKey, places, {
      nowMs: () => clock.monotonicMs(),
      clusterMs: () => clock.clusterMs(),
      send: (host, port, octets) => this.#world.direct?.send(socket, host, port, octets),
      item: (partition, hops, payload) => this.#directItem(partition, hops, payload),
      word: (partition, payload) => this.core.onBuddyWord(partition, payload),
      count,
    });
  }

  #directItem(partition: number, hops: number, payload: Buffer): void {
    const { cameToWorker } = this.#world.audience;
    for (const tell of cameToWorker) tell(this.#node, this.index, [0, partition, hops], payload);
    this.core.onDirectItem(partition, hops, payload);
  }

  #copyDirectly(buddy: string, partition: number, payload: Uint8Array): void {
    const copy = Buffer.from(payload);
    for (const tell of this.#world.audience.forwarded) tell(this.#node, nodeOf(buddy), [3, partition], copy, true);
    this.direct?.copy(buddy, partition, copy);
  }

  #sendDirectly(partition: number, payload: Uint8Array): boolean {
    if (this.direct?.send(partition, payload) !== true) return false;
    for (const tell of this.#world.audience.leftWorker) tell(this.#node, this.index, [0, partition, 0], payload);
    return true;
  }

  #toHub(to: string, target: Target, payload: Uint8Array): boolean {
    const copy = Buffer.from(payload);
    const node = this.#node;
    for (const tell of this.#world.audience.leftWorker) tell(node, this.index, target, copy);
    this.#world.kernel.at(this.#world.options.threadMs, node.owner, () => node.hub.fromWorker(to, target, copy));
    return true;
  }

  #send(flow: Flow, bytes: Uint8Array, token: string): void {
    const { network, audience } = this.#world;
    const copy = Buffer.from(bytes);
    const message = readMessage(copy);
    for (const tell of audience.nodeSent) tell(this.#node, this.index, flow, message, copy);
    if (flow.protocol === 'tcp') {
      network.tell(clusterEndpoint, flow, copy, this.owner.name);
      this.#connections.send(flow, copy, token);
      return this.#turn();
    }
    network.send(clusterEndpoint, flow, copy, this.owner.name);
  }
}
