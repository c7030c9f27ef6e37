/**
 * The world in a box: nodes, store, links, network, phones and faults of one seed, in one thread and one virtual time.
 * Phases: warm-up, faults, healed (everything must come right), quiet (everything must end), final checks.
 */
import { profiles } from '../src/limits.ts';
import type { Times } from '../src/limits.ts';
import type { AorDeps } from '../actors/aor/state.ts';
import { hash32 } from '../cluster/hash.ts';
import { Preferences } from '../cluster/ring.ts';
import { ha1 } from '../src/auth/digest.ts';
import { Identifiers } from '../src/proxy/identifiers.ts';
import { Self } from '../src/proxy/self.ts';
import { defaultService } from '../src/routing/default-service.ts';
import { SimClock } from './clock.ts';
import { DirectNetwork } from './direct.ts';
import { Faults } from './faults.ts';
import { Kernel } from './kernel.ts';
import { ByteLinks } from './link-bytes.ts';
import { Links } from './links.ts';
import type { NodeLinks } from './links.ts';
import { clusterEndpoint, Network } from './network.ts';
import { SimNode } from './node.ts';
import { audienceOf, Violation } from './observe.ts';
import type { Observer } from './observe.ts';
import { hasNarrowLinks, nodeName, phases, warmUpMs } from './options.ts';
import type { DirectPlan, Phases, SimOptions } from './options.ts';
import { newCall, probeCall } from './phone/history.ts';
import type { CallPlan, CallRecord, RegistrationRecord } from './phone/history.ts';
import { Phone } from './phone/phone.ts';
import { Chance } from './random.ts';
import { Losses } from './store/loss.ts';
import { SimStore } from './store.ts';
import { StreamNetwork } from './stream-network.ts';
import { Thief } from './thief.ts';
import { trunkService } from './trunk.ts';

/** Rings of a number of partitions are the same in every world. */
const preferencesOf = new Map<number, Preferences>();
/** Thousands of worlds have few sets of nodes between them. */
const ringsRemembered = 256;

export class World {
  readonly options: SimOptions;
  readonly chance: Chance;
  readonly kernel = new Kernel();
  readonly store: SimStore;
  readonly times: Times;
  readonly links: NodeLinks;
  readonly network: Network;
  /** Undefined: workers send one another nothing but by the main threads. */
  readonly direct: DirectNetwork | undefined;
  readonly streams: StreamNetwork;
  readonly preferences: Preferences;
  readonly deps: Omit<AorDeps, 'directory' | 'random' | 'credits'>;
  readonly observers: Observer[] = [];
  /** The same, by what they want to hear. */
  audience = audienceOf([]);
  readonly domain = 'example.test';
  /** The process of each name that was started last. */
  readonly nodes = new Map<string, SimNode>();
  readonly phones = new Map<string, Phone>();
  readonly calls: CallRecord[] = [];
  readonly registrations: RegistrationRecord[] = [];
  /** Names that shall not run now: drained. */
  readonly resting = new Set<string>();
  /** Nothing new is begun by the phones. */
  isQuiet = false;
  violation: Violation | undefined;
  /** What may be lost, by the faults as they have struck. */
  readonly losses: Losses;
  readonly healedAtMs: number;
  readonly phases: Phases;
  readonly #callsById = new Map<string, CallRecord>();
  #incarnations = 0;

