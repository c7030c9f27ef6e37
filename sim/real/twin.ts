/**
 * The world in a box without the box: three nodes as processes, phones with sockets, and between all of them the faults of
 * a seed. It is judged by the same checkers as the simulated world, from the same histories and packets (stage.ts).
 */
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../src/config/config.ts';
import type { Flow } from '../../src/outside.ts';
import type { Endpoint } from '../network.ts';
import { audienceOf, Violation } from '../observe.ts';
import type { Audience, NamedNode, Observer } from '../observe.ts';
import { nodeName, warmUpMs } from '../options.ts';
import type { SimOptions } from '../options.ts';
import { newCall, probeCall } from '../phone/history.ts';
import type { CallPlan, CallRecord, RegistrationRecord } from '../phone/history.ts';
import { readMessage } from '../phone/message.ts';
import { Phone } from '../phone/phone.ts';
import { Chance } from '../random.ts';
import type { History } from '../stage.ts';
import { mayForget } from '../store/loss.ts';
import { drainNode, isReady } from './admin.ts';
import { RealKernel } from './clock.ts';
import { RealFaults } from './faults.ts';
import { RealLinks, StoreWay } from './links.ts';
import { RealNetwork } from './network.ts';
import type { RealOptions } from './options.ts';
import { nodeConfig } from './node-config.ts';
import { clusterAddress, nodeAddress, offsets, phoneAddress } from './ports.ts';
import { NodeProcess } from './process.ts';
import { hasSipp, SippPhones } from './sipp.ts';
import { RealStore } from './store.ts';

export interface TwinSetting {
  readonly options: RealOptions;
  readonly folder: string;
  readonly base: number;
  /** Name of a mutant that the nodes run with; '' for none. */
  readonly mutant: string;
  say(line: string): void;
}

export type Phase = 'healed' | 'quiet' | 'end';

const nodeCount = 3;
const bootMsMax = 60_000;
/** A process that was stopped for long hears within this time that it was taken for dead. */
const steadyMs = 2_500;
/** Calls begin when the phones have had the rest of the warm-up to register. */
const startMs = 2_400;
const tableMs = 40;

export class Twin implements History {
  readonly setting: TwinSetting;
  readonly options: SimOptions;
  readonly chance: Chance;
  readonly kernel: RealKernel;
  readonly links: RealLinks;
  readonly storeWays = new Map<string, StoreWay>();
  readonly observers: Observer<NamedNode>[] = [];
  readonly domain = 'example.test';
  readonly nodes = new Map<string, NodeProcess>();
  readonly phones = new Map<string, Phone>();
  readonly calls: CallRecord[] = [];
  readonly registrations: RegistrationRecord[] = [];
  readonly healedAtMs: number;
  readonly mayForget: boolean;
  readonly exits: string[] = [];
  isQuiet = false;
  violation: Violation | undefined;
  faults: RealFaults | undefined;
  /** Undefined where none is wanted, or SIPp is not installed. */
  sipp: SippPhones | undefined;
  /** Told of every table that the store had when we looked. */
  readonly tableWatchers: ((table: Awaited<ReturnType<RealStore['changedTable']>> & object) => void)[] = [];
  readonly #callsById = new Map<string, CallRecord>();
  readonly #configs = new Map<string, Config>();
  #network: RealNetwork | undefined;
  #store: RealStore | undefined;
  #isEnding = false;
  #readyAtMs: number | undefined;

