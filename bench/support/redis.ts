/** A redis-server of its own for a benchmark, with the settings that docs/adr/redis-store.md asks for. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { costOf, run, stop, type Cost } from './process.ts';

export interface BenchRedis {
  readonly url: string;
  cost(): Cost;
  stop(): Promise<void>;
}

export async function startRedis(folder: string, port: number): Promise<BenchRedis> {
  const args = [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
    ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--maxmemory-policy', 'noeviction'],
  ];
  const child = run('redis-server', args, { log: `${folder}/redis.log`, cwd: folder });
  for (let attempt = 0; !(await listens(port)); attempt++) {
    if (attempt === 50) throw new Error(`redis-server does not listen on ${port} after 5 s; see ${folder}/redis.log`);
    await sleep(100);
  }
  return { url: `redis://127.0.0.1:${port}`, cost: () => costOf(child.pid!), stop: () => stop(child) };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const end = (is: boolean): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
