/** CoordinationStore on SQLite: each operation is one IMMEDIATE transaction, and the clock is read inside it. */
import type { StatementSync } from 'node:sqlite';
import type {
  CasParameters,
  CasReply,
  CoordinationStore,
  LeaseReply,
  MemberInfo,
  MemberRow,
  PartitionOwner,
  StoredTable,
  VoteReply,
} from '../../store-ports.ts';
import type { Connection } from './connection.ts';

export interface CoordinationOptions {
  readonly nowMs: () => number;
  readonly voteTtlMs: number;
  readonly voteIssueWindowMs: number;
}

export class SqliteCoordination implements CoordinationStore {
  readonly #connection: Connection;
  readonly #options: CoordinationOptions;
  readonly #sql: ReturnType<typeof statements>;

  constructor(connection: Connection, options: CoordinationOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#sql = statements(connection);
  }

  nowMs(): number {
    return this.#connection.read('reading its clock', this.#options.nowMs);
  }

  lease(id: string, incarnation: number, ttlMs: number, info: MemberInfo): LeaseReply {
    const sql = this.#sql;
    return this.#connection.write(`renewing the lease of ${id}`, false, () => {
      const nowMs = this.#options.nowMs();
      const known = sql.member.get(id);
      if (known !== undefined) {
        const registered = Number(known['incarnation']);
        const dead = known['dead'] === 1;
        if (registered > incarnation) return { result: 'superseded', tableEpoch: 0, nowMs };
        if (registered === incarnation && dead) return { result: 'dead', tableEpoch: 0, nowMs };
        if (registered < incarnation && !dead) return { result: 'predecessor-alive', tableEpoch: 0, nowMs };
      }
      sql.putMember.run(id, incarnation, nowMs + ttlMs, JSON.stringify(info));
      return { result: 'ok', tableEpoch: Number(sql.tableVersion.get()?.['epoch'] ?? 0), nowMs };
    });
  }

  vote(target: string, targetIncarnation: number, voter: string, issuedAtMs: number): VoteReply {
    const sql = this.#sql;
    const { voteTtlMs, voteIssueWindowMs } = this.#options;
    return this.#connection.write(`voting against ${target}`, false, () => {
      const nowMs = this.#options.nowMs();
      const member = sql.member.get(target);
      if (member === undefined || member['incarnation'] !== targetIncarnation) return 'stale-incarnation';
      if (member['dead'] === 1) return 'dead';
      // A vote that was stuck on its way must not land later.
      if (nowMs > issuedAtMs + voteIssueWindowMs || issuedAtMs > nowMs + voteIssueWindowMs) return 'too-old';
      sql.forgetVotes.run(target, nowMs);
      sql.putVote.run(target, targetIncarnation, voter, issuedAtMs + voteTtlMs);
      if (Number(member['lease_until']) > nowMs) return 'noted';
      const current = sql.tally.get(target, targetIncarnation, nowMs, 'current');
      const next = sql.tally.get(target, targetIncarnation, nowMs, 'next');
      // An empty current set means that there is no table, as in a wiped store: nobody dies.
      if (current?.['voters'] === 0 || !isMajority(current) || !isMajority(next)) return 'noted';
      sql.bury.run(target, targetIncarnation);
      return 'dead';
    });
  }

  release(id: string, incarnation: number): boolean {
    return this.#connection.write(`releasing the lease of ${id}`, false, () => {
      return this.#sql.bury.run(id, incarnation).changes === 1;
    });
  }

  members(): MemberRow[] {
    return this.#connection.read('reading the members', () => this.#sql.members.all().map(memberRow));
  }

  readTable(): StoredTable | undefined {
    const row = this.#connection.read('reading the table', () => this.#sql.table.get());
    if (row === undefined) return undefined;
    return { epoch: Number(row['epoch']), nonce: String(row['nonce']), bytes: row['bytes'] as Uint8Array };
  }

  casTable(...parameters: CasParameters): CasReply {
    const [expectEpoch, expectNonce, epoch, nonce, bytes, currentVoters, nextVoters] = parameters;
    const sql = this.#sql;
    return this.#connection.write('replacing the table', false, () => {
      const row = sql.tableVersion.get();
      const current = { epoch: Number(row?.['epoch'] ?? 0), nonce: String(row?.['nonce'] ?? '') };
      if (current.epoch !== expectEpoch || current.nonce !== expectNonce) return { ok: false, ...current };
      sql.putTable.run(epoch, nonce, bytes);
      sql.clearVoters.run();
      for (const id of new Set(currentVoters)) sql.putVoter.run('current', id);
      for (const id of new Set(nextVoters)) sql.putVoter.run('next', id);
      return { ok: true, epoch, nonce };
    });
  }

  seal(partitions: readonly number[], epoch: number, owner: string): number[] {
    const sql = this.#sql;
    return this.#connection.write(`sealing ${partitions.length} partitions for ${owner}`, false, () => {
      return partitions.map((partition) => {
        const sealed = Number(sql.owner.get(partition)?.['epoch'] ?? 0);
        if (sealed >= epoch) return sealed;
        sql.putOwner.run(partition, epoch, owner);
        return 0;
      });
    });
  }

  owners(partitions: readonly number[]): PartitionOwner[] {
    return this.#connection.read('reading the owners of partitions', () => {
      return partitions.map((partition) => {
        const row = this.#sql.owner.get(partition);
        return { epoch: Number(row?.['epoch'] ?? 0), owner: String(row?.['owner'] ?? '') };
      });
    });
  }
}

