/**
 * Redis as it is run by people: one server; a master with a replica and three Sentinels; a Cluster of three masters with a
 * replica each. Real processes on loopback, and what befalls them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, RedisServer } from '../../cluster/stores/redis-server.ts';
import { until } from './children.ts';

export type TopologyKind = 'one' | 'sentinel' | 'cluster';

/** How soon Sentinels and Cluster take a silent master for dead. */
const downAfterMs = 1_500;
const masterName = 'sip';
const slots = 16_384;

export class RedisTopology {
  readonly kind: TopologyKind;
  readonly url: string;
  /** Servers that hold data. */
  readonly servers: readonly RedisServer[];
  readonly #watchers: readonly RedisServer[];

  private constructor(kind: TopologyKind, url: string, servers: RedisServer[], watchers: RedisServer[]) {
    this.kind = kind;
    this.url = url;
    this.servers = servers;
    this.#watchers = watchers;
  }

  static async start(kind: TopologyKind, folder: string): Promise<RedisTopology> {
    const started: RedisServer[] = [];
    const server = async (name: string, ...settings: string[]): Promise<RedisServer> => {
      const path = join(folder, name);
      mkdirSync(path);
      const one = new RedisServer(await freePort(), path, settings);
      started.push(one);
      return one.start();
    };
    try {
      if (kind === 'one') {
        const one = await server('redis', '--appendonly', 'yes');
        return new RedisTopology(kind, one.url, [one], []);
      }
      return kind === 'sentinel' ? await withSentinels(server) : await withSlots(server);
    } catch (error) {
      for (const one of started) await one.kill();
      throw error;
    }
  }

  static of(kind: TopologyKind, url: string, servers: RedisServer[], watchers: RedisServer[] = []): RedisTopology {
    return new RedisTopology(kind, url, servers, watchers);
  }

