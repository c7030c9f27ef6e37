/**
 * One node: its store thread, worker threads, links, control and admin API, put together. The main thread routes and
 * coordinates; it never handles SIP itself.
 */
import { Mesh } from '../io/links.ts';
import { SystemClock } from '../io/clock.ts';
import { openLog } from '../io/log.ts';
import { probe } from '../io/probe.ts';
import type { UdpPath } from '../io/udp-path.ts';
import { selfOf } from './worker/identity.ts';
import { BoundedLog } from './worker/bounded-log.ts';
import { openAdmin } from '../admin/server.ts';
import type { AdminServer } from '../admin/server.ts';
import { StoreClient } from '../../cluster/stores/client.ts';
import { startStoreThread } from '../../cluster/stores/spawn.ts';
import type { StoreThread } from '../../cluster/stores/spawn.ts';
import type { ExitCode } from '../../cluster/control-types.ts';
import { hash32 } from '../../cluster/hash.ts';
import { isMember } from '../../cluster/table.ts';
import type { Table } from '../../cluster/table.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import { limits, profiles } from '../limits.ts';
import type { FromWorker, WorkerQuery } from './worker/messages.ts';
import { Counters } from './worker/counters.ts';
import { LoopTurns } from './worker/loop-delay.ts';
import { threadView } from './thread-view.ts';
import { adminPort, userRecord } from './node/admin-port.ts';
import { ControlLoop } from '../../cluster/control-loop.ts';
import { Hub } from '../../cluster/hub.ts';
import { chooseDatagrams } from './node/datagrams.ts';
import { controlIdentityOf } from './node/control-identity.ts';
import { Direct } from './node/direct.ts';
import { Drain } from './node/drain.ts';
import { DueTicker } from './node/due-ticker.ts';
import { linkViews } from './node/links-view.ts';
import { PeerAsks } from './node/peer-asks.ts';
import { Siblings } from './node/siblings.ts';
import { packPeerItem, unpackPeerItem } from '../../cluster/peer-items.ts';
import { Workers } from './node/workers.ts';
import type { NodeOptions, RunningNode } from './node-contract.ts';

export async function runNode(config: Config, options: NodeOptions): Promise<RunningNode> {
  const node = new Node(config, options);
  try {
    await node.start();
  } catch (error) {
    await node.close();
    throw error;
  }
  return node;
}

class Node implements RunningNode {
  readonly #config: Config;
  readonly #options: NodeOptions;
  readonly #id: string;
  readonly #file;
  readonly #log;
  readonly #clock = new SystemClock();
  readonly #serveUntil = new SharedArrayBuffer(8);
  readonly #counters = new Counters();
  readonly #turns = new LoopTurns();
  #datagrams: UdpPath['path'] = 'node';
  readonly #peers = new Map<string, string>();
  readonly #hub: Hub;
  readonly #mesh: Mesh;
  readonly #asks: PeerAsks;
  readonly #siblings: Siblings;
  readonly #direct: Direct;
  #store: StoreThread | undefined;
  #client: StoreClient | undefined;
  #workers: Workers | undefined;
  #loop: ControlLoop | undefined;
  #ticker: DueTicker | undefined;
  #admin: AdminServer | undefined;
  #wasReady = false;
  #listening = false;
  #drain: Drain | undefined;
  #drained: (() => void) | undefined;

