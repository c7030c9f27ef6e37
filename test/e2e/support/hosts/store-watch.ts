/**
 * What the nodes do to the store, seen from outside (MONITOR of Redis): who sealed which partition when, and whose writes of
 * snapshots were taken. Judged by its own bookkeeping, not by what the scripts believe. Seen failing with: a partition sealed
 * to a node by another that never had it; a write in the name of another node; a write below the last seal.
 */
import type { Redis } from 'ioredis';
import { limits } from '../../../../src/limits.ts';

interface Seal {
  readonly epoch: number;
  readonly owner: string;
}

/** A script that has begun; its commands follow it. */
interface Running {
  readonly kind: 'seal' | 'write';
  readonly partition: number;
  readonly epoch: number;
  readonly owner: string;
  /** Address of the node that asked. */
  readonly asker: string;
}

export class StoreWatch {
  readonly #monitor: Redis;
  /** Address of the node of an owner (`h1.123`). */
  readonly #addressOf: (owner: string) => string;
  readonly #seals = new Map<number, Seal>();
  readonly #wrong: string[] = [];
  #running: Running | undefined;
  #sealed = 0;
  #written = 0;
  #refused = 0;
  #wasTaken = true;

  private constructor(monitor: Redis, addressOf: (owner: string) => string) {
    this.#monitor = monitor;
    this.#addressOf = addressOf;
    // oxlint-disable-next-line typescript/no-unsafe-argument -- ioredis declares no types for this event
    monitor.on('monitor', (_time: string, words: readonly string[], source: string) => this.#heard(words, source));
  }

  /** While nothing moves: what is sealed now is where its bookkeeping begins. */
  static async start(redis: Redis, addressOf: (owner: string) => string): Promise<StoreWatch> {
    const watch = new StoreWatch(await redis.monitor(), addressOf);
    const pipeline = redis.pipeline();
    for (let partition = 0; partition < limits.partitions; partition += 1)
      pipeline.hmget(`carillon:{p${partition}}:own`, 'e', 'n');
    for (const [partition, [, answer]] of ((await pipeline.exec()) ?? []).entries()) {
      const [epoch, owner] = Array.isArray(answer) ? answer.map(String) : [];
      if (owner !== undefined) watch.#seals.set(partition, { epoch: Number(epoch), owner });
    }
    return watch;
  }

  close(): void {
    this.#monitor.disconnect();
  }

  /** Seals and writes that the store took, writes that it refused, and what nobody may do. */
  judge(): Readonly<Record<string, number | string>> {
    return {
      'seals taken': this.#sealed,
      'writes of snapshots taken': this.#written,
      'writes of snapshots refused': this.#refused,
      'writes or seals by who was not the owner': this.#wrong.length,
      ...(this.#wrong.length > 0 ? { 'wrong in the store': this.#wrong.slice(0, 3).join('; ') } : {}),
    };
  }

  #heard(words: readonly string[], source: string): void {
    if (source === 'lua') {
      if (this.#running !== undefined) this.#command(this.#running, words);
      return;
    }
    if (this.#running?.kind === 'write' && !this.#wasTaken) this.#refused += 1;
    this.#running = scriptOf(words, source);
    this.#wasTaken = false;
  }

  #command(script: Running, [command = '', , field = '']: readonly string[]): void {
    if (command.toUpperCase() !== 'HSET' || this.#wasTaken) return;
    const { kind, partition, epoch, owner, asker } = script;
    const before = this.#seals.get(partition);
    if (kind === 'seal' && field === 'e') {
      this.#sealed += 1;
      // Whoever takes a partition seals it for itself; else its owner of before gives it away.
      const mayAsk =
        asker === this.#addressOf(owner) || (before !== undefined && asker === this.#addressOf(before.owner));
      if (!mayAsk || (before !== undefined && before.epoch >= epoch))
        this.#wrong.push(
          `${asker} sealed ${partition} to ${owner} under ${epoch} after ${before?.owner} ${before?.epoch}`,
        );
      this.#seals.set(partition, { epoch, owner });
    } else if (kind === 'write' && field === 'w') {
      this.#written += 1;
      if (before?.owner !== owner || before.epoch !== epoch || asker !== this.#addressOf(owner))
        this.#wrong.push(
          `${asker} wrote ${partition} as ${owner} under ${epoch}, of ${before?.owner} ${before?.epoch}`,
        );
    } else return;
    this.#wasTaken = true;
  }
}

/** `evalsha SHA KEYS own [snapshots] epoch owner ...`, of a partition. */
function scriptOf([command = '', , keys, first = '', ...rest]: readonly string[], source: string): Running | undefined {
  if (!/^eval(sha)?$/i.test(command)) return undefined;
  const partition = /\{p(\d+)\}:own$/.exec(first)?.[1];
  if (partition === undefined) return undefined;
  const isSeal = keys === '1' && rest.length === 2;
  if (!isSeal && keys !== '2') return undefined;
  const [epoch, owner = ''] = isSeal ? rest : rest.slice(1);
  const asker = source.slice(0, source.lastIndexOf(':'));
  return { kind: isSeal ? 'seal' : 'write', partition: Number(partition), epoch: Number(epoch), owner, asker };
}
