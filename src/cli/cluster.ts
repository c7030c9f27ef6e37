/** `carillon cluster`: several nodes on this machine under one supervisor. */
import { fileURLToPath } from 'node:url';
import { StoreClient } from '../../cluster/stores/client.ts';
import { startStoreThread } from '../../cluster/stores/spawn.ts';
import type { StoreThread } from '../../cluster/stores/spawn.ts';
import { formatHostPort } from '../config/address.ts';
import type { Config } from '../config/config.ts';
import type { LogLevel } from '../outside.ts';
import { checkAddresses } from './addresses.ts';
import { supervisedFlag } from './child-protocol.ts';
import { demoText } from './demo.ts';
import { memberConfigs } from './members.ts';
import { Supervisor } from './supervisor.ts';

/** Runs until all nodes have ended; the exit code. @throws before the first node starts when one could not */
export async function runCluster(config: Config, nodes: number, isDemo: boolean, logLevel: LogLevel): Promise<number> {
  const configs = memberConfigs(config, nodes);
  await checkAddresses(configs);
  const thread = await openThread(config.cluster.store);
  const store = new StoreClient(thread.connect());
  const waiting = new Set(configs.map(({ node }) => node.id));
  const main = fileURLToPath(new URL('../main.ts', import.meta.url));
  const supervisor = new Supervisor(configs, {
    command: [process.execPath, main, 'start', supervisedFlag],
    release: (id, incarnation) =>
      new Promise((resolve, reject) => {
        store.release(id, incarnation, (error, _isDone) => (error === undefined ? resolve() : reject(error)));
      }),
    logLevel,
    print: (line) => console.log(line),
    onReady: (id) => {
      if (waiting.delete(id) && waiting.size === 0) void announce(configs, supervisor, isDemo);
    },
  });
  process.on('SIGTERM', () => supervisor.stop('SIGTERM'));
  process.on('SIGINT', () => supervisor.stop('SIGINT'));
  const code = await supervisor.ended;
  await new Promise<void>((resolve) => thread.close(resolve));
  return code;
}

/** The supervisor asks the store for nothing but releases. @throws StoreError when the store cannot be opened */
function openThread(url: string): Promise<StoreThread> {
  return new Promise((resolve, reject) => {
    startStoreThread({ url }, (error, thread) => (error === undefined ? resolve(thread) : reject(error)));
  });
}

/** The nodes said ready; what counts is that each answers so to anybody who asks. */
async function announce(configs: readonly Config[], supervisor: Supervisor, isDemo: boolean): Promise<void> {
  for (const { admin, node } of configs) {
    const url = `http://${formatHostPort(admin.listen)}/readyz`;
    if (!(await answersReady(url))) return console.log(`node ${node.id} does not answer 200 on ${url}`);
  }
  if (isDemo) console.log(demoText(configs, supervisor.pids()));
  else console.log(`all ${configs.length} nodes are ready`);
}

async function answersReady(url: string): Promise<boolean> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
      if (response.ok) return true;
    } catch {
      // Not listening yet: asked again below.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}