  constructor(options: SimOptions) {
    this.options = options;
    this.losses = new Losses(options);
    this.chance = new Chance(options.seed);
    this.times = profiles[options.profile ?? 'default'];
    this.store = new SimStore(this.kernel, this.chance.stream('store'), options.storeMs, options.store, this.times);
    const names = Array.from({ length: options.nodes }, (_, index) => nodeName(index));
    this.links =
      options.linkBytes === undefined
        ? new Links(this.kernel, this.chance.stream('links'), options.linkMs)
        : new ByteLinks(this.kernel, this.chance, options.linkMs, options.linkBytes, names);
    this.direct = options.direct && directNetwork(this, options.direct);
    this.network = new Network(this.kernel, this.chance.stream('network'), options.weather, options.spread);
    this.streams = new StreamNetwork(this.kernel, this.chance.stream('streams'), this.network);
    let preferences = preferencesOf.get(options.partitions);
    if (preferences === undefined)
      preferencesOf.set(options.partitions, (preferences = new Preferences(options.partitions, ringsRemembered)));
    this.preferences = preferences;
    const { address, port } = clusterEndpoint;
    this.deps = {
      self: new Self(
        [
          { protocol: 'udp', address, port, host: address },
          { protocol: 'tcp', address, port, host: address },
        ],
        [this.domain],
      ),
      identifiers: new Identifiers(Buffer.from('identifiers of the simulator')),
      service: options.trunk === undefined ? defaultService({ authenticate: true }) : trunkService(options.trunk),
      nonceSecret: 'nonces of the simulator',
      noAnswerMs: options.noAnswerMs,
      registrar: { minExpiresSeconds: 5, maxExpiresSeconds: 3_600, maxContacts: 10 },
    };
    this.healedAtMs = warmUpMs + options.faultMs;
    this.phases = options.phases ?? phases;
    this.#addPhones();
  }

  /** Runs the whole seed. @throws Violation, or whatever the server throws. */
  run(): void {
    const { kernel, options } = this;
    this.audience = audienceOf(this.observers);
    for (let index = 0; index < options.nodes; index++)
      kernel.at(this.chance.stream('boot').between(0, 200), undefined, () => this.startNode(nodeName(index)));
    const thief = options.thefts === undefined ? undefined : new Thief(this);
    for (const theft of options.thefts ?? [])
      kernel.at(theft.atMs - kernel.nowMs, undefined, () => thief?.strike(theft));
    this.#run(2_500);
    for (const phone of this.phones.values()) phone.registration.set(true);
    for (const plan of options.calls) this.#planCall(plan, plan.startMs);
    for (const change of options.registrations)
      kernel.at(change.atMs - kernel.nowMs, undefined, () =>
        this.phones.get(change.phone)?.registration.set(change.bind, change.silently),
      );
    const faults = new Faults(this);
    for (const fault of options.faults) kernel.at(fault.atMs - kernel.nowMs, undefined, () => faults.begin(fault));
    for (const each of options.linkFaults)
      kernel.at(each.atMs - kernel.nowMs, undefined, () => this.links.strike(each));
    for (const each of options.lineFaults)
      kernel.at(each.atMs - kernel.nowMs, undefined, () => faults.strikeLine(each));
    this.#run(this.healedAtMs);
    faults.healAll();
    this.#run(this.healedAtMs + this.phases.healedMs);
    for (const tell of this.audience.phase) tell('healed');
    this.#probe();
    this.#run(this.healedAtMs + this.phases.quietMs);
    for (const tell of this.audience.phase) tell('quiet');
    this.isQuiet = true;
    for (const phone of this.phones.values()) {
      phone.registration.set(false);
      for (const dialog of phone.dialogs()) dialog.bye();
    }
    this.#run(this.healedAtMs + this.phases.endMs);
    for (const tell of this.audience.phase) tell('end');
  }