  constructor(setting: TwinSetting) {
    this.setting = setting;
    const { sim } = setting.options;
    const twin = this;
    this.chance = new Chance(sim.seed);
    this.kernel = new RealKernel((error) => this.#caught(error), startMs);
    this.options = {
      ...sim,
      // Packets of a busy machine are as late as those of a slow store.
      get storeMs(): readonly [number, number] {
        return [0, 60 + twin.kernel.lateMs];
      },
    };
    this.healedAtMs = warmUpMs + sim.faultMs;
    this.mayForget = mayForget(this.options);
    const delays = this.chance.stream('links');
    this.links = new RealLinks(
      Array.from({ length: nodeCount }, (_, index) => ({
        id: nodeName(index),
        link: this.#at(index, offsets.link),
        advertised: this.#at(index, offsets.advertisedLink),
      })),
      () => delays.between(sim.linkMs[0], sim.linkMs[1]),
    );
  }

  get audience(): Audience {
    return audienceOf(this.observers);
  }

  get network(): RealNetwork {
    if (this.#network === undefined) throw new Error('the network is not open yet');
    return this.#network;
  }

  get store(): RealStore {
    if (this.#store === undefined) throw new Error('the store is not open yet');
    return this.#store;
  }

  get probedAtMs(): number {
    return (this.#readyAtMs ?? Infinity) + this.setting.options.phases.healedMs;
  }

  get isStrict(): boolean {
    const kinds = new Set(this.options.faults.map((fault) => fault.kind));
    return !(kinds.has('store-down') || kinds.has('store-cut') || kinds.has('isolate') || kinds.has('island'));
  }

  /** Opens store, pipes and sockets and starts the nodes. @throws when they do not get ready */
  async open(): Promise<void> {
    const { folder, options, base } = this.setting;
    mkdirSync(folder, { recursive: true });
    this.#store = await RealStore.open(options.store, folder, { address: nodeAddress(0), port: base + offsets.store });
    for (let index = 0; index < nodeCount; index++) {
      const way = new StoreWay(this.#at(index, offsets.storeWay), this.#at(0, offsets.store));
      if (options.store === 'redis') {
        await way.open();
        this.storeWays.set(nodeName(index), way);
      }
    }
    await this.links.open();
    this.#network = new RealNetwork({
      kernel: this.kernel,
      random: this.chance.stream('network'),
      weather: this.options.weather,
      spread: this.options.spread,
      cluster: { address: clusterAddress, port: base + offsets.sip },
      nodes: Array.from({ length: nodeCount }, (_, index) => ({
        id: nodeName(index),
        ...this.#at(index, offsets.sip),
      })),
      isOpen: (id) => this.nodes.get(id)?.isReady === true,
      onSent: (node, to, bytes) => this.#nodeSent(node, to, bytes),
    });
    this.#addPhones();
    for (let index = 0; index < nodeCount; index++) {
      this.#configs.set(nodeName(index), nodeConfig(this.setting, this.domain, index));
      this.startNode(nodeName(index));
    }
    await this.network.ready();
    await this.#allReady(0);
    await this.#openSipp();
  }

  /**
   * From the first registration to the last look.
   * @param look what is asked of the nodes when a phase ends.
   * @throws the first violation
   */
  async run(look: (phase: Phase) => Promise<void>): Promise<void> {
    const { kernel, options } = this;
    const { phases } = this.setting.options;
    kernel.start();
    void this.#watchTable();
    for (const phone of this.phones.values()) phone.registration.set(true);
    for (const plan of options.calls) this.planCall(plan);
    for (const change of options.registrations)
      kernel.at(change.atMs - kernel.nowMs, undefined, () =>
        this.phones.get(change.phone)?.registration.set(change.bind),
      );
    this.sipp?.begin();
    const faults = new RealFaults(this);
    this.faults = faults;
    for (const fault of options.faults) kernel.at(fault.atMs - kernel.nowMs, undefined, () => faults.begin(fault));
    await this.#until(this.healedAtMs);
    faults.healAll();
    await this.#allReady(steadyMs);
    this.#readyAtMs = kernel.nowMs;
    await this.#until(this.probedAtMs);
    await this.#phase('healed', look);
    this.#probe();
    await this.#until(this.probedAtMs + phases.quietMs);
    await this.#phase('quiet', look);
    this.isQuiet = true;
    for (const phone of this.phones.values()) {
      phone.registration.set(false);
      for (const caller of phone.callers.values()) caller.cancel();
      for (const dialog of phone.dialogs()) dialog.bye();
    }
    await this.#until(this.probedAtMs + phases.quietMs + phases.endMs);
    await this.#phase('end', look);
    if (this.violation !== undefined) throw this.violation;
  }

  /** Every process, at once. */
  kill(): void {
    this.#isEnding = true;
    this.sipp?.kill();
    for (const node of this.nodes.values()) node.kill();
    this.#store?.kill();
  }

  /** Ends every process and socket, whatever happened before. */
  async close(): Promise<void> {
    this.kill();
    this.kernel.stop();
    this.#network?.close();
    this.links.close();
    for (const way of this.storeWays.values()) way.close();
    await this.#store?.close();
  }

  startNode(id: string): void {
    const config = this.#configs.get(id);
    if (config === undefined || this.#isEnding || this.nodes.get(id)?.isAlive === true) return;
    const { mutant } = this.setting;
    const loader = new URL('../mutants/loader.ts', import.meta.url).href;
    const node: NodeProcess = new NodeProcess({
      config,
      log: this.logOf(id),
      nodeArgs: mutant === '' ? [] : ['--import', loader],
      env: mutant === '' ? {} : { CARILLON_MUTANT: mutant },
      onReady: () => this.say(`node ${node.name} is ready`),
      onExit: (code, signal, word) => this.#exited(node, code, signal, word),
    });
    this.nodes.set(id, node);
  }

  release(node: NodeProcess): void {
    this.store.release(node.id, node.incarnation);
  }

  drain(node: NodeProcess): void {
    node.isDraining = true;
    drainNode(this.adminOf(node.id), node.id);
  }

  liveNodes(): NodeProcess[] {
    return [...this.nodes.values()].filter((node) => node.isAlive);
  }

  adminOf(id: string): Endpoint {
    return this.#at(id.charCodeAt(0) - 'a'.charCodeAt(0), offsets.admin);
  }

  logOf(id: string): string {
    return `${this.setting.folder}/node-${id}.log`;
  }

  callWith(callId: string): CallRecord | undefined {
    return this.#callsById.get(callId);
  }

  tellCall(call: CallRecord, what: string): void {
    for (const each of this.observers) each.callEvent?.(call, what);
  }

  fail(checker: string, invariant: number, message: string, callId = ''): never {
    const violation = new Violation(checker, invariant, message, callId);
    this.violation ??= violation;
    throw violation;
  }

  say(text: string): void {
    this.setting.say(`${(this.kernel.nowMs / 1_000).toFixed(3).padStart(8)}  ${text}`);
  }

  planCall(plan: CallPlan): void {
    const record = newCall(plan);
    this.calls.push(record);
    this.#callsById.set(plan.callId, record);
    this.kernel.at(plan.startMs - this.kernel.nowMs, undefined, () => this.phones.get(plan.caller)?.call(record));
  }

  #nodeSent(node: NamedNode, to: Endpoint, bytes: Buffer): void {
    const message = readMessage(bytes);
    const flow: Flow = { protocol: 'udp', listener: 0, address: to.address, port: to.port, connection: '' };
    for (const each of this.observers) each.nodeSent?.(node, 0, flow, message, bytes);
  }

  async #openSipp(): Promise<void> {
    const { folder, base, options } = this.setting;
    const { sippPerSecond } = options;
    if (sippPerSecond === 0 || !hasSipp()) return;
    this.sipp = new SippPhones({
      folder,
      base,
      domain: this.domain,
      perSecond: sippPerSecond,
      calls: Math.round((sippPerSecond * this.options.faultMs) / 1_000),
      relay: (at, inside) => this.network.openRelay(at, inside),
    });
    await this.sipp.open();
  }

  #exited(node: NodeProcess, code: number | null, signal: NodeJS.Signals | null, word: string): void {
    if (this.#isEnding || node.isKilled) return;
    this.say(`node ${node.name} ended: ${signal ?? code} ${word}`);
    this.exits.push(`${node.name} ${signal ?? code} ${word}`);
    this.release(node);
    // A drained one comes back when its fault is over.
    if (!node.isDraining) this.kernel.at(300, undefined, () => this.startNode(node.id));
  }

  async #watchTable(): Promise<void> {
    while (!this.#isEnding) {
      const table = await this.store.changedTable();
      if (table !== undefined) for (const watch of this.tableWatchers) this.kernel.attempt(() => watch(table));
      await sleep(tableMs);
    }
  }

  /** Starting takes the time that the machine needs for it. @param steadyMs for so long nobody must fall out again */
  async #allReady(steadyMs: number): Promise<void> {
    const endMs = this.kernel.nowMs + bootMsMax;
    for (let sinceMs = Infinity; this.violation === undefined;) {
      const waiting: string[] = [];
      for (const node of this.nodes.values())
        if (!node.isReady || node.isDraining || !(await isReady(this.adminOf(node.id)))) waiting.push(node.name);
      const nowMs = this.kernel.nowMs;
      sinceMs = waiting.length > 0 ? Infinity : Math.min(sinceMs, nowMs);
      if (nowMs - sinceMs >= steadyMs) return;
      if (nowMs > endMs) this.fail('healed', 36, `${waiting.join(', ')} not ready after ${bootMsMax} ms`);
      await sleep(50);
    }
    throw this.violation;
  }

