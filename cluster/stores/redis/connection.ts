/**
 * A way to Redis: one server (also one that Sentinels name) or a Redis Cluster. It is opened once and connects again by
 * itself for ever; what is asked while it is not connected fails at once, and nothing is ever sent twice behind our back
 * (a write under an old epoch would only be refused, but an unknown outcome must stay visible as one).
 */
import { Cluster, Redis } from 'ioredis';
import type { ClusterOptions, RedisOptions } from 'ioredis';
import { limits } from '../../../src/limits.ts';
import type { StoreError } from '../../store-ports.ts';
import { replicasToConfirm } from './confirm.ts';
import { explain, unreachable } from './errors.ts';
import { slotOf } from './keys.ts';
import { runSteps } from './pipeline.ts';
import type { Outcome, Reply, Step } from './pipeline.ts';
import type { RedisTarget } from './url.ts';

export interface RedisConnection {
  /**
   * Run the steps, in the order of the list as far as they are in one slot. One outcome per step; it never rejects.
   * @param confirmed they count only when replicas have them too, as far as there are replicas
   */
  run(steps: readonly Step[], doing: string, confirmed: boolean): Promise<(Reply | StoreError)[]>;
  /** Sections of INFO of every master. @throws StoreError */
  info(): Promise<string[]>;
  close(): void;
}

/** Resolves when it is connected and the server has loaded its data. @throws StoreError after limits.redisOpenMs */
export async function connect(target: RedisTarget): Promise<RedisConnection> {
  const connection = target.kind === 'cluster' ? new ClusterConnection(target) : new ServerConnection(target);
  try {
    await isOpen(connection.client, target.text);
    if (connection instanceof ServerConnection) await connection.countReplicas();
  } catch (error) {
    connection.close();
    throw error;
  }
  return connection;
}

class ServerConnection implements RedisConnection {
  readonly client: Redis;
  readonly #target: RedisTarget;
  readonly #poll: NodeJS.Timeout;
  #replicas = 0;
  #closed = false;

