/** What is measured: for each case the servers that are compared, the load, and how much of it. */
import type { ConfigInput } from '../src/config/schema.ts';
import type { Load } from './support/load.ts';
import { domain, password, startCarillon, startCarillonOnRedis, startKamailio, type Server } from './support/server.ts';

export interface Contender {
  readonly name: string;
  /** Its CPU is what the others are divided by. */
  readonly isReference?: boolean;
  start(folder: string, port: number): Promise<Server>;
}

interface Compared {
  readonly name: string;
  readonly about: string;
  readonly contenders: readonly Contender[];
}

/** What many registrations or held calls need, on servers that are started for each round. */
export interface MemoryCase extends Compared {
  readonly kind: 'memory';
  readonly of: 'registrations' | 'calls';
  readonly count: number;
}

/** Server CPU while SIPp drives it. */
export interface LoadCase extends Compared {
  readonly kind: 'load';
  readonly scenario: Load['scenario'];
  readonly users: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly talkMs: number;
}

/** Calls at a part of the highest rate for some time. */
export interface SteadyCase extends Compared {
  readonly kind: 'steady';
  readonly part: number;
  readonly seconds: number;
}

/** The highest rate of calls. */
export interface RateCase extends Compared {
  readonly kind: 'rate';
  /** Part of a core that each worker thread gets, where the machine can be told. */
  readonly workerShare: number;
}

/** TCP connections that phones keep. */
export interface ConnectionsCase extends Compared {
  readonly kind: 'connections';
  readonly count: number;
}

/** Nodes that are killed. */
export interface FailoverCase extends Compared {
  readonly kind: 'failover';
}

/** Very many registrations in a store. */
export interface MillionsCase {
  readonly kind: 'millions';
  readonly name: string;
  readonly about: string;
  readonly count: number;
  readonly workers: number;
  readonly stores: readonly ('SQLite' | 'Redis')[];
  readonly lookUps: { readonly perSecond: number; readonly seconds: number };
}

/** Those whose results are figures instead of ratios. */
export type FigureCase = SteadyCase | RateCase | ConnectionsCase | FailoverCase | MillionsCase;

export type Case = LoadCase | MemoryCase | FigureCase;

type CarillonConfig = Parameters<typeof startCarillon>[0]['config'];

const users = 1_000;

function kamailio(...defines: string[]): Contender {
  return {
    name: 'kamailio',
    isReference: true,
    start: (folder, port) => startKamailio({ name: 'kamailio', folder, port, defines }),
  };
}

function carillon(name: string, nodes: number, config: CarillonConfig, workers = 1): Contender {
  return { name, start: (folder, port) => startCarillon({ name, folder, port, nodes, workers, config }) };
}

function onRedis(name: string, nodes: number, config: CarillonConfig): Contender {
  return {
    name,
    start: (folder, port) => startCarillonOnRedis({ name, folder, port, nodes, workers: 1, config }),
  };
}

function gate(kind: NonNullable<ConfigInput['cluster']['gate']>): CarillonConfig {
  return { cluster: { gate: kind } };
}

/** Packets go through the main threads, as they do where links are encrypted. */
function byLinks(kind: NonNullable<ConfigInput['cluster']['gate']>): CarillonConfig {
  return { cluster: { gate: kind, forward: 'links' } };
}

function overTcp(): Contender {
  return {
    name: 'carillon',
    start: (folder, port) =>
      startCarillon({
        name: 'carillon',
        folder,
        port,
        nodes: 1,
        workers: 1,
        config: { listen: [`tcp:127.0.0.1:${port}`] },
      }),
  };
}

/** The load of every case of calls, so that their figures can be compared. */
const calls = { kind: 'load', scenario: 'caller', users, perSecond: 300, seconds: 15, talkMs: 500 } as const;

/** Kamailio keeps them in memory alone, as `gate: off` does for a moment; by default ours are in the store before the 200. */
const registrations = {
  kind: 'load',
  scenario: 'register',
  users,
  seconds: 10,
  talkMs: 0,
  contenders: [kamailio(), carillon('carillon', 1, {}), carillon('gate off', 1, gate('off'))],
} as const;

