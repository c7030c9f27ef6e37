/**
 * Nodes on hosts of their own: a process in each host's namespace, a Redis in another. A node that ends by itself is
 * started again, as a service manager does.
 */
import { writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ClusterView } from '../../../../src/admin/port.ts';
import type { ConfigInput } from '../../../../src/config/schema.ts';
import { isReady, readCluster } from '../admin.ts';
import type { Profile } from '../../../../src/limits.ts';
import { start, stop, until, type Child } from '../children.ts';
import { domain, type TestUser } from '../users.ts';
import { addressOf, anycastAddress, commandIn, hostName, storeAddress } from './namespaces.ts';

export interface HostClusterOptions {
  readonly folder: string;
  /** `own`: each host by its address; `anycast`: all at one address that all have. */
  readonly listen: 'own' | 'anycast';
  readonly users: readonly TestUser[];
  readonly authenticate: boolean;
  readonly zoneOf?: (host: number) => string;
  readonly profile?: Profile;
}

export const sipPort = 5060;
const token = 'only-for-tests-in-namespaces';
const main = fileURLToPath(new URL('../../../../src/main.ts', import.meta.url));
const partitions = 4_096;

export class HostCluster {
  readonly #options: HostClusterOptions;
  readonly #nodes = new Map<number, Child>();
  readonly #stopping = new Set<number>();
  readonly #store: Child;
  readonly #lives = new Map<number, number>();

  private constructor(options: HostClusterOptions, store: Child) {
    this.#options = options;
    this.#store = store;
  }

  /** With the store, and without nodes. */
  static async open(options: HostClusterOptions): Promise<HostCluster> {
    const { folder } = options;
    const words = ['--port', '6379', '--save', '', '--appendonly', 'yes', '--dir', folder, '--bind', storeAddress];
    const [command, args] = commandIn('store', 'redis-server', ...words, '--protected-mode', 'no');
    const store = start('redis', command, args, { log: `${folder}/redis.log`, cwd: folder });
    await until('Redis listens', 5_000, async () => (await accepts(storeAddress, 6_379)) || undefined);
    return new HostCluster(options, store);
  }

  startNode(host: number): void {
    const { folder, users, authenticate, listen, zoneOf, profile = 'default' } = this.#options;
    const address = addressOf(host);
    const config: ConfigInput = {
      cluster: {
        name: 'hosts',
        store: `redis://${storeAddress}:6379/0`,
        secret: 'only-for-tests-in-namespaces',
        profile,
      },
      node: { id: hostName(host), link: `${address}:7000`, ...(zoneOf && { zone: zoneOf(host) }) },
      listen: listen === 'own' ? [`udp:${address}:${sipPort}`] : [`udp:${anycastAddress}:${sipPort}?shared=yes`],
      domains: [domain],
      authenticate,
      users: users.map(({ aor, password }) => ({ aor, password })),
      admin: { listen: `${address}:8080`, token },
    };
    const file = `${folder}/${hostName(host)}.json`;
    writeFileSync(file, JSON.stringify(config));
    this.#stopping.delete(host);
    this.#run(host, file);
  }

  /** Signals to a node reach the process itself: `ip netns exec` becomes it. */
  pid(host: number): number {
    return this.#nodes.get(host)?.pid ?? -1;
  }

  /** Times that a node was started. */
  lives(host: number): number {
    return this.#lives.get(host) ?? 0;
  }

  admin(host: number): string {
    return `http://${addressOf(host)}:8080`;
  }

  /** What the first of these hosts that answers says. */
  async view(hosts: readonly number[]): Promise<ClusterView | undefined> {
    for (const host of hosts) {
      const view = await readCluster(this.admin(host), token);
      if (view !== undefined) return view;
    }
    return undefined;
  }

  /** These and no others are up, share the partitions evenly and nothing is moving. */
  async settled(hosts: readonly number[], timeoutMs: number): Promise<ClusterView> {
    return until(`hosts ${hosts.join(' ')} are settled`, timeoutMs, async () => {
      const view = await this.view(hosts);
      if (view === undefined || !isEven(view, hosts)) return undefined;
      const ready = await Promise.all(hosts.map(async (host) => isReady(this.admin(host))));
      return ready.every(Boolean) ? view : undefined;
    });
  }

  async drain(host: number): Promise<void> {
    this.#stopping.add(host);
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${this.admin(host)}/v1/nodes/${hostName(host)}/drain`, { method: 'POST', headers });
    if (!response.ok) throw new Error(`drain of ${hostName(host)}: ${response.status} ${await response.text()}`);
  }

  async stop(): Promise<void> {
    for (const host of this.#nodes.keys()) this.#stopping.add(host);
    await Promise.all([...this.#nodes.values()].map(async (node) => stop(node, 200)));
    await stop(this.#store, 1_000);
  }

  get token(): string {
    return token;
  }

  #run(host: number, file: string): void {
    const { folder } = this.#options;
    const [command, args] = commandIn(hostName(host), process.execPath, main, 'start', '--config', file);
    const node = start(hostName(host), command, args, { log: `${folder}/${hostName(host)}.log`, cwd: folder });
    this.#nodes.set(host, node);
    this.#lives.set(host, this.lives(host) + 1);
    void node.ended.then(async () => {
      if (this.#nodes.get(host) === node) this.#nodes.delete(host);
      if (this.#stopping.has(host)) return;
      await sleep(500);
      if (!this.#stopping.has(host)) this.#run(host, file);
    });
  }
}

function isEven(view: ClusterView, hosts: readonly number[]): boolean {
  const up = view.nodes.filter(({ status }) => status === 'up');
  const least = Math.floor(partitions / hosts.length);
  return (
    view.moving === 0 &&
    up.length === hosts.length &&
    up.every((node) => node.partitions === least || node.partitions === least + 1) &&
    hosts.every((host) => up.some(({ id }) => id === hostName(host)))
  );
}

async function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: 500 });
    const done = (is: boolean): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
    socket.once('timeout', () => done(false));
  });
}