  constructor(config: Config, options: NodeOptions) {
    this.#config = config;
    this.#options = options;
    this.#id = config.node.id;
    this.#file = openLog({ level: options.logLevel, fields: { node: this.#id } });
    this.#log = new BoundedLog(this.#file, this.#clock);
    const count = (metric: string): void => this.#counters.add(metric);
    const outside = { clock: this.#clock, log: this.#log, count };
    this.#direct = new Direct(config, options.incarnation, {
      sendPeer: (peer, item) => void this.#mesh.send(peer, [2], packPeerItem(item)),
      tellWorkers: (message) => this.#workers?.tellAll(message),
      addressOf: (peer) => this.#peers.get(peer),
      word: (partition, payload, answer) => this.#hub.buddy.fromDatagram(partition, payload, answer),
      ...outside,
    });
    this.#hub = new Hub({
      node: this.#id,
      incarnation: options.incarnation,
      nowMs: () => this.#clock.monotonicMs(),
      toWorker: (worker, target, payload) => this.#workers?.send(worker, target, payload) === true,
      toNode: (peer, target, payload) => this.#mesh.send(peer, target, payload),
      relayTo: (peer) => this.#loop?.control.relayTo(peer),
      shortcuts: this.#direct.shortcuts,
      waits: () => this.#ticker?.look(),
      count,
    });
    this.#mesh = new Mesh({
      self: { id: this.#id, incarnation: options.incarnation },
      cluster: config.cluster.name,
      secret: config.cluster.secret,
      listen: config.node.link,
      tls: config.node.linkTls,
      log: this.#log,
      clock: this.#clock,
      onPeer: (peer, up, incarnation) => {
        this.#direct.onPeer(peer, up, incarnation);
        this.#loop?.step({ type: up ? 'peer-up' : 'peer-down', peer, incarnation });
      },
      onItem: (peer, target, payload) =>
        target[0] === 2 ? this.#onPeerItem(peer, payload) : this.#hub.fromNode(peer, target, payload),
      roomBytes: () => this.#workers?.roomBytes ?? limits.linkWindowBytes,
    });
    this.#siblings = new Siblings(this.#id, (siblings) => this.#workers?.tellAll({ type: 'siblings', siblings }));
    this.#asks = new PeerAsks(
      (peer, item) => this.#mesh.send(peer, [2], packPeerItem(item)),
      (query) => this.#askSelf(query),
    );
  }

  async start(): Promise<void> {
    const { config } = this;
    const { voteTtlMs, voteIssueWindowMs } = profiles[config.cluster.profile];
    this.#store = await new Promise<StoreThread>((resolve, reject) => {
      startStoreThread({ url: config.cluster.store, voteTtlMs, voteIssueWindowMs }, (error, thread) =>
        error === undefined ? resolve(thread) : reject(error),
      );
    });
    this.#store.onDeath((error) => this.#fail(error.message));
    this.#client = new StoreClient(this.#store.connect());
    await this.#putUsers();
    await probe(selfOf(config).listeners);
    const datagrams = chooseDatagrams(this.#config);
    this.#datagrams = datagrams.path;
    await this.#direct.open(datagrams);
    await this.#mesh.start();
    this.#workers = new Workers(
      config,
      this.#options,
      this.#clock.share(),
      this.#serveUntil,
      this.#direct.places,
      this.#store,
      this.#log,
      {
        onUp: (worker) => {
          this.#workers?.tell(worker, { type: 'siblings', siblings: this.#siblings.now });
          this.#loop?.step({ type: 'worker-up', worker });
        },
        onDown: (worker) => {
          this.#hub.workerDown(worker);
          this.#direct.peers.workerHas(worker, 0);
          this.#loop?.step({ type: 'worker-down', worker });
        },
        onMessage: (worker, message) => this.#onWorkerMessage(worker, message),
        onItem: (to, target, payload) => this.#hub.fromWorker(to, target, payload),
      },
    );
    await this.#workers.start();
    this.#admin = await openAdmin(this.#adminPort(this.#client), {
      listen: config.admin.listen,
      token: config.admin.token,
      log: this.#log,
    });
    this.#startControl(this.#client, this.#workers);
    await this.#joined();
    await this.#workers.listen();
    this.#listening = true;
    const { path, reason } = datagrams;
    this.#log.write('info', 'datagrams', { path, ...(reason !== '' && { reason }) });
  }

  /**
   * A member with links to the others: whatever packet comes can be passed on. The kernel gives our sockets their share of
   * the packets from the moment they are open. Others that cannot be reached are not waited for.
   */
  async #joined(): Promise<void> {
    const untilMs = this.#clock.monotonicMs() + limits.joinLinksMs;
    while (
      this.#loop !== undefined &&
      !this.#isLinked(this.#loop.control.table) &&
      this.#clock.monotonicMs() < untilMs
    ) {
      await delay(limits.controlTickMs);
    }
  }

  #isReady(): boolean {
    return this.#listening && this.#loop?.isReady === true;
  }

  #isLinked(table: Table | undefined): boolean {
    if (table === undefined || !isMember(table, this.#id, this.#options.incarnation)) return false;
    return table.members.every(({ id }) => id === this.#id || this.#mesh.isUp(id));
  }

  get config(): Config {
    return this.#config;
  }

  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve;
      this.#drain?.begin();
    });
  }

  async close(): Promise<void> {
    this.#loop?.stop();
    this.#drain?.stop();
    await this.#admin?.close();
    await this.#workers?.close();
    await Promise.all([this.#mesh.close(), this.#direct.close()]);
    this.#ticker?.stop();
    await new Promise<void>((resolve) => (this.#store === undefined ? resolve() : this.#store.close(() => resolve())));
    this.#store = undefined;
    this.#file.flush();
  }

  #startControl(store: StoreClient, workers: Workers): void {
    this.#loop = new ControlLoop(
      { identity: controlIdentityOf(this.#config, this.#options.incarnation) },
      {
        clock: this.#clock,
        serveUntil: new Float64Array(this.#serveUntil),
        store,
        hub: this.#hub,
        log: this.#log,
        tellWorker: (worker, message) => workers.tell(worker, message),
        sendPeer: (peer, incarnation, frame) =>
          void this.#mesh.sendTo(peer, incarnation, [2], packPeerItem({ kind: 'control', frame })),
        setPeer: (peer, address) => this.#setPeer(peer, address),
        table: (table) => {
          this.#mesh.setTable({ epoch: table.epoch, nonce: hash32(table.nonce) });
          this.#direct.adopt(table);
        },
        exit: (code, reason) => void this.#leave(code, reason),
        stepped: () => {
          this.#siblings.look(this.#loop?.control.members ?? []);
          this.#ticker?.look();
        },
      },
    );
    this.#drain = new Drain({
      id: this.#id,
      holdMs: this.#config.drain.connectionsSeconds * 1_000,
      log: this.#log,
      step: (input) => this.#loop?.step(input),
      table: () => this.#loop?.control.table,
      tellWorkers: (message) => workers.tellAll(message),
      clients: async () => countClients(await this.#askSelf({ what: 'clients' })),
    });
    for (let worker = 0; worker < workers.count; worker += 1) this.#loop.step({ type: 'worker-up', worker });
    this.#ticker = new DueTicker({
      tick: () => {
        this.#loop?.tick();
        this.#mesh.tick();
      },
      nextTickMs: () => Math.min(this.#loop?.nextTickMs() ?? Infinity, this.#mesh.nextTickMs()),
      nowMs: () => this.#clock.monotonicMs(),
    });
    const watch = setInterval(() => {
      if (this.#wasReady || !this.#isReady()) return;
      this.#wasReady = true;
      clearInterval(watch);
      this.#log.write('info', 'ready', { state: this.#loop?.control.describe() });
      this.#options.onReady();
    }, limits.controlTickMs);
  }

  #setPeer(peer: string, address: string | undefined): void {
    if (address === undefined ? !this.#peers.delete(peer) : this.#peers.get(peer) === address) return;
    if (address !== undefined) this.#peers.set(peer, address);
    this.#mesh.setPeers([...this.#peers].map(([id, at]) => ({ id, address: at })));
    this.#direct.peers.addressed(peer);
  }

  #onWorkerMessage(worker: number, message: FromWorker): void {
    switch (message.type) {
      case 'serving':
        return this.#loop?.step({ type: 'worker-serving', worker, shares: message.shares });
      case 'frozen':
        return this.#loop?.step({ type: 'worker-frozen', worker, attempt: message.attempt, shares: message.shares });
      case 'fenced':
        return this.#loop?.step({ type: 'worker-fenced', worker, shares: message.shares });
      case 'direct-port':
        return this.#direct.peers.workerHas(worker, message.port);
      case 'up':
      case 'listening':
      case 'refused':
      case 'answer':
        return; // src/cli/node/workers.ts has handled it.
    }
  }

  #onPeerItem(peer: string, payload: Uint8Array): void {
    const item = unpackPeerItem(payload);
    if (item === undefined) return this.#counters.add('peer-item-unreadable');
    switch (item.kind) {
      case 'control': {
        const incarnation = this.#mesh.incarnationOf(peer);
        return this.#loop?.step({ type: 'peer-frame', peer, incarnation, frame: item.frame });
      }
      case 'ask':
        return this.#asks.onAsk(peer, item.id, item.question, () => this.#drain?.begin());
      case 'answer':
        return this.#asks.onAnswer(peer, item.id, item.value);
      case 'user-changed':
        return this.#tellUserChanged(item.aor);
      case 'workers':
        return this.#direct.peers.heard(peer, this.#mesh.incarnationOf(peer), item.ports, item.mainPort);
    }
  }

  #tellUserChanged(aor: string): void {
    this.#workers?.tellAll({ type: 'user-changed', aor });
  }

  async #askSelf(query: WorkerQuery): Promise<readonly unknown[]> {
    if (query.what === 'links') return linkViews(this.#id, this.#mesh.stats(), Date.now(), this.#clock.monotonicMs());
    return (await this.#workers?.askAll(query)) ?? [];
  }

  #adminPort(store: StoreClient): ReturnType<typeof adminPort> {
    const control = (): ControlLoop['control'] | undefined => this.#loop?.control;
    const others = (): string[] =>
      (control()?.table?.members ?? []).map(({ id }) => id).filter((id) => id !== this.#id);
    return adminPort({
      config: this.#config,
      store,
      ready: () => this.#isReady(),
      describe: () => control()?.describe() ?? 'starting',
      table: () => control()?.table,
      members: () => control()?.members ?? [],
      storeUp: () => control()?.storeUp === true,
      askAll: async (query) => {
        const [own, ...rest] = await Promise.all([
          this.#askSelf(query),
          ...others().map((peer) => this.#asks.ask(peer, query)),
        ]);
        return [{ node: this.#id, values: own }, ...rest.filter((answer) => answer !== undefined)];
      },
      askSelf: (query) => this.#askSelf(query),
      drain: (id) => {
        if (id !== this.#id) return this.#asks.tellDrain(id);
        this.#drain?.begin();
        return true;
      },
      userChanged: (aor) => {
        this.#tellUserChanged(aor);
        for (const peer of others()) this.#mesh.send(peer, [2], packPeerItem({ kind: 'user-changed', aor }));
      },
      counters: () => this.#counters.all(),
      mainThread: () => threadView('main', this.#turns.buckets(), { calls: 0, registrations: 0 }),
      datagrams: () => this.#datagrams,
      ends: () => this.#mesh.stats().ends,
      kept: () => this.#hub.buddy.tails.stats,
    });
  }

  #putUsers(): Promise<void> {
    const records = this.#config.users.flatMap((user) => userRecord(user.aor, user.password) ?? []);
    if (records.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#client?.putUsers(records, (error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  async #leave(code: ExitCode, reason: string): Promise<void> {
    this.#log.write(code === 0 ? 'info' : 'error', 'leaving', { reason });
    // Told that it is dead, it ends at once: whatever it still holds belongs to others now.
    if (code !== 70) await this.close();
    if (this.#drained !== undefined) return this.#drained();
    this.#options.onExit(code, reason);
  }

  #fail(reason: string): void {
    this.#log.write('error', 'store-thread-ended', { reason });
    this.#options.onExit(70, reason);
  }
}

function countClients(counts: readonly unknown[]): number {
  return (counts as readonly number[]).reduce((sum, clients) => sum + clients, 0);
}