  constructor(target: RedisTarget) {
    this.#target = target;
    this.client = new Redis(serverOptions(target));
    this.client.on('ready', () => void this.countReplicas());
    neverEnd(this.client, () => this.#closed);
    this.#poll = setInterval(() => void this.countReplicas(), limits.redisReplicasPollMs);
  }

  async run(steps: readonly Step[], doing: string, confirmed: boolean): Promise<(Reply | StoreError)[]> {
    const replicas = confirmed ? replicasToConfirm(this.#replicas) : 0;
    const outcomes = await attempt(this.client, steps, replicas);
    return outcomes.map((outcome) => (outcome instanceof Error ? explain(outcome, this.#target.text, doing) : outcome));
  }

  async info(): Promise<string[]> {
    const { text } = this.#target;
    return [await this.client.info().catch((error: unknown) => Promise.reject(explain(error, text, 'reading INFO')))];
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    this.client.disconnect();
  }

  async countReplicas(): Promise<void> {
    if (this.client.status !== 'ready') return;
    try {
      const text = await this.client.info('replication');
      this.#replicas = text.match(/^slave\d+:.*state=online/gm)?.length ?? 0;
    } catch {
      // The next poll asks again; whoever writes meanwhile is told by the write itself.
    }
  }
}

/**
 * ioredis gives up for good when a failover is announced at the moment in which it connects (its connector then says that
 * the connection is closed, and no retry follows). Seen with Sentinels on a busy machine.
 */
function neverEnd(client: Redis, isClosed: () => boolean): void {
  client.on('end', () => {
    if (isClosed()) return;
    setTimeout(() => {
      if (!isClosed() && client.status === 'end') client.connect().catch(() => undefined);
    }, retryMs(1));
  });
}

class ClusterConnection implements RedisConnection {
  readonly client: Cluster;
  readonly #target: RedisTarget;

  constructor(target: RedisTarget) {
    this.#target = target;
    this.client = new Cluster([...target.addresses], clusterOptions(target));
  }

  async run(steps: readonly Step[], doing: string, confirmed: boolean): Promise<(Reply | StoreError)[]> {
    const outcomes = await this.#runByServer(steps, confirmed);
    const moved = steps.flatMap((step, i) => (isMoved(outcomes[i]) ? [{ step, i }] : []));
    if (moved.length > 0) {
      // The slots are with other servers now; where a script was refused, it was not run.
      await new Promise<void>((resolve) => this.client.refreshSlotsCache(() => resolve()));
      const again = await this.#runByServer(
        moved.map(({ step }) => step),
        confirmed,
      );
      for (const [at, { i }] of moved.entries()) outcomes[i] = again[at] ?? null;
    }
    return outcomes.map((outcome) => (outcome instanceof Error ? explain(outcome, this.#target.text, doing) : outcome));
  }

  async info(): Promise<string[]> {
    const { text } = this.#target;
    const asked = this.client.nodes('master').map((server) => server.info());
    return Promise.all(asked).catch((error: unknown) => Promise.reject(explain(error, text, 'reading INFO')));
  }

  close(): void {
    this.client.disconnect();
  }

  /** One pipeline per master, all at the same time. */
  async #runByServer(steps: readonly Step[], confirmed: boolean): Promise<Outcome[]> {
    const masters = new Map(this.client.nodes('master').map((server) => [addressOf(server), server]));
    const parts = new Map<string, { indices: number[]; replicas: number }>();
    const outcomes: Outcome[] = steps.map(() => new Error('CLUSTERDOWN nobody is known to have this slot'));
    for (const [i, step] of steps.entries()) {
      const [address, ...replicas] = this.client.slots[slotOf(step.keys[0])] ?? [];
      if (address === undefined || !masters.has(address)) continue;
      const part = parts.get(address) ?? { indices: [], replicas: replicas.length };
      parts.set(address, part);
      part.indices.push(i);
    }
    const runs = [...parts].map(async ([address, { indices, replicas }]) => {
      const part = indices.map((i) => steps[i]!);
      const some = await attempt(masters.get(address)!, part, confirmed ? replicasToConfirm(replicas) : 0);
      for (const [at, i] of indices.entries()) outcomes[i] = some[at] ?? null;
    });
    await Promise.all(runs);
    return outcomes;
  }
}

async function attempt(server: Redis, steps: readonly Step[], replicas: number): Promise<Outcome[]> {
  try {
    return await runSteps(server, steps, replicas);
  } catch (error) {
    const fault = error instanceof Error ? error : new Error(String(error));
    return steps.map(() => fault);
  }
}

function isMoved(outcome: Outcome | undefined): boolean {
  return outcome instanceof Error && /^(MOVED|ASK|CLUSTERDOWN|READONLY) /.test(outcome.message);
}

function addressOf({ options }: Redis): string {
  return `${options.host}:${options.port}`;
}

/** What both kinds have in common: notice a dead server soon, hide nothing. */
function commonOptions(target: RedisTarget) {
  return {
    ...(target.username === undefined ? {} : { username: target.username }),
    ...(target.password === undefined ? {} : { password: target.password }),
    ...(target.tls ? { tls: {} } : {}),
    // The handshake of RESP3 would cost old servers a round more; nothing here needs it.
    protocol: 2,
    connectTimeout: limits.redisConnectMs,
    commandTimeout: limits.redisCommandMs,
    socketTimeout: limits.redisSilenceMs,
    keepAlive: limits.redisConnectMs,
    noDelay: true,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableAutoPipelining: false,
    // A master that became a replica: connect anew, where the name or the Sentinels say the master is now.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  } as const satisfies Partial<RedisOptions>;
}

function serverOptions(target: RedisTarget) {
  const options = {
    ...commonOptions(target),
    db: target.database,
    enableOfflineQueue: false,
    retryStrategy: retryMs,
  } satisfies RedisOptions;
  if (target.kind === 'server') return { ...options, ...target.addresses[0] } satisfies RedisOptions;
  return {
    ...options,
    sentinels: [...target.addresses],
    name: target.master,
    failoverDetector: true,
    sentinelRetryStrategy: retryMs,
    sentinelCommandTimeout: limits.redisCommandMs,
    enableTLSForSentinelMode: target.tls,
    ...(target.tls ? { sentinelTLS: {} } : {}),
    ...(target.sentinelPassword === undefined ? {} : { sentinelPassword: target.sentinelPassword }),
  } satisfies RedisOptions;
}

function clusterOptions(target: RedisTarget) {
  return {
    redisOptions: commonOptions(target),
    enableOfflineQueue: false,
    enableAutoPipelining: false,
    clusterRetryStrategy: retryMs,
    slotsRefreshTimeout: limits.redisSilenceMs,
    slotsRefreshInterval: limits.redisSlotsPollMs,
    // With TLS the certificates hold names: let nobody turn them into addresses.
    ...(target.tls ? { dnsLookup: keepName } : {}),
  } satisfies ClusterOptions;
}

function keepName(address: string, done: (error: null, address: string) => void): void {
  done(null, address);
}

/** Between two attempts to connect, with jitter so that nodes do not come all at once. */
function retryMs(attempt: number): number {
  return Math.min(20 * 2 ** Math.min(attempt, 6), limits.redisReconnectMsMax) * (0.5 + Math.random() / 2);
}

function isOpen(client: Redis | Cluster, target: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let last = 'no connection';
    const fail = (): void => reject(explainOpening(last, target));
    const timer = setTimeout(fail, limits.redisOpenMs);
    const errorOf = (error: Error & { lastNodeError?: Error }): string => error.lastNodeError?.message ?? error.message;
    // The listener stays: without one every lost connection would end the process.
    client.on('error', (error: Error) => {
      last = errorOf(error);
      if (!/^(NOAUTH|WRONGPASS|NOPERM|ERR) /.test(last)) return;
      clearTimeout(timer);
      fail();
    });
    client.once('ready', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function explainOpening(detail: string, target: string): StoreError {
  if (/^(NOAUTH|WRONGPASS|NOPERM|ERR) /.test(detail)) return explain(new Error(detail), target, 'connecting');
  return unreachable(target, `connecting for ${limits.redisOpenMs / 1_000} s`, detail);
}