  /** The server that takes writes of this key now. */
  async masterOf(key: string): Promise<RedisServer> {
    const slot =
      this.kind === 'cluster' ? Number(await this.#living().then((one) => one.ask('CLUSTER', 'KEYSLOT', key))) : 0;
    return until(`a master of ${key}`, 20_000, async () => {
      for (const one of this.servers)
        if ((await roleOf(one)) === 'master' && (this.kind !== 'cluster' || (await has(one, slot)))) return one;
      return undefined;
    });
  }

  async ask(key: string, command: string, ...words: (string | number)[]): Promise<unknown> {
    return (await this.masterOf(key)).ask(command, key, ...words);
  }

  async onAll(command: string): Promise<void> {
    for (const one of this.servers) if ((await roleOf(one)) === 'master') await one.ask(command);
  }

  /** From now on the replicas of the master get nothing of what it does. */
  async stallReplicas(master: RedisServer): Promise<void> {
    for (const one of this.servers) if (one !== master) await one.ask('CONFIG', 'SET', 'masterauth', 'wrong');
    await master.ask('CLIENT', 'KILL', 'TYPE', 'replica');
  }

  async stop(): Promise<void> {
    for (const one of [...this.#watchers, ...this.servers]) {
      one.signal('SIGCONT');
      await one.kill();
    }
  }

  async #living(): Promise<RedisServer> {
    for (const one of this.servers) if ((await roleOf(one)) !== '') return one;
    throw new Error('no server lives');
  }
}

type StartServer = (name: string, ...settings: string[]) => Promise<RedisServer>;

async function withSentinels(server: StartServer): Promise<RedisTopology> {
  const master = await server('master', '--repl-diskless-sync-delay', '0');
  const replica = await server('replica', '--replicaof', `127.0.0.1 ${master.port}`);
  const sentinels: RedisServer[] = [];
  for (const name of ['one', 'two', 'three']) {
    const port = await freePort();
    const path = join(master.folder, '..', `sentinel-${name}`);
    mkdirSync(path);
    const file = join(path, 'sentinel.conf');
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${path}`,
      `sentinel monitor ${masterName} 127.0.0.1 ${master.port} 2`,
      `sentinel down-after-milliseconds ${masterName} ${downAfterMs}`,
      `sentinel failover-timeout ${masterName} 6000`,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    sentinels.push(await new RedisServer(port, path, [file, '--sentinel']).start());
  }
  for (const sentinel of sentinels) {
    await until('the Sentinels know each other and the replica', 30_000, async () => {
      const [known, others] = [
        JSON.stringify(await sentinel.ask('SENTINEL', 'replicas', masterName)),
        (await sentinel.ask('SENTINEL', 'sentinels', masterName)) as unknown[],
      ];
      return (known.includes(`${replica.port}`) && others.length === 2) || undefined;
    });
  }
  await until('the replica has everything', 15_000, async () =>
    String(await replica.ask('INFO', 'replication')).includes('master_link_status:up') ? true : undefined,
  );
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
  return RedisTopology.of('sentinel', `redis+sentinel://${hosts}/${masterName}`, [master, replica], sentinels);
}

async function withSlots(server: StartServer): Promise<RedisTopology> {
  const servers: RedisServer[] = [];
  for (let index = 0; index < 6; index += 1) {
    const timeout = ['--cluster-node-timeout', `${downAfterMs}`, '--cluster-replica-validity-factor', '0'];
    const enabled = ['--cluster-enabled', 'yes', '--cluster-port', `${await freePort()}`];
    servers.push(await server(`redis-${index}`, ...enabled, ...timeout, '--repl-diskless-sync-delay', '0'));
  }
  const [first] = servers;
  if (first === undefined) throw new Error('no servers');
  const masters = servers.slice(0, 3);
  for (const [index, master] of masters.entries()) {
    const from = Math.ceil((index * slots) / 3);
    await master.ask('CLUSTER', 'ADDSLOTSRANGE', from, Math.ceil(((index + 1) * slots) / 3) - 1);
    await master.ask('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
  }
  for (const other of servers.slice(1)) {
    const bus = /cluster-port (\d+)/.exec(other.settings)?.[1] ?? '';
    await first.ask('CLUSTER', 'MEET', '127.0.0.1', other.port, bus);
  }
  const isWhole = async (): Promise<true | undefined> => {
    for (const one of servers) {
      const told = String(await one.ask('CLUSTER', 'INFO'));
      if (!told.includes('cluster_state:ok') || !told.includes('cluster_known_nodes:6')) return undefined;
    }
    return true;
  };
  await until('the Cluster knows all its servers', 30_000, isWhole);
  for (const [index, replica] of servers.slice(3).entries()) {
    const master = String(await masters[index]?.ask('CLUSTER', 'MYID'));
    await until('a replica has its master', 10_000, async () =>
      (await replica.ask('CLUSTER', 'REPLICATE', master).catch(() => '')) === 'OK' ? true : undefined,
    );
  }
  for (const replica of servers.slice(3))
    await until('the replicas have everything', 15_000, async () =>
      String(await replica.ask('INFO', 'replication')).includes('master_link_status:up') ? true : undefined,
    );
  const hosts = servers.map(({ port }) => `127.0.0.1:${port}`).join(',');
  return RedisTopology.of('cluster', `redis+cluster://${hosts}`, servers);
}

async function roleOf(server: RedisServer): Promise<string> {
  try {
    return /role:(\w+)/.exec(String(await server.ask('INFO', 'replication')))?.[1] ?? '';
  } catch {
    return '';
  }
}

async function has(server: RedisServer, slot: number): Promise<boolean> {
  for (const line of String(await server.ask('CLUSTER', 'NODES')).split('\n')) {
    if (!line.includes('myself')) continue;
    for (const range of line.split(' ').slice(8)) {
      const [from = -1, to = from] = range.split('-').map(Number);
      if (slot >= from && slot <= to) return true;
    }
  }
  return false;
}