  async #until(atMs: number): Promise<void> {
    while (this.kernel.nowMs < atMs && this.violation === undefined)
      await sleep(Math.min(50, Math.max(1, atMs - this.kernel.nowMs)));
    if (this.violation !== undefined) throw this.violation;
  }

  async #phase(phase: Phase, look: (phase: Phase) => Promise<void>): Promise<void> {
    for (const each of this.observers) each.phase?.(phase);
    await look(phase);
  }

  #caught(error: unknown): void {
    this.violation ??=
      error instanceof Violation
        ? error
        : new Violation('sound', 37, error instanceof Error ? (error.stack ?? error.message) : String(error));
  }

  /** After healing: every dialog that stands is asked from both ends, and new calls are made. */
  #probe(): void {
    for (const phone of this.phones.values()) for (const dialog of phone.dialogs(true)) dialog.request('OPTIONS');
    const { users, devices } = this.options;
    for (let index = 0; index < Math.min(8, users); index++) {
      const callee = (index + 1) % users;
      const callId = `probe-${index}-${this.options.seed}@sim`;
      const who = { callId, caller: `u${index}-0`, callee: `u${callee}`, startMs: this.kernel.nowMs };
      this.planCall(probeCall(index, devices[callee]!, who));
    }
  }

  #addPhones(): void {
    const { users, devices, expiresSeconds } = this.options;
    for (let user = 0; user < users; user++) {
      for (let device = 0; device < devices[user]!; device++) {
        const at = { address: phoneAddress(user, device), port: this.setting.base + offsets.phone };
        const phone = new Phone(this, `u${user}`, device, at, expiresSeconds);
        this.phones.set(phone.name, phone);
      }
    }
  }

  #at(index: number, offset: number): Endpoint {
    return { address: nodeAddress(index), port: this.setting.base + offset };
  }
}
