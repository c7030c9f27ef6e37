/**
 * How long do requests for a dead node's partitions go unanswered? Every few milliseconds an OPTIONS to a user, without
 * credentials, under a fresh Call-ID of one of those partitions: only the owner of that partition answers it, 407. Each
 * is sent once and never repeated.
 */
import { randomBytes } from 'node:crypto';
import { partitionOf } from '../../../cluster/hash.ts';
import { newIds, SipClient } from './sip-client.ts';
import type { TestUser } from './users.ts';

export interface Outage {
  /** Milliseconds from the death to the first answer to a request sent after it; -1 when there was none. */
  readonly firstAnswerMs: number;
  /** Milliseconds from the death to the sending of the last request that was never answered, 0 when there was none. */
  readonly lastLostMs: number;
  /** The longest that a request sent in the first second after the death waited for its answer. */
  readonly longestWaitMs: number;
  readonly sent: number;
  readonly answered: number;
  readonly lost: number;
  /** When the lost ones were sent, milliseconds after the death. */
  readonly lostAtMs: readonly number[];
  /** Answers other than 407, by status. */
  readonly others: Readonly<Record<string, number>>;
}

interface Probe {
  readonly sentAtMs: number;
  answeredAtMs: number;
  status: number;
}

const intervalMs = 10;

export class Prober {
  readonly #clients: readonly SipClient[];
  readonly #user: TestUser;
  readonly #callIds: readonly string[];
  readonly #probes: Probe[] = [];
  readonly #timer: NodeJS.Timeout;
  #next = 0;

  /** Use Prober.start. */
  constructor(clients: readonly SipClient[], user: TestUser, callIds: readonly string[]) {
    this.#clients = clients;
    this.#user = user;
    this.#callIds = callIds;
    this.#timer = setInterval(() => this.#probe(), intervalMs);
  }

  /** `clients` differ in their source port, so that the kernel spreads them over the nodes. They are closed at the end. */
  static start(clients: readonly SipClient[], user: TestUser, partitions: readonly number[], forMs: number): Prober {
    const wanted = new Set(partitions);
    const callIds: string[] = [];
    while (callIds.length < forMs / intervalMs) {
      const callId = `probe-${randomBytes(9).toString('base64url')}`;
      if (wanted.has(partitionOf(callId))) callIds.push(callId);
    }
    return new Prober(clients, user, callIds);
  }

  /** `killedAtMs` of performance.now(). Waits for late answers first. */
  async stop(killedAtMs: number): Promise<Outage> {
    clearInterval(this.#timer);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    for (const client of this.#clients) client.close();
    const after = this.#probes.filter(({ sentAtMs }) => sentAtMs >= killedAtMs);
    const answers = after.filter(({ status }) => status === 407).map(({ answeredAtMs }) => answeredAtMs - killedAtMs);
    // Requests on their way at the moment of death count among the lost.
    const lost = this.#probes.filter(({ sentAtMs, status }) => status === 0 && sentAtMs >= killedAtMs - 50);
    const early = after.filter(({ sentAtMs, status }) => status === 407 && sentAtMs < killedAtMs + 1_000);
    const others: Record<string, number> = {};
    for (const { status } of this.#probes)
      if (status !== 407 && status !== 0) others[status] = (others[status] ?? 0) + 1;
    return {
      firstAnswerMs: answers.length === 0 ? -1 : round(Math.min(...answers)),
      lastLostMs: round(Math.max(0, ...lost.map(({ sentAtMs }) => sentAtMs - killedAtMs))),
      longestWaitMs: round(Math.max(0, ...early.map(({ sentAtMs, answeredAtMs }) => answeredAtMs - sentAtMs))),
      sent: this.#probes.length,
      answered: this.#probes.filter(({ status }) => status === 407).length,
      lost: lost.length,
      lostAtMs: lost.map(({ sentAtMs }) => Math.round(sentAtMs - killedAtMs)),
      others,
    };
  }

  #probe(): void {
    const client = this.#clients[this.#next % this.#clients.length];
    const callId = this.#callIds[this.#next];
    if (client === undefined || callId === undefined) return;
    this.#next += 1;
    const ids = newIds(this.#user.aor, this.#user.aor, callId);
    const probe: Probe = { sentAtMs: performance.now(), answeredAtMs: 0, status: 0 };
    this.#probes.push(probe);
    client.send(client.request('OPTIONS', this.#user.aor, ids), ids.branch, ({ status, atMs }) => {
      if (status < 200 || probe.status !== 0) return;
      probe.status = status;
      probe.answeredAtMs = atMs;
      client.forget(ids.branch);
    });
  }
}

/** Sockets with source ports of the system's choice. */
export async function openClients(server: number, count: number): Promise<SipClient[]> {
  return Promise.all(Array.from({ length: count }, async () => new SipClient(server).open()));
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
