/**
 * What one seed is made of, drawn from it (swarm testing: each world has some of everything and not all of it). The whole
 * is plain data, so that it can be printed, kept and made smaller.
 */
import type { GateClass } from '../cluster/buddy/replicator.ts';
import type { CallPlan, DevicePlan } from './phone/history.ts';
import { drawHabits, drawLineFaults } from './phone/habits.ts';
import type { Habits, LineFault } from './phone/habits.ts';
import type { LinkFault } from './links.ts';
import type { Spread, Weather } from './network.ts';
import type { StreamManners } from './stream.ts';
import { Chance } from './random.ts';
import type { limits, Profile } from '../src/limits.ts';
import type { Theft } from './thief.ts';
import type { Stream } from './random.ts';
import { mayLose } from './store/loss.ts';
import { drawTrunk, trunkSqueeze } from './trunk.ts';
import type { TrunkPlan } from './trunk.ts';
import { drawStore, drawStoreFaults, drawStoreKinds } from './store/plan.ts';

export const faultKinds = [
  'crash',
  'worker-crash',
  'pause',
  'drain',
  'cut',
  'one-way-cut',
  'store-down',
  'store-cut',
  'store-full',
  'store-slow',
  'weather',
  'clock',
  /** Cut off from the store and from one other node. */
  'isolate',
  /** Cut off from the store and from all other nodes. */
  'island',
  /** The master of a Redis is lost with what its replicas did not get; one of them takes over. A file: nothing. */
  'redis-failover',
  /** A Redis forgets everything under live members. A file: nothing. */
  'store-wiped',
  /** The disk answers commits with errors. */
  'store-eio',
  /** Somebody has the lock of the file, or keeps the Redis busy. */
  'store-hung',
] as const;
/** Drawn apart, so that the worlds of older seeds stay as they were. */
const newerKinds: readonly string[] = ['isolate', 'island'];
const storeKinds: readonly string[] = ['redis-failover', 'store-wiped', 'store-eio', 'store-hung'];
export type FaultKind = (typeof faultKinds)[number];

/** What the store of a world is. */
export interface StorePlan {
  readonly kind: 'sqlite' | 'redis';
  /** Of a Redis. */
  readonly replicas: number;
  readonly lagMs: readonly [number, number];
  /** To force a commit of SQLite to disk. */
  readonly forceMs: readonly [number, number];
}

export const plainStore: StorePlan = { kind: 'sqlite', replicas: 0, lagMs: [0.2, 2], forceMs: [1, 4] };

export interface DirectPlan {
  /** Share of datagrams between workers. */
  readonly loss: number;
  /** Share of copies for buddies and of their answers, of which as many come twice. */
  readonly copyLoss?: number;
}

export interface Fault {
  readonly atMs: number;
  readonly kind: FaultKind;
  readonly node: string;
  readonly other: string;
  readonly forMs: number;
  /** A crash whose supervisor releases the lease at once; else the machine is gone and the votes decide. */
  readonly released: boolean;
  readonly worker: number;
  readonly weather: Weather | undefined;
  /** Not at once but when the node next writes to the store: its write is then under way. */
  readonly onWrite: boolean;
  /** A failover of a Redis: what came in this time before it is lost. */
  readonly tailMs: number;
}

export interface RegistrationChange {
  readonly atMs: number;
  readonly phone: string;
  readonly bind: boolean;
  /** It refreshes nothing any more and does not say so either; only in scenarios. */
  readonly silently?: boolean;
}

