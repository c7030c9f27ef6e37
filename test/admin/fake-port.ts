/** An AdminPort over plain arrays, and one whose every answer fails. */
import { limits } from '../../src/limits.ts';
import { AdminError, type AdminPort, type ClusterView, type Counter, type Page } from '../../src/admin/port.ts';

export class FakePort implements AdminPort {
  isReady = true;
  /** aor -> password */
  readonly people = new Map<string, string>();
  readonly drained: string[] = [];
  counterList: readonly Counter[] = [];
  /** Thrown by every method when set. */
  failure: Error | undefined;

  async ready() {
    this.#mayFail();
    return { ready: this.isReady, reason: this.isReady ? `${limits.partitions} partitions` : 'joining' };
  }

  async cluster(): Promise<ClusterView> {
    this.#mayFail();
    const owners = Array.from({ length: limits.partitions }, (_, partition) => partition % 2);
    const node = (id: string) => ({
      id,
      incarnation: 1_700_000_000_000,
      status: 'up' as const,
      link: '127.0.0.1:7000',
      admin: '127.0.0.1:8080',
      zone: 'east',
      workers: 1,
      partitions: limits.partitions / 2,
      load: { calls: 3, registrations: 5, received: 100, lateMs: 1, clients: 2 },
    });
    const counts = { sent: 9, received: 8, refused: 0, shed: 0, ups: 2, waitingBytes: 2_048, unacknowledgedBytes: 0 };
    const link = { from: 'a', to: 'b', up: true, sinceMs: Date.now() - 61_000, rttMs: 0.4, ...counts };
    const lag = { epochMin: 7 * 2 ** 20, epochMax: 7 * 2 ** 20 + 1, unacknowledged: 3, behind: 12, relied: 2_048 };
    const group = { owner: 'a', buddy: 'b', partitions: 2_048, moving: 0, ...lag };
    return {
      name: 'test',
      node: 'a',
      epoch: 7,
      storeUp: true,
      nodes: [node('a'), node('b')],
      owners,
      moving: 0,
      schema: 1,
      links: [link],
      groups: [group],
    };
  }

  async users({ limit, after }: { limit: number; after: string }) {
    this.#mayFail();
    const all = [...this.people.keys()].toSorted().filter((aor) => aor > after);
    const entries = all.slice(0, limit).map((aor) => ({ aor, createdMs: 1_700_000_000_000 }));
    return { entries, next: all.length > limit ? (entries.at(-1)?.aor ?? null) : null };
  }

  async putUser({ aor, password }: { aor: string; password: string }) {
    this.#mayFail();
    if (!aor.endsWith('@example.test')) throw new AdminError('refused', 'the domain is not one of ours');
    this.people.set(aor, password);
  }

  async removeUser(aor: string) {
    this.#mayFail();
    return this.people.delete(aor);
  }

  async registrations({ aor }: { aor?: string }) {
    this.#mayFail();
    const entry = {
      aor: 'sip:1001@example.test',
      contact: 'sip:1001@192.0.2.1:5060',
      flow: 'udp:192.0.2.1:5060',
      expiresAtMs: Date.now() + 60_000,
      q: 1,
      userAgent: 'phone\u001b[31m',
      node: 'b',
    };
    return page(aor === undefined || aor === entry.aor ? [entry] : []);
  }

  async calls() {
    this.#mayFail();
    const entry = { callId: 'x@y', from: 'sip:1001@example.test', to: 'sip:1002@example.test', state: 'ringing' };
    return page([{ ...entry, startedAtMs: Date.now() - 5_000, node: 'a' }]);
  }

  async limits({ name }: { name?: string }) {
    this.#mayFail();
    const holders = name === undefined ? [] : [{ callId: 'x@y', sinceMs: Date.now() - 5_000 }];
    const calls = { value: 1, limit: 30, used: 0, requests: 0, perMs: 0 };
    const requests = { value: 0, limit: 0, used: 7, requests: 20, perMs: 1_000, holders: [] };
    const entries = [
      { name: 'ip:192.0.2.1', ...requests, node: 'b' },
      { name: 'trunk:acme', ...calls, holders, node: 'a' },
    ];
    return page(entries.filter((each) => name === undefined || each.name === name));
  }

  async drain(id: string) {
    this.#mayFail();
    if (id !== 'a' && id !== 'b') throw new AdminError('not-found', 'there is no such node');
    this.drained.push(id);
  }

  async counters() {
    this.#mayFail();
    return this.counterList;
  }

  #mayFail(): void {
    if (this.failure !== undefined) throw this.failure;
  }
}

function page<T>(entries: readonly T[]): Page<T> {
  return { entries, next: null };
}
