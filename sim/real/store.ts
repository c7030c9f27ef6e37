/** The store of a real cluster: a SQLite file, or a Redis of our own with a way to it for each node. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreClient } from '../../cluster/stores/client.ts';
import { startStoreThread } from '../../cluster/stores/spawn.ts';
import type { StoreThread } from '../../cluster/stores/spawn.ts';
import type { LoadedRow } from '../../cluster/store-ports.ts';
import { unpackTable } from '../../cluster/table.ts';
import type { Table } from '../../cluster/table.ts';
import type { Endpoint } from '../network.ts';

export class RealStore {
  readonly url: string;
  readonly #redis: ChildProcess | undefined;
  readonly #thread: StoreThread;
  readonly #client: StoreClient;
  #lastTable = '';

  private constructor(url: string, redis: ChildProcess | undefined, thread: StoreThread) {
    this.url = url;
    this.#redis = redis;
    this.#thread = thread;
    this.#client = new StoreClient(thread.connect());
  }

  static async open(kind: 'sqlite' | 'redis', folder: string, at: Endpoint): Promise<RealStore> {
    const redis = kind === 'redis' ? await startRedis(folder, at) : undefined;
    const url = kind === 'redis' ? `redis://${at.address}:${at.port}` : `sqlite:${folder}/carillon.db`;
    try {
      const thread = await new Promise<StoreThread>((resolve, reject) => {
        startStoreThread({ url }, (error, opened) => (error === undefined ? resolve(opened) : reject(error)));
      });
      return new RealStore(url, redis, thread);
    } catch (error) {
      redis?.kill('SIGKILL');
      throw error;
    }
  }

  /** What a supervisor says to the store when its node has ended. */
  release(id: string, incarnation: number): void {
    this.#client.release(id, incarnation, () => undefined);
  }

  /** The table, when it is another than the last time. */
  changedTable(): Promise<Table | undefined> {
    return new Promise((resolve) => {
      this.#client.readTable((error, stored) => {
        if (error !== undefined || stored === undefined) return resolve(undefined);
        const mark = `${stored.epoch} ${stored.nonce}`;
        if (mark === this.#lastTable) return resolve(undefined);
        this.#lastTable = mark;
        resolve(unpackTable(stored.bytes));
      });
    });
  }

  rows(partitions: number): Promise<LoadedRow[]> {
    return new Promise((resolve, reject) => {
      const all = Array.from({ length: partitions }, (_, index) => index);
      this.#client.load(all, (error, rows) => (error === undefined ? resolve(rows) : reject(error)));
    });
  }

  /** At once, when there is no time for anything else. */
  kill(): void {
    this.#redis?.kill('SIGKILL');
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#thread.close(resolve));
    this.#redis?.kill('SIGKILL');
  }
}

async function startRedis(folder: string, { address, port }: Endpoint): Promise<ChildProcess> {
  mkdirSync(`${folder}/redis`, { recursive: true });
  const child = spawn(
    'redis-server',
    ['--port', String(port), '--bind', address, '--save', '', '--appendonly', 'yes', '--dir', `${folder}/redis`],
    { stdio: 'ignore' },
  );
  child.on('error', () => undefined);
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await answers({ address, port })) return child;
    await sleep(50);
  }
  child.kill('SIGKILL');
  throw new Error(`redis-server does not answer at ${address}:${port}`);
}

function answers({ address, port }: Endpoint): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