export interface SimOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly workers: number;
  readonly partitions: number;
  /** One way between the threads of a process. */
  readonly threadMs: number;
  /** What packets wait for; undefined: the store. */
  readonly gate?: GateClass | undefined;
  /** Times of leases and votes; undefined: `default`. */
  readonly profile?: Profile | undefined;
  readonly linkMs: readonly [number, number];
  readonly storeMs: readonly [number, number];
  readonly store: StorePlan;
  readonly weather: Weather;
  readonly spread: Spread;
  readonly noAnswerMs: number;
  readonly expiresSeconds: number;
  /** Dates of the machines are wrong by up to so much until the store corrects them. */
  readonly dateErrorMs: number;
  readonly clockPpm: number;
  readonly users: number;
  /** Devices of each user. */
  readonly devices: readonly number[];
  readonly faultMs: number;
  readonly kinds: readonly FaultKind[];
  readonly faults: readonly Fault[];
  readonly calls: readonly CallPlan[];
  readonly registrations: readonly RegistrationChange[];
  /** Of the devices that are not plain. */
  readonly habits: readonly Habits[];
  readonly lineFaults: readonly LineFault[];
  /** How the links carry octets; undefined: they carry items. */
  readonly linkBytes: StreamManners | undefined;
  readonly linkFaults: readonly LinkFault[];
  /** Workers send packets to one another as datagrams; undefined: by the main threads. */
  readonly direct?: DirectPlan | undefined;
  /** By somebody who hears everything; only in scenarios. */
  readonly thefts?: readonly Theft[];
  /** Some calls go by a trunk of few places; undefined: nobody counts. */
  readonly trunk?: TrunkPlan | undefined;
  /** Limits of production (src/limits.ts) that are lower in this world. */
  readonly squeeze?: Readonly<Partial<Record<keyof typeof limits, number>>> | undefined;
  /** Others than those of all worlds, where the calls are such that they suffice. */
  readonly phases?: Phases;
  /** Checkers that look at a part of what happens look at all of it: slower. */
  readonly looksAtAll?: boolean;
}

/** Times from the end of the faults. */
export interface Phases {
  /** Everything served again, links up: from here on phones must not notice anything. */
  readonly healedMs: number;
  /** Phones hang up and unregister. */
  readonly quietMs: number;
  /** Whatever still remembers anything then has a leak. */
  readonly endMs: number;
}

export const phases: Phases = { healedMs: 8_000, quietMs: 14_000, endMs: 14_000 + 32_000 + 32_000 + 8_000 };

export interface SimWishes {
  readonly nodes?: number | undefined;
  readonly faultSeconds?: number | undefined;
  readonly kinds?: readonly FaultKind[] | undefined;
  readonly gate?: GateClass | undefined;
  /** Links of octets that break, if there are two nodes. */
  readonly linkOctets?: boolean | undefined;
  readonly trunk?: boolean | undefined;
  readonly direct?: boolean | undefined;
}

/** Phones are registered and the nodes ready before the first fault and the first call. */
export const warmUpMs = 4_000;

export function draw(seed: number, wishes: SimWishes = {}): SimOptions {
  const random = new Chance(seed).stream('options');
  const newer = new Chance(seed).stream('newer options');
  const nodes = wishes.nodes ?? random.pick([1, 2, 3, 3, 3, 4, 5]);
  const kinds = wishes.kinds ?? [
    ...faultKinds.filter((kind) => !newerKinds.includes(kind) && !storeKinds.includes(kind) && random.chance(0.35)),
    ...faultKinds.filter((kind) => newerKinds.includes(kind) && newer.chance(0.2)),
  ];
  const ofStore = new Chance(seed).stream('store plan');
  const store = drawStore(ofStore, kinds);
  const storeFaultKinds = wishes.kinds?.filter((kind) => storeKinds.includes(kind)) ?? drawStoreKinds(ofStore, store);
  const otherKinds = kinds.filter((kind) => !storeKinds.includes(kind));
  const users = random.int(6, 16);
  const faultMs = (wishes.faultSeconds ?? random.pick([20, 30, 30, 45])) * 1_000;
  const devices = Array.from({ length: users }, () => (random.chance(0.25) ? 2 : 1));
  const base = {
    seed,
    nodes,
    workers: random.int(1, 3),
    profile: new Chance(seed).stream('profile').chance(0.15) ? ('fast' as const) : undefined,
    gate:
      wishes.gate ??
      new Chance(seed).stream('gate').pick<GateClass>(['store', 'store', 'buddy', 'buddy', 'buddy', 'buddy', 'off']),
    partitions: random.pick([16, 64, 64, 256]),
    threadMs: random.pick([0.01, 0.05, 0.3]),
    linkMs: random.pick<[number, number]>([
      [0.05, 0.2],
      [0.2, 3],
      [1, 40],
    ]),
    storeMs: random.pick<[number, number]>([
      [0.1, 1],
      [0.5, 6],
      [1, 40],
    ]),
    weather: calm(random),
    spread: random.pick<Spread>(['hash', 'random']),
    noAnswerMs: random.pick([8_000, 15_000]),
    expiresSeconds: random.pick([20, 60, 600]),
    dateErrorMs: random.chance(0.5) ? random.pick([2_000, 300_000]) : 0,
    clockPpm: random.chance(0.5) ? 500 : 0,
    users,
    devices,
    faultMs,
    kinds: [...otherKinds, ...storeFaultKinds],
    store,
  };
  const names = Array.from({ length: nodes }, (_, index) => nodeName(index));
  const trunk = drawTrunk(seed, users, wishes.trunk === true);
  const direct = drawDirect(new Chance(seed).stream('direct'), wishes.direct === true);
  const habits = drawHabits(new Chance(seed), devices);
  const calls = drawCalls(new Chance(seed).stream('calls'), base.users, base.devices, faultMs);
  const faults = [
    ...drawFaults(new Chance(seed).stream('faults'), newer, otherKinds, nodes, base.workers, faultMs),
    ...drawStoreFaults(new Chance(seed).stream('store faults'), storeFaultKinds, names, warmUpMs, faultMs),
  ].sort((a, b) => a.atMs - b.atMs);
  return {
    ...base,
    calls,
    faults: new Chance(seed).stream('budget').chance(0.6) ? bearable(faults, base) : faults,
    registrations: drawRegistrations(new Chance(seed).stream('registrations'), base.devices, faultMs),
    ...(trunk !== undefined && { trunk, squeeze: trunkSqueeze }),
    ...(direct !== undefined && { direct }),
    habits,
    lineFaults: drawLineFaults(new Chance(seed), habits, warmUpMs, warmUpMs + faultMs),
    ...drawLinks(new Chance(seed).stream('link octets'), nodes, faultMs, wishes.linkOctets === true),
  };
}

