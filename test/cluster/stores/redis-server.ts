/**
 * Real redis-server processes for tests, on ports 26000 to 26999, each in a folder of its own, killed when the test is
 * over. Where redis-server is not installed the tests are skipped, visibly.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { Redis } from 'ioredis';
import type { LoadedPiece, WriteOutcome } from '../../../cluster/stores/served.ts';
import type { ControlOperation, ControlParameters, ControlResult } from '../../../cluster/stores/protocol.ts';
import { openRedisStore } from '../../../cluster/stores/redis/store.ts';
import type { RedisStore, RedisStoreOptions } from '../../../cluster/stores/redis/store.ts';
import type { LoadedRow, SnapshotRow, WriteBatch, WriteReply } from '../../../cluster/store-ports.ts';
import { folder } from './folder.ts';
import type { Subject } from './operations.ts';

/** Why the tests with a Redis cannot run here, or false. */
export const redisMissing: string | false = isInstalled() ? false : 'redis-server is not installed';

function isInstalled(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export class RedisServer {
  readonly port: number;
  readonly folder: string;
  readonly #options: readonly string[];
  #child: ChildProcess | undefined;

  constructor(port: number, path: string, options: readonly string[]) {
    this.port = port;
    this.folder = path;
    this.#options = options;
  }

  /** What it was started with. */
  get settings(): string {
    return this.#options.join(' ');
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Start it and wait until it answers. */
  async start(): Promise<this> {
    const settings = ['--port', `${this.port}`, '--save', '', '--dir', this.folder, '--bind', '127.0.0.1'];
    // A file of settings comes first and says everything: a Sentinel.
    const hasFile = this.#options[0]?.startsWith('/') === true;
    const options = hasFile ? this.#options : [...settings, ...this.#options];
    const child = spawn('redis-server', options, { cwd: this.folder, stdio: 'ignore' });
    this.#child = child;
    for (let tries = 0; tries < 250; tries++) {
      assert.equal(child.exitCode, null, `redis-server at ${this.port} ended`);
      if ((await this.ask('PING').catch(() => '')) === 'PONG') return this;
      await pause(20);
    }
    throw new Error(`redis-server at ${this.port} does not answer`);
  }

  /** One command over a connection of its own. */
  async ask(command: string, ...parameters: (string | number)[]): Promise<unknown> {
    const client = new Redis({ port: this.port, lazyConnect: true, retryStrategy: () => null, connectTimeout: 1_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await client.call(command, ...parameters);
    } finally {
      client.disconnect();
    }
  }

  /** A connection for the test itself. */
  async client(t: TestContext, password?: string): Promise<Redis> {
    const client = new Redis({ port: this.port, lazyConnect: true, ...(password === undefined ? {} : { password }) });
    client.on('error', () => undefined);
    t.after(() => client.disconnect());
    await client.connect();
    return client;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** kill -9, and wait until it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}

/** A running server. @param options as on the command line of redis-server */
export async function redisServer(t: TestContext, ...options: string[]): Promise<RedisServer> {
  const server = new RedisServer(await freePort(), folder(t), options);
  t.after(() => server.kill());
  return server.start();
}

const ports = { next: 26_300 + (process.pid % 500) };

/** A port of ours that nobody listens on now. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = ports.next;
    ports.next = port >= 26_899 ? 26_300 : port + 1;
    const isFree = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen({ host: '127.0.0.1', port, exclusive: true }, () => probe.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
  throw new Error('no port from 26300 to 26899 is free');
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A Redis store with promises, for tests. */
export class Asked implements Subject {
  readonly store: RedisStore;

  constructor(store: RedisStore) {
    this.store = store;
  }

  nowMs = (): Promise<number> => this.#call('nowMs');
  lease: Later<'lease'> = (...p) => this.#call('lease', ...p);
  vote: Later<'vote'> = (...p) => this.#call('vote', ...p);
  release: Later<'release'> = (...p) => this.#call('release', ...p);
  members: Later<'members'> = () => this.#call('members');
  readTable: Later<'readTable'> = () => this.#call('readTable');
  casTable: Later<'casTable'> = (...p) => this.#call('casTable', ...p);
  seal: Later<'seal'> = (...p) => this.#call('seal', ...p);
  owners: Later<'owners'> = (...p) => this.#call('owners', ...p);
  putUser: Later<'putUser'> = (...p) => this.#call('putUser', ...p);
  putUsers: Later<'putUsers'> = (...p) => this.#call('putUsers', ...p);
  removeUser: Later<'removeUser'> = (...p) => this.#call('removeUser', ...p);
  user: Later<'user'> = (...p) => this.#call('user', ...p);
  users: Later<'users'> = (...p) => this.#call('users', ...p);

  /** One outcome per batch, errors among them. */
  commit(batches: readonly WriteBatch[], durable = false): Promise<readonly WriteOutcome[]> {
    return new Promise((resolve) => this.store.commit(batches, durable, resolve));
  }

  async writeBatch(batches: readonly WriteBatch[], durable: boolean): Promise<WriteReply[]> {
    return (await this.commit(batches, durable)).map((outcome) => {
      if (outcome instanceof Error) throw outcome;
      return outcome;
    });
  }

  async write(partition: number, epoch: number, owner: string, rows: readonly SnapshotRow[]): Promise<WriteReply> {
    const [reply = 'ok'] = await this.writeBatch([{ partition, epoch, owner, rows }], false);
    return reply;
  }

  async load(partitions: readonly number[]): Promise<LoadedRow[]> {
    return (await this.pieces(partitions)).flat();
  }

  async pieces(partitions: readonly number[]): Promise<LoadedRow[][]> {
    const loading = this.store.load(partitions);
    const pieces: LoadedRow[][] = [];
    for (let isLast = false; !isLast;) {
      const piece = await new Promise<LoadedPiece>((resolve, reject) =>
        loading.next((error, read) => (error === undefined ? resolve(read) : reject(error))),
      );
      pieces.push([...piece.rows]);
      isLast = piece.last;
    }
    return pieces;
  }

  close(): void {
    this.store.close(() => undefined);
  }

  #call<O extends ControlOperation>(operation: O, ...parameters: ControlParameters<O>): Promise<ControlResult<O>> {
    return new Promise((resolve, reject) => {
      this.store.call(operation, parameters, (error, result) =>
        error === undefined ? resolve(result as ControlResult<O>) : reject(error),
      );
    });
  }
}

type Later<O extends ControlOperation> = (...parameters: ControlParameters<O>) => Promise<ControlResult<O>>;

/** The store at this URL, closed when the test is over. */
export async function openAsked(t: TestContext, url: string, options: RedisStoreOptions = {}): Promise<Asked> {
  const asked = new Asked(await openRedisStore(url, options));
  t.after(() => asked.close());
  return asked;
}