  startNode(id: string): void {
    if (this.nodes.get(id)?.isAlive === true || this.resting.has(id)) return;
    const random = this.chance.stream(`machine ${id}`);
    const { clockPpm, dateErrorMs } = this.options;
    const rate = 1 + (random.between(-1, 1) * clockPpm) / 1e6;
    const clock = new SimClock(this.kernel, random.between(1_000, 100_000), rate, random.between(-1, 1) * dateErrorMs);
    this.nodes.set(id, new SimNode(this, id, ++this.#incarnations, clock));
  }

  /** A process ended by itself. Its supervisor sees to the lease and, unless it was drained, starts another. */
  exited(node: SimNode, reason: string): void {
    node.end(reason === 'drained' ? 'drained' : reason === 'superseded' ? 'superseded' : 'dead');
    this.store.releaseDead(node.id, node.incarnation);
    if (reason !== 'drained') this.kernel.at(300, undefined, () => this.startNode(node.id));
  }

  get probedAtMs(): number {
    return this.healedAtMs + this.phases.healedMs;
  }

  callWith(callId: string): CallRecord | undefined {
    return this.#callsById.get(callId);
  }

  tellCall(call: CallRecord, what: string): void {
    for (const tell of this.audience.callEvent) tell(call, what);
  }

  liveNodes(): SimNode[] {
    return [...this.nodes.values()].filter((node) => node.isAlive);
  }

  /** Whether nothing that was promised may be lost (sim/store/loss.ts). */
  get isStrict(): boolean {
    return !this.losses.mayLose;
  }

  get mayForget(): boolean {
    return this.losses.mayForget;
  }

  /** The first one counts. It is thrown too, but the server may catch that as it catches a mistake of its own. */
  fail(checker: string, invariant: number, message: string, callId = ''): never {
    const violation = new Violation(checker, invariant, message, callId);
    this.violation ??= violation;
    this.kernel.isHalted = true;
    throw violation;
  }

  /** Lets time pass. @throws the first violation. */
  #run(untilMs: number): void {
    this.kernel.run(untilMs);
    if (this.violation !== undefined) throw this.violation;
  }

  #addPhones(): void {
    const { options } = this;
    for (let user = 0; user < options.users; user++) {
      const name = `u${user}`;
      const password = `secret of ${name}`;
      this.store.putUser({
        aor: `sip:${name}@${this.domain}`,
        realm: this.domain,
        ha1Md5: ha1(name, this.domain, password, 'MD5'),
        ha1Sha256: ha1(name, this.domain, password, 'SHA-256'),
      });
      for (let device = 0; device < options.devices[user]!; device++) {
        const at = { address: `10.1.${user}.${device + 1}`, port: 5060 };
        const habits = options.habits.find((each) => each.phone === `${name}-${device}`);
        const phone = new Phone(this, name, device, at, options.expiresSeconds, habits, this.streams);
        this.phones.set(phone.name, phone);
      }
    }
  }

  #planCall(plan: CallPlan, atMs: number): CallRecord {
    const record = newCall(plan);
    this.calls.push(record);
    this.#callsById.set(plan.callId, record);
    this.kernel.at(atMs - this.kernel.nowMs, undefined, () => this.phones.get(plan.caller)?.call(record));
    return record;
  }

  /** After healing: every dialog that stands is asked from both ends, and new calls are made. */
  #probe(): void {
    // Before its ACK the caller may not have heard of the answer yet, and a request would overtake it.
    for (const phone of this.phones.values()) for (const dialog of phone.dialogs(true)) dialog.request('OPTIONS');
    const { users, devices, partitions } = this.options;
    // Some partitions in each world, in some worlds all.
    const random = this.chance.stream('probes');
    const isEverywhere = random.chance(1 / 32) && !hasNarrowLinks(this.options);
    // The cluster is judged, so nobody takes part whose own connection is slow, or perhaps gone without his knowing.
    const quick = Array.from({ length: users }, (_, user) => user).filter((user) => !this.#hasConnection(user));
    if (quick.length < 2) return;
    const count = isEverywhere ? partitions : Math.min(8, quick.length);
    for (let index = 0; index < count; index++) {
      const caller = quick[index % quick.length]!;
      const callee = quick[(index + 1) % quick.length]!;
      const startMs = this.kernel.nowMs + (isEverywhere ? index * 20 : 0);
      const callId = callIdIn(isEverywhere ? index : random.int(0, partitions - 1), partitions, index);
      const who = { callId, caller: `u${caller}-0`, callee: `u${callee}`, startMs };
      this.#planCall(probeCall(index, devices[callee]!, who), startMs);
    }
  }

  #hasConnection(user: number): boolean {
    return this.options.habits.some(({ phone, line }) => phone.startsWith(`u${user}-`) && line !== undefined);
  }
}

/** A Call-ID whose hash leads to a partition. */
function callIdIn(partition: number, partitions: number, index: number): string {
  for (let attempt = 0; ; attempt++) {
    const callId = `probe-${index}-${attempt}@sim`;
    if ((hash32(callId) & (partitions - 1)) === partition) return callId;
  }
}

function directNetwork({ kernel, chance, links, options }: World, plan: DirectPlan): DirectNetwork {
  return new DirectNetwork(kernel, chance.stream('direct'), links, options.threadMs, plan);
}
