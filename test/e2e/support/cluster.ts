/**
 * A cluster of real processes: `carillon cluster` with its own folder and ports. Ports counted from `base`: SIP base,
 * links base + 10 ..., admin base + 20 ...; clients of the test may use base + 40 ... base + 99.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { ClusterView, NodeView } from '../../../src/admin/port.ts';
import type { ConfigInput } from '../../../src/config/schema.ts';
import { isReady, readCluster } from './admin.ts';
import { start, stop, until, type Child } from './children.ts';
import { domain, type TestUser } from './users.ts';

export interface ClusterOptions {
  readonly nodes: number;
  /** From `freeBase`. */
  readonly base: number;
  /** Folder of the test: configuration, data, logs. */
  readonly folder: string;
  readonly users: readonly TestUser[];
  readonly domains?: readonly string[];
  readonly workers?: number;
  readonly forward?: ConfigInput['cluster']['forward'];
  /** URL of the store; without it a SQLite file in the folder. */
  readonly store?: string;
  /** More of the configuration, or other than here. */
  readonly config?: Partial<ConfigInput>;
}

export interface Cluster {
  readonly sipPort: number;
  /** `http://127.0.0.1:PORT` of each node. */
  readonly admins: readonly string[];
  readonly linkPort: number;
  readonly supervisor: Child;
  /** Process id of each node now, by its name. */
  pids(): Map<string, number>;
  /** What a living node says of the cluster. */
  view(): Promise<ClusterView>;
  /** All nodes are up, share the partitions evenly, and nothing is moving. */
  settled(timeoutMs: number): Promise<ClusterView>;
  /** Drain, and kill what did not end. The exit code of the supervisor. */
  stop(): Promise<number>;
}

/** `preferred` or, where somebody else runs the same test just now, the hundred ports after it. @throws when both are taken */
export async function freeBase(preferred: number): Promise<number> {
  for (const base of [preferred, preferred + 100]) {
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(false));
      server.listen({ host: '127.0.0.1', port: base, exclusive: true }, () => server.close(() => resolve(true)));
    });
    if (isFree) return base;
  }
  throw new Error(`ports ${preferred} and ${preferred + 100} are taken`);
}

const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const partitions = 4_096;

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { base, nodes, folder } = options;
  mkdirSync(folder, { recursive: true });
  const name = `e2e-${base}-${process.pid}`;
  const config: ConfigInput = {
    cluster: {
      name,
      store: options.store ?? `sqlite:${folder}/carillon.db`,
      secret: 'only-for-tests-on-loopback',
      forward: options.forward,
    },
    node: { link: `127.0.0.1:${base + 10}`, workers: options.workers ?? 1 },
    listen: [`udp:127.0.0.1:${base}`, `tcp:127.0.0.1:${base}`],
    domains: [domain, '127.0.0.1', ...(options.domains ?? [])],
    users: options.users.map(({ aor, password }) => ({ aor, password })),
    admin: { listen: `127.0.0.1:${base + 20}` },
    ...options.config,
  };
  const file = `${folder}/carillon.json`;
  writeFileSync(file, JSON.stringify(config, null, 2));
  const supervisor = start('cluster', process.execPath, [main, 'cluster', '--nodes', String(nodes), '--config', file], {
    log: `${folder}/cluster.log`,
    cwd: folder,
  });
  const admins = Array.from({ length: nodes }, (_, index) => `http://127.0.0.1:${base + 20 + index}`);
  let code: number | undefined;
  void supervisor.ended.then((ended) => (code = ended));
  const cluster: Cluster = {
    sipPort: base,
    linkPort: base + 10,
    admins,
    supervisor,
    pids: () => pidsOf(supervisor.output()),
    view: async () => until('the cluster answers', 10_000, async () => firstView(admins, name)),
    settled: async (timeoutMs) =>
      until('the cluster is settled', timeoutMs, async () => {
        if (code !== undefined) throw new Error(`the cluster ended with ${code}`);
        const view = await firstView(admins, name);
        if (view === undefined || !isSettled(view, nodes)) return undefined;
        const ready = await Promise.all(admins.map(isReady));
        return ready.every(Boolean) ? view : undefined;
      }),
    stop: async () => {
      const last = await stop(supervisor, 15_000);
      // Nodes are process groups of their own: none may outlive its supervisor.
      for (const pid of cluster.pids().values()) killQuietly(pid);
      return last;
    },
  };
  process.on('exit', () => {
    for (const pid of cluster.pids().values()) killQuietly(pid);
  });
  try {
    await cluster.settled(60_000);
  } catch (error) {
    await cluster.stop();
    throw new Error(`${String(error)}\n${supervisor.output().slice(-1_000)}`, { cause: error });
  }
  return cluster;
}

export function nodeOf(view: ClusterView, id: string): NodeView {
  const node = view.nodes.find((one) => one.id === id);
  if (node === undefined) throw new Error(`there is no node ${id}`);
  return node;
}

/** Partitions of a node by the table. */
export function partitionsOf(view: ClusterView, id: string): number[] {
  const index = view.nodes.findIndex((one) => one.id === id);
  return view.owners.flatMap((owner, partition) => (owner === index ? [partition] : []));
}

function isSettled(view: ClusterView, nodes: number): boolean {
  const up = view.nodes.filter(({ status }) => status === 'up');
  const least = Math.floor(partitions / nodes);
  return (
    up.length === nodes &&
    view.moving === 0 &&
    up.every((node) => node.partitions === least || node.partitions === least + 1) &&
    up.reduce((sum, node) => sum + node.partitions, 0) === partitions
  );
}

async function firstView(admins: readonly string[], name: string): Promise<ClusterView | undefined> {
  for (const admin of admins) {
    const view = await readCluster(admin);
    // Another cluster at our ports is none of ours.
    if (view?.name === name) return view;
  }
  return undefined;
}

/** The supervisor says `node a started, process 123` at each life of a node. */
function pidsOf(output: string): Map<string, number> {
  const pids = new Map<string, number>();
  for (const [, id, pid] of output.matchAll(/node (\S+) started, process (\d+)/g)) pids.set(id ?? '', Number(pid));
  return pids;
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended: that is what is wanted.
  }
}