/** The faults after each of which nothing may be lost: those are left out that would be too much with the ones before. */
function bearable(faults: readonly Fault[], world: Pick<SimOptions, 'store' | 'gate' | 'nodes' | 'profile'>): Fault[] {
  const kept: Fault[] = [];
  for (const fault of faults) if (!mayLose({ ...world, faults: [...kept, fault] })) kept.push(fault);
  return kept;
}

function calm(random: Stream): Weather {
  const latencyMs = random.pick<[number, number]>([
    [0.2, 1],
    [1, 20],
    [10, 80],
  ]);
  return {
    latencyMs,
    loss: random.pick([0, 0, 0.01, 0.05]),
    duplicates: random.pick([0, 0, 0.02]),
    reorder: random.pick([0, 0, 0.05]),
    reorderMs: 200,
  };
}

function drawCalls(random: Stream, users: number, devices: readonly number[], faultMs: number): CallPlan[] {
  const calls: CallPlan[] = [];
  const count = random.int(25, 70);
  for (let number = 0; number < count; number++) {
    const caller = random.int(0, users - 1);
    const callee = (caller + random.int(1, users - 1)) % users;
    calls.push({
      number,
      callId: `${number}-${random.u32().toString(36)}${random.u32().toString(36)}@sim`,
      caller: `u${caller}-0`,
      callee: `u${callee}`,
      startMs: warmUpMs + random.between(0, faultMs),
      devices: Array.from({ length: devices[callee]! }, () => drawDevice(random)),
      cancelAfterMs: random.chance(0.25) ? random.between(0, 6_000) : undefined,
      talkMs: random.pick([10, 500, 5_000, 20_000, 20_000, 45_000]),
      hangup: random.pick(['caller', 'callee', 'both']),
      reinvite: random.chance(0.2)
        ? { afterMs: random.between(10, 15_000), by: random.pick(['caller', 'callee']) }
        : undefined,
      infoEveryMs: random.chance(0.2) ? random.between(1_500, 5_000) : undefined,
    });
  }
  return calls.sort((a, b) => a.startMs - b.startMs);
}

function drawDevice(random: Stream): DevicePlan {
  return {
    ringAfterMs: random.pick([0, 20, 300, 2_000]),
    does: random.pick(['answer', 'answer', 'answer', 'reject', 'ring']),
    status: random.pick([486, 480, 603, 404]),
    afterMs: random.pick([0, 50, 1_000, 3_000, 6_000]),
  };
}

