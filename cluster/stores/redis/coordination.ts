/** Coordination on Redis: each operation is one script, and leases are measured with the clock of the server alone. */
import type {
  CasParameters,
  CasReply,
  LeaseReply,
  MemberInfo,
  MemberRow,
  PartitionOwner,
  StoredTable,
  VoteReply,
} from '../../store-ports.ts';
import type { Asking } from './asking.ts';
import { listOf, numberOf, octetsOf, optional, textOf } from './values.ts';

export interface VoteTimes {
  readonly voteTtlMs: number;
  readonly voteIssueWindowMs: number;
}

const leaseResults = ['ok', 'superseded', 'dead', 'predecessor-alive'] as const;
const voteReplies = ['too-old', 'stale-incarnation', 'noted', 'dead'] as const;

export class RedisCoordination {
  readonly #ask: Asking;
  readonly #times: VoteTimes;
  readonly #onSealed: (partition: number, epoch: number, owner: string) => void;

  /** @param onSealed told what is certainly sealed */
  constructor(ask: Asking, times: VoteTimes, onSealed: (partition: number, epoch: number, owner: string) => void) {
    this.#ask = ask;
    this.#times = times;
    this.#onSealed = onSealed;
  }

  async nowMs(): Promise<number> {
    return numberOf(await this.#ask.one('now', [this.#ask.keys.lease], [], 'reading its clock'));
  }

  async lease(id: string, incarnation: number, ttlMs: number, info: MemberInfo): Promise<LeaseReply> {
    const { lease, members, table, born } = this.#ask.keys;
    const reply = await this.#ask.one(
      'lease',
      [lease, members, table, born],
      [id, incarnation, ttlMs, JSON.stringify(info)],
      `renewing the lease of ${id}`,
      true,
    );
    const [result, nowMs, tableEpoch, storeLife] = listOf(reply);
    return {
      result: leaseResults[numberOf(result)] ?? 'dead',
      tableEpoch: numberOf(tableEpoch),
      nowMs: numberOf(nowMs),
      ...(storeLife === undefined ? {} : { storeLife: textOf(storeLife) }),
    };
  }

  async vote(target: string, targetIncarnation: number, voter: string, issuedAtMs: number): Promise<VoteReply> {
    const { lease, members, currentVoters, nextVoters, votes } = this.#ask.keys;
    const { voteTtlMs, voteIssueWindowMs } = this.#times;
    const reply = await this.#ask.one(
      'vote',
      [lease, members, votes(target, targetIncarnation), currentVoters, nextVoters],
      [target, targetIncarnation, voter, issuedAtMs, voteTtlMs, voteIssueWindowMs],
      `voting against ${target}`,
      true,
    );
    return voteReplies[numberOf(reply)] ?? 'noted';
  }

  async release(id: string, incarnation: number): Promise<boolean> {
    const { lease, members } = this.#ask.keys;
    const doing = `releasing the lease of ${id}`;
    return numberOf(await this.#ask.one('release', [lease, members], [id, incarnation], doing, true)) === 1;
  }

  async members(): Promise<MemberRow[]> {
    const { lease, members } = this.#ask.keys;
    const [known, leases] = listOf(await this.#ask.one('members', [lease, members], [], 'reading the members'));
    const untilMs = new Map<string, number>();
    const scores = listOf(leases);
    for (let i = 0; i + 1 < scores.length; i += 2) untilMs.set(textOf(scores[i]), numberOf(scores[i + 1]));
    const rows: MemberRow[] = [];
    const fields = listOf(known);
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const id = textOf(fields[i]);
      rows.push(memberRow(id, textOf(fields[i + 1]), untilMs.get(id) ?? 0));
    }
    return rows.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async readTable(): Promise<StoredTable | undefined> {
    const [epoch, nonce, bytes] = listOf(await this.#ask.one('table', [this.#ask.keys.table], [], 'reading the table'));
    if (epoch === null) return undefined;
    return { epoch: numberOf(epoch), nonce: textOf(nonce), bytes: new Uint8Array(octetsOf(bytes)) };
  }

  async casTable(...parameters: CasParameters): Promise<CasReply> {
    const [expectEpoch, expectNonce, epoch, nonce, bytes, currentVoters, nextVoters] = parameters;
    const { keys } = this.#ask;
    const octets = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const reply = await this.#ask.one(
      'cas-table',
      [keys.table, keys.currentVoters, keys.nextVoters],
      [expectEpoch, expectNonce, epoch, nonce, octets, currentVoters.length, ...currentVoters, ...nextVoters],
      'replacing the table',
      true,
    );
    const [ok, storedEpoch, storedNonce] = listOf(reply);
    return { ok: numberOf(ok) === 1, epoch: numberOf(storedEpoch), nonce: textOf(storedNonce) };
  }

  async seal(partitions: readonly number[], epoch: number, owner: string): Promise<number[]> {
    const { keys } = this.#ask;
    const steps = partitions.map((partition) => this.#ask.step('seal', [keys.owner(partition)], [epoch, owner]));
    const replies = await this.#ask.all(steps, `sealing ${partitions.length} partitions for ${owner}`, true);
    return replies.map((reply, i) => {
      const refusedBy = numberOf(reply);
      if (refusedBy === 0) this.#onSealed(partitions[i] ?? 0, epoch, owner);
      return refusedBy;
    });
  }

  async owners(partitions: readonly number[]): Promise<PartitionOwner[]> {
    const { keys } = this.#ask;
    const steps = partitions.map((partition) => this.#ask.step('owner', [keys.owner(partition)], []));
    const replies = await this.#ask.all(steps, 'reading the owners of partitions', false);
    return replies.map((reply, i) => {
      const [epoch, owner] = listOf(reply);
      const found = { epoch: optional(numberOf, epoch) ?? 0, owner: optional(textOf, owner) ?? '' };
      if (found.owner !== '') this.#onSealed(partitions[i] ?? 0, found.epoch, found.owner);
      return found;
    });
  }
}

function memberRow(id: string, text: string, leaseUntilMs: number): MemberRow {
  const [incarnation = '', state = ''] = text.split(' ', 2);
  const info = JSON.parse(text.slice(incarnation.length + state.length + 2)) as MemberInfo;
  const isDead = state === 'dead';
  return {
    id,
    incarnation: Number(incarnation),
    status: isDead ? 'dead' : info.draining ? 'draining' : 'up',
    leaseUntilMs: isDead ? 0 : leaseUntilMs,
    info,
  };
}