export const cases: readonly Case[] = [
  {
    name: 'register',
    about: 'REGISTER without credentials, refreshes of the same users',
    ...registrations,
    perSecond: 1_000,
  },
  {
    name: 'register-busy',
    about: 'the same, 3,000 a second',
    ...registrations,
    perSecond: 3_000,
  },
  {
    name: 'register-full',
    about: 'the same, 6,000 a second: near what SIPp can say on two cores',
    ...registrations,
    perSecond: 6_000,
  },
  {
    name: 'register-digest',
    about: 'REGISTER, 401, REGISTER with credentials',
    kind: 'load',
    scenario: 'register-digest',
    users,
    perSecond: 500,
    seconds: 10,
    talkMs: 0,
    contenders: [
      kamailio('WITH_DIGEST'),
      carillon('carillon', 1, {
        authenticate: true,
        users: Array.from({ length: users }, (_, index) => ({ aor: `sip:u${index}@${domain}`, password })),
      }),
    ],
  },
  {
    name: 'call',
    about: 'INVITE 100 180 200 ACK BYE 200 through location look-up and Record-Route, one process, gates open',
    ...calls,
    contenders: [kamailio(), carillon('carillon', 1, gate('off'))],
  },
  {
    name: 'call-busy',
    about: 'the same, 600 a second',
    ...calls,
    perSecond: 600,
    contenders: [kamailio(), carillon('carillon', 1, gate('off'))],
  },
  {
    name: 'call-full',
    about: 'the same, 900 a second: near the highest rate on two cores',
    ...calls,
    perSecond: 900,
    contenders: [kamailio(), carillon('carillon', 1, gate('off'))],
  },
  {
    name: 'call-dialog',
    about: 'the same, dialog-aware; two nodes, nothing leaves before both have it',
    ...calls,
    contenders: [kamailio('WITH_DIALOG'), carillon('carillon', 2, gate('buddy'))],
  },
  {
    name: 'call-dialog-busy',
    about: 'the same, 600 a second',
    ...calls,
    perSecond: 600,
    contenders: [kamailio('WITH_DIALOG'), carillon('carillon', 2, gate('buddy'))],
  },
  {
    name: 'gate',
    about: 'what high availability costs: the same calls on two nodes with each gate',
    ...calls,
    contenders: [
      { ...carillon('off', 2, gate('off')), isReference: true },
      carillon('buddy', 2, gate('buddy')),
      carillon('store', 2, gate('store')),
      onRedis('off, Redis', 2, gate('off')),
      onRedis('buddy, Redis', 2, gate('buddy')),
      carillon('off, links', 2, byLinks('off')),
      carillon('buddy, links', 2, byLinks('buddy')),
    ],
  },
  {
    name: 'datagrams',
    about: 'what the addon for datagrams brings: calls on one node, by the sockets of Node and natively',
    ...calls,
    contenders: [
      kamailio(),
      carillon('node sockets', 1, { ...gate('off'), node: { datagrams: 'node' } }),
      carillon('native', 1, { ...gate('off'), node: { datagrams: 'native' } }),
    ],
  },
  {
    name: 'scale',
    about: 'the same calls on one, two and three nodes; packets reach any node',
    ...calls,
    contenders: [
      { ...carillon('1 node', 1, gate('off')), isReference: true },
      carillon('2 nodes', 2, gate('off')),
      carillon('3 nodes', 3, gate('off')),
      carillon('2 workers', 1, gate('off'), 2),
      carillon('2 nodes, links', 2, byLinks('off')),
      carillon('3 nodes, links', 3, byLinks('off')),
      carillon('2 workers, links', 1, byLinks('off'), 2),
    ],
  },
  {
    kind: 'memory',
    name: 'memory-registrations',
    about: 'resident memory per registered user',
    of: 'registrations',
    count: 1_000_000,
    contenders: [kamailio(), carillon('carillon', 1, {})],
  },
  {
    kind: 'memory',
    name: 'memory-calls',
    about: 'resident memory per held call, dialog-aware',
    of: 'calls',
    count: 200_000,
    contenders: [kamailio('WITH_DIALOG'), carillon('carillon', 1, {})],
  },
  {
    kind: 'steady',
    name: 'latency',
    about: 'INVITE in to INVITE out at half of the highest rate; event loops meanwhile',
    part: 0.5,
    seconds: 60,
    contenders: [
      carillon('1 node, gate off', 1, gate('off')),
      carillon('1 node, gate store', 1, gate('store')),
      carillon('2 nodes, gate buddy', 2, gate('buddy')),
    ],
  },
  {
    kind: 'steady',
    name: 'soak',
    about: 'ten minutes at half of the highest rate: pauses, and how the memory goes',
    part: 0.5,
    seconds: 600,
    contenders: [carillon('1 node, gate off', 1, gate('off'))],
  },
  {
    kind: 'rate',
    name: 'scale-workers',
    about: 'the highest rate of calls by workers, each held to a fifth of a core so that the generator has the others',
    workerShare: 0.2,
    contenders: [
      carillon('1 worker', 1, gate('off')),
      carillon('2 workers', 1, gate('off'), 2),
      carillon('2 workers, links', 1, byLinks('off'), 2),
    ],
  },
  {
    kind: 'connections',
    name: 'connections',
    about: 'resident memory for each TCP connection that a phone registered over and keeps',
    count: 15_000,
    contenders: [overTcp()],
  },
  {
    kind: 'failover',
    name: 'failover',
    about: 'time without an answer after a node was killed (SIGKILL)',
    contenders: [carillon('2 nodes, gate buddy', 2, gate('buddy')), carillon('2 nodes, gate store', 2, gate('store'))],
  },
  {
    kind: 'millions',
    name: 'registrations-5m',
    about: '5,000,000 registrations on one machine: start, memory, look-up, expiry',
    count: 5_000_000,
    workers: 2,
    stores: ['SQLite', 'Redis'],
    lookUps: { perSecond: 100, seconds: 60 },
  },
];