function drawFaults(
  random: Stream,
  newer: Stream,
  kinds: readonly FaultKind[],
  nodes: number,
  workers: number,
  faultMs: number,
): Fault[] {
  const faults: Fault[] = [];
  if (kinds.length === 0) return faults;
  // Most worlds have some faults, some have one after the other.
  const perMs = random.chance(0.3) ? 1_200 : 5_000;
  const count = random.int(1, Math.max(1, Math.round(faultMs / perMs)));
  for (let index = 0; index < count; index++) {
    const node = random.int(0, nodes - 1);
    const kind = random.pick(kinds);
    faults.push({
      atMs: warmUpMs + random.between(500, faultMs - 500),
      kind,
      node: nodeName(node),
      other: nodeName((node + random.int(1, Math.max(1, nodes - 1))) % nodes),
      forMs: random.pick([30, 400, 2_000, 5_000, 9_000]),
      released: random.chance(0.6),
      worker: random.int(0, workers - 1),
      onWrite: (kind === 'pause' || kind === 'crash') && newer.chance(0.5),
      tailMs: 0,
      weather:
        kind === 'weather'
          ? {
              latencyMs: random.pick<[number, number]>([
                [1, 20],
                [50, 400],
              ]),
              loss: random.pick([0, 0.1]),
              duplicates: random.pick([0, 0.1]),
              reorder: random.pick([0, 0.2]),
              reorderMs: 600,
            }
          : undefined,
    });
  }
  return faults;
}

/** In one of five worlds the links run the protocol; their connections break, also many times in a row. */
function drawLinks(
  random: Stream,
  nodes: number,
  faultMs: number,
  wished: boolean,
): Pick<SimOptions, 'linkBytes' | 'linkFaults'> {
  if (nodes < 2 || !(random.chance(0.2) || wished)) return { linkBytes: undefined, linkFaults: [] };
  const linkBytes: StreamManners = {
    grain: random.pick(['whole', 'pieces', 'octets']),
    readsWithinMs: random.pick([0, 0, 10]),
    windowBytes: random.pick([65_536, 65_536, 2_000]),
  };
  const linkFaults: LinkFault[] = [];
  for (let count = random.int(0, 5); count > 0; count--) {
    const from = random.int(0, nodes - 1);
    const to = (from + random.int(1, nodes - 1)) % nodes;
    const kind = random.pick<LinkFault['kind']>(['reset', 'reset', 'silent']);
    let atMs = warmUpMs + random.between(0, faultMs);
    for (let times = kind === 'reset' ? random.pick([1, 1, 30]) : 1; times > 0; times--) {
      linkFaults.push({ atMs, from: nodeName(from), to: nodeName(to), kind });
      atMs += random.between(1, 120);
    }
  }
  return { linkBytes, linkFaults: linkFaults.sort((a, b) => a.atMs - b.atMs) };
}

/** In one of four worlds. Copies get lost in some of those, all else only where it is wished for, as on a bad network between the nodes. */
function drawDirect(random: Stream, wished: boolean): DirectPlan | undefined {
  if (!random.chance(0.25) && !wished) return undefined;
  return { loss: wished ? random.pick([0, 0, 0.01]) : 0, copyLoss: random.pick([0, 0.02, 0.3]) };
}

function drawRegistrations(random: Stream, devices: readonly number[], faultMs: number): RegistrationChange[] {
  const changes: RegistrationChange[] = [];
  for (const [user, count] of devices.entries()) {
    for (let device = 0; device < count; device++) {
      if (!random.chance(0.25)) continue;
      // Goes away for a while and comes back.
      const awayMs = warmUpMs + random.between(0, faultMs * 0.7);
      const phone = `u${user}-${device}`;
      changes.push({ atMs: awayMs, phone, bind: false });
      changes.push({ atMs: awayMs + random.between(100, faultMs * 0.3), phone, bind: true });
    }
  }
  return changes.sort((a, b) => a.atMs - b.atMs);
}

export function nodeName(index: number): string {
  return String.fromCharCode(97 + index);
}

/** The links carry a few messages at a time over a way that takes long: less than fifty calls a second. */
export function hasNarrowLinks({ linkBytes, linkMs }: Pick<SimOptions, 'linkBytes' | 'linkMs'>): boolean {
  return linkBytes !== undefined && linkBytes.windowBytes < 10_000 && linkMs[1] + linkBytes.readsWithinMs > 10;
}

/** What workers send each other may get lost in the best of health. */
export function mayLoseInside({ direct }: Pick<SimOptions, 'direct'>): boolean {
  return direct !== undefined && direct.loss > 0;
}