function statements(connection: Connection) {
  const prepare = (sql: string): StatementSync => connection.prepare(sql);
  return {
    member: prepare('SELECT incarnation, dead, lease_until FROM member WHERE id = ?'),
    putMember: prepare(
      'INSERT INTO member (id, incarnation, dead, lease_until, info) VALUES (?, ?, 0, ?, ?) ON CONFLICT DO UPDATE SET ' +
        'incarnation = excluded.incarnation, dead = 0, lease_until = excluded.lease_until, info = excluded.info',
    ),
    bury: prepare('UPDATE member SET dead = 1, lease_until = 0 WHERE id = ? AND incarnation = ?'),
    members: prepare('SELECT id, incarnation, dead, lease_until, info FROM member ORDER BY id'),
    putVote: prepare('INSERT OR REPLACE INTO vote (target, incarnation, voter, counts_until) VALUES (?, ?, ?, ?)'),
    forgetVotes: prepare('DELETE FROM vote WHERE target = ? AND counts_until <= ?'),
    /** How many voters a set has, and how many of them have a vote that still counts. */
    tally: prepare(
      'SELECT count(*) AS voters, count(vote.voter) AS votes FROM voter LEFT JOIN vote ON vote.voter = voter.id ' +
        'AND vote.target = ? AND vote.incarnation = ? AND vote.counts_until > ? WHERE voter.stage = ?',
    ),
    table: prepare('SELECT epoch, nonce, bytes FROM placement'),
    tableVersion: prepare('SELECT epoch, nonce FROM placement'),
    putTable: prepare('INSERT OR REPLACE INTO placement (one, epoch, nonce, bytes) VALUES (1, ?, ?, ?)'),
    clearVoters: prepare('DELETE FROM voter'),
    putVoter: prepare('INSERT INTO voter (stage, id) VALUES (?, ?)'),
    owner: prepare('SELECT epoch, owner FROM owner WHERE partition = ?'),
    putOwner: prepare('INSERT OR REPLACE INTO owner (partition, epoch, owner) VALUES (?, ?, ?)'),
  };
}

/** Half is enough: the target itself is in the set and does not vote. An empty set asks for nothing. */
function isMajority(tally: Record<string, unknown> | undefined): boolean {
  const voters = Number(tally?.['voters'] ?? 0);
  return Number(tally?.['votes'] ?? 0) >= Math.ceil(voters / 2);
}

function memberRow(row: Record<string, unknown>): MemberRow {
  const info = JSON.parse(String(row['info'])) as MemberInfo;
  return {
    id: String(row['id']),
    incarnation: Number(row['incarnation']),
    status: row['dead'] === 1 ? 'dead' : info.draining ? 'draining' : 'up',
    leaseUntilMs: Number(row['lease_until']),
    info,
  };
}
