/** The servers that are compared: Carillon as it is started, and Kamailio with the configuration in bench/kamailio. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ConfigInput } from '../../src/config/schema.ts';
import { costOf, run, stop, type Cost } from './process.ts';
import { startRedis } from './redis.ts';

export const domain = 'bench.test';
export const password = 'password';

export interface Server {
  readonly name: string;
  readonly port: number;
  /** Of the process that was started: a supervisor, for Carillon. */
  readonly pid: number;
  cost(): Cost;
  stop(): Promise<void>;
}

export interface ServerOptions {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
}

export interface CarillonOptions extends ServerOptions {
  readonly nodes: number;
  readonly workers: number;
  /** How long it may take to be ready; default half a minute. */
  readonly readyMs?: number;
  readonly config: Omit<Partial<ConfigInput>, 'cluster'> & { readonly cluster?: Partial<ConfigInput['cluster']> };
}

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export async function startCarillon(options: CarillonOptions): Promise<Server> {
  const { name, folder, port, nodes, workers, readyMs = defaultReadyMs } = options;
  mkdirSync(folder, { recursive: true });
  const { cluster, node, ...config } = options.config;
  const file = `${folder}/carillon.json`;
  const full: ConfigInput = {
    cluster: {
      name: 'bench',
      store: `sqlite:${folder}/carillon.db`,
      secret: 'only-for-benchmarks-on-loopback',
      ...cluster,
    },
    node: { link: `127.0.0.1:${port + 10}`, workers, ...node },
    listen: [`udp:127.0.0.1:${port}`],
    domains: [domain],
    authenticate: false,
    admin: { listen: `127.0.0.1:${port + 20}` },
    ...config,
  };
  writeFileSync(file, JSON.stringify(full, undefined, 2));
  const child = run(process.execPath, [main, 'cluster', '--nodes', String(nodes), '--config', file], {
    log: `${folder}/server.log`,
    cwd: folder,
  });
  for (let node = 0; node < nodes; node++)
    await ready(name, readyMs, async () => (await fetch(`http://127.0.0.1:${port + 20 + node}/readyz`)).ok);
  // Partitions that are still on their way would be measured too.
  await ready(name, readyMs, async () => {
    const view = (await (await fetch(`http://127.0.0.1:${port + 20}/v1/cluster`)).json()) as {
      moving: number;
      nodes: unknown[];
    };
    return view.moving === 0 && view.nodes.length === nodes;
  });
  return { name, port, pid: child.pid!, cost: () => costOf(child.pid!), stop: () => stop(child) };
}

/** With a Redis of its own as the store. What Redis uses is counted too, as SQLite's part is. */
export async function startCarillonOnRedis(options: CarillonOptions): Promise<Server> {
  const { folder, port, config } = options;
  mkdirSync(folder, { recursive: true });
  const redis = await startRedis(folder, port + 30);
  const { cluster } = config;
  const server = await startCarillon({ ...options, config: { ...config, cluster: { ...cluster, store: redis.url } } });
  return {
    ...server,
    cost: () => {
      const [ours, its] = [server.cost(), redis.cost()];
      return { cpuMs: ours.cpuMs + its.cpuMs, rssBytes: ours.rssBytes + its.rssBytes };
    },
    stop: async () => {
      await server.stop();
      await redis.stop();
    },
  };
}

/** @param defines names for the preprocessor of Kamailio, such as WITH_DIGEST */
export async function startKamailio(options: ServerOptions & { readonly defines: readonly string[] }): Promise<Server> {
  const { name, folder, port, defines } = options;
  mkdirSync(folder, { recursive: true });
  for (const file of ['common.cfg', 'call.cfg']) {
    const text = readFileSync(new URL(`../kamailio/${file}`, import.meta.url), 'utf8');
    writeFileSync(`${folder}/${file}`, text.replaceAll('BENCH_PORT', String(port)));
  }
  const args = [
    ...['-f', `${folder}/call.cfg`, '-DD', '-E', '-m', '4096', '-M', '16'],
    ...['-P', `${folder}/kamailio.pid`, '-Y', folder],
    ...defines.flatMap((define) => ['-A', define]),
  ];
  const child = run('kamailio', args, { log: `${folder}/server.log`, cwd: folder });
  await ready(name, defaultReadyMs, () => answers(port));
  return { name, port, pid: child.pid!, cost: () => costOf(child.pid!), stop: () => stop(child) };
}

const defaultReadyMs = 30_000;

async function ready(name: string, withinMs: number, isReady: () => Promise<boolean>): Promise<void> {
  for (const untilMs = performance.now() + withinMs; performance.now() < untilMs;) {
    if (await isReady().catch(() => false)) return;
    await sleep(100);
  }
  throw new Error(`${name} is not ready after ${withinMs / 1_000} s; see server.log in its folder`);
}

/** Any answer to an OPTIONS will do. */
async function answers(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  const heard = new Promise<boolean>((resolve) => {
    socket.once('message', () => resolve(true));
    setTimeout(() => resolve(false), 300);
  });
  socket.bind(0, '127.0.0.1', () => {
    const { port: own } = socket.address();
    const lines = [
      `OPTIONS sip:127.0.0.1:${port} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${own};branch=z9hG4bKbench${own};rport`,
      'From: <sip:bench@127.0.0.1>;tag=1',
      `To: <sip:127.0.0.1:${port}>`,
      `Call-ID: ready-${own}`,
      'CSeq: 1 OPTIONS',
      'Max-Forwards: 10',
      'Content-Length: 0',
    ];
    socket.send(`${lines.join('\r\n')}\r\n\r\n`, port, '127.0.0.1');
  });
  const result = await heard;
  socket.close();
  return result;
}
