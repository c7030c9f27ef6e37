/**
 * One worker of production with all partitions and a store that answers at once, in virtual time. A twin of it whose actors
 * have been changed, or have stayed where they were, hears the same and must say the same.
 */
import assert from 'node:assert/strict';
import type { Behaviours, Kind } from '../../../actors/entity.ts';
import { decodeRow } from '../../../actors/snapshot.ts';
import { SyncHost } from '../../../actors/sync-host.ts';
import type { GateClass } from '../../../cluster/buddy/replicator.ts';
import type { Share } from '../../../cluster/control-types.ts';
import { partitionOf } from '../../../cluster/hash.ts';
import { SipWorker } from '../../../cluster/sip-worker.ts';
import type { LoadedRow } from '../../../cluster/store-ports.ts';
import { ha1 } from '../../../src/auth/digest.ts';
import { limits } from '../../../src/limits.ts';
import type { Flow } from '../../../src/outside.ts';
import { Identifiers } from '../../../src/proxy/identifiers.ts';
import { Self } from '../../../src/proxy/self.ts';
import { defaultService } from '../../../src/routing/default-service.ts';

export interface NodeOptions {
  /** Where it listens. */
  readonly server: Flow;
  readonly domain: string;
  readonly gate: GateClass;
  /** The password of everybody is `secret`. */
  readonly authenticate: boolean;
  readonly lens: (behaviours: Behaviours) => Behaviours;
}

export interface Sent {
  readonly port: number;
  readonly text: string;
}

export class Node {
  nowMs = 1_795_000_000_000;
  readonly counted = new Map<string, number>();
  /** What the store has: of each row the state and when it wakes. */
  readonly stored = new Map<string, string>();
  /** Rows that were taken out of the store. */
  deleted = 0;
  /** Which it never had. */
  deletedInVain = 0;
  /** Written or taken out, of calls. */
  writesOfCalls = 0;
  readonly #options: NodeOptions;
  readonly #rows = new Map<string, LoadedRow>();
  #worker: SipWorker;
  #host: SyncHost;
  #epoch = 0;
  #frozen = 0;
  readonly #soon: (() => void)[] = [];
  readonly #later: { readonly atMs: number; readonly run: () => void }[] = [];
  #random = 0;
  #sent: Sent[] = [];

  constructor(options: NodeOptions) {
    this.#options = options;
    [this.#worker, this.#host] = this.#open();
    this.#assign();
  }

  #open(): [SipWorker, SyncHost] {
    const { server, domain, gate, authenticate, lens } = this.#options;
    const host = new SyncHost({
      crashed: (name, error) => assert.fail(`${name}: ${String(error)}`),
      refused: () => assert.fail('refused'),
      deadLetters: () => assert.fail('dead letters'),
    });
    const worker = new SipWorker(
      {
        node: 'a',
        incarnation: 1,
        worker: 0,
        clock: { monotonicMs: () => this.nowMs, clusterMs: () => this.nowMs },
        random: { bytes: (length) => Buffer.alloc(length, this.#random++ & 255), fraction: () => 0.5 },
        log: { write: (_level, event) => assert.equal(event, 'auth-fail') },
        store: {
          write: (partition, _epoch, _owner, rows, _durable, done) => {
            for (const [key, value] of rows) this.#store(partition, key, value);
            this.#soon.push(() => done(undefined, 'ok'));
          },
          loadPieces: (partitions, onRows, done) =>
            this.#soon.push(() => {
              const order = new Map(partitions.map((partition, index) => [partition, index]));
              onRows([...this.#rows.values()].toSorted((a, b) => order.get(a.partition)! - order.get(b.partition)!));
              done(undefined);
            }),
          user: (aor, done) => {
            const user = aor.slice(4, aor.indexOf('@'));
            const [ha1Md5, ha1Sha256] = [ha1(user, domain, 'secret', 'MD5'), ha1(user, domain, 'secret', 'SHA-256')];
            this.#soon.push(() => done(undefined, { aor, realm: domain, createdMs: 0, ha1Md5, ha1Sha256 }));
          },
        },
        gate,
        host,
        lens,
        deps: {
          self: new Self([{ ...server, host: server.address }], [domain]),
          identifiers: new Identifiers(Buffer.from('secret')),
          service: defaultService({ authenticate }),
          nonceSecret: 'n',
          noAnswerMs: 180_000,
          registrar: { minExpiresSeconds: 60, maxExpiresSeconds: 7_200, maxContacts: 10 },
        },
      },
      {
        partitionOf,
        serving: () => true,
        send: ({ port }, bytes) => this.#sent.push({ port, text: Buffer.from(bytes).toString('latin1') }),
        toHub: () => assert.fail('all partitions are here'),
        report: ({ type, shares }) => {
          if (type === 'frozen') this.#frozen += shares.length;
        },
        soon: (run) => this.#soon.push(run),
        later: (delayMs, run) => this.#later.push({ atMs: this.nowMs + delayMs, run }),
        count: (metric) => {
          assert.notEqual(metric, 'entity.crashed');
          this.counted.set(metric, (this.counted.get(metric) ?? 0) + 1);
        },
      },
    );
    return [worker, host];
  }

  #assign(): void {
    this.#epoch++;
    this.#worker.order({ type: 'assign', shares: this.#shares() });
    this.#settle();
  }

  #shares(): Share[] {
    return Array.from({ length: limits.partitions }, (_, partition) => ({ partition, epoch: this.#epoch }));
  }

  /** All partitions to another worker, or nearly. */
  giveAway(isCalledOff: boolean): void {
    this.#frozen = 0;
    this.#worker.order({ type: 'freeze', attempt: 1, shares: this.#shares() });
    this.#settle();
    if (isCalledOff) return this.#worker.order({ type: 'thaw', shares: this.#shares() });
    // Whatever it does before they are dropped.
    this.#worker.tick();
    this.#settle();
    assert.equal(this.#frozen, limits.partitions);
    [this.#worker, this.#host] = this.#open();
    this.#assign();
  }

  /** A datagram for it. Returns what it says to that until it has nothing to do. */
  say(bytes: Uint8Array, from: Flow): Sent[] {
    this.#worker.edge.receive(Buffer.from(bytes), from);
    this.#settle();
    return this.pass(20);
  }

  /** Returns what it says meanwhile. */
  pass(ms: number, stepMs = 50): Sent[] {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
      this.nowMs = Math.min(endMs, this.nowMs + stepMs);
      for (let index = this.#later.length - 1; index >= 0; index--)
        if (this.#later[index]!.atMs <= this.nowMs) this.#later.splice(index, 1)[0]!.run();
      this.#worker.tick();
      this.#settle();
    }
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }

  count(kind: Kind): { readonly all: number; readonly awake: number } {
    let [all, awake] = [0, 0];
    for (const partition of this.#worker.hosted.partitions()) {
      all += partition.stats().entities[kind];
      awake += partition.listAwake(kind).length;
    }
    return { all, awake };
  }

  #store(partition: number, key: string, value: Uint8Array | null): void {
    if (key.startsWith('call:')) this.writesOfCalls++;
    if (value === null) {
      this.deleted++;
      if (!this.#rows.delete(key)) this.deletedInVain++;
      return void this.stored.delete(key);
    }
    this.#rows.set(key, { partition, key, value: Buffer.from(value) });
    const { snapshot } = decodeRow(key, value)!;
    this.stored.set(key, `${snapshot.wakeAtMs} ${snapshot.packed}`);
  }

  #settle(): void {
    this.#host.run();
    while (this.#soon.length > 0) {
      for (const run of this.#soon.splice(0)) run();
      this.#host.run();
    }
  }
}
