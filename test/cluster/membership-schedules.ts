/**
 * Leases, votes and the standing of nodes alone, without partitions: the books of production (membership.ts, the memory
 * store) among kills and returns with messages of 60 to 4000 ms, one-way cuts, islands, store cuts and pauses up to 15 s.
 * A schedule fails when a node may act after it was declared dead.
 */
import { ownerName } from '../../cluster/control-types.ts';
import type { Membership } from '../../cluster/membership.ts';
import { MemoryStore } from '../../cluster/stores/memory.ts';
import { nobody } from '../../cluster/table.ts';
import type { Table, TableMember } from '../../cluster/table.ts';
import { profiles } from '../../src/limits.ts';
import { Agenda } from './agenda.ts';

export interface Rules {
  readonly membership: (id: string) => Membership;
  /** A vote is issued when it is sent; else it counts as issued when it arrives. */
  readonly votesAge: boolean;
  /** Another set of voters is stored beside the current one until everybody knows it. */
  readonly jointly: boolean;
  /** Dead nodes are replaced, and come back. */
  readonly returns: boolean;
}

interface Node {
  readonly id: string;
  readonly incarnation: number;
  readonly membership: Membership;
  table: Table;
  operation: number;
  pausedUntilMs: number;
  isAlive: boolean;
  readonly inbox: (() => void)[];
}

const tickMs = 50;
const clockMs = 1_700_000_000_000;
const info = { link: '', workers: 1, schema: 1, draining: false };

export class MembershipWorld extends Agenda {
  readonly #rules: Rules;
  readonly #ids: readonly string[];
  readonly #store: MemoryStore;
  readonly #nodes = new Map<string, Node>();
  readonly #cuts = new Set<string>();
  readonly #storeCuts = new Set<string>();
  #table: Table;
  #incarnations = 0;
  #slow = 0;
  kills = 0;
  overlap: string | undefined;

  constructor(seed: number, rules: Rules) {
    super(seed);
    this.#rules = rules;
    this.#store = new MemoryStore({ nowMs: () => clockMs + Math.floor(this.nowMs) });
    this.#ids = ['a', 'b', 'c', 'd', 'e', 'f'].slice(0, 2 + Math.floor(this.random() * 5));
    this.#slow = this.random() * 0.3;
    const members = this.#ids.map((id): TableMember => this.#member(id, ++this.#incarnations));
    this.#table = tableOf(1, members, [...this.#ids], []);
    this.#store.casTable(0, '', 1, '1', new Uint8Array(), this.#table.voters, []);
    for (const { id, incarnation } of members) this.#start(id, incarnation);
  }

  play(forMs: number): void {
    this.#disturb();
    for (let atMs = 5; atMs <= forMs && this.overlap === undefined; atMs += 5) {
      this.run(atMs);
      if (atMs % 25 === 0) this.#check();
    }
  }

  #member(id: string, incarnation: number): TableMember {
    return { id, incarnation, link: '', workers: 1, draining: false, zone: '' };
  }

  #start(id: string, incarnation: number): void {
    const membership = this.#rules.membership(id);
    const node: Node = {
      id,
      incarnation,
      membership,
      table: this.#table,
      operation: 0,
      pausedUntilMs: 0,
      isAlive: true,
      inbox: [],
    };
    this.#nodes.set(id, node);
    const tick = (): void => {
      if (!node.isAlive) return;
      this.#do(node, () => this.#tick(node));
      this.at(tickMs, tick);
    };
    for (const each of this.#table.members)
      if (each.id !== id) membership.linked(each.id, each.incarnation, true, this.nowMs);
    const lease = (): void => {
      if (!node.isAlive) return;
      this.#do(node, () => this.#lease(node));
      this.at(membership.latched ? 200 : profiles.default.leaseRenewMs, lease);
    };
    const beat = (): void => {
      if (!node.isAlive) return;
      this.#do(node, () => this.#beat(node));
      this.at(profiles.default.heartbeatMs, beat);
    };
    this.at(this.between(0, 40), tick);
    this.at(this.between(0, 40), lease);
    this.at(this.between(0, 200), beat);
  }

  /** In a process that is stopped, everything waits; the first thing it does is to look at the clock. */
  #do(node: Node, run: () => void): void {
    if (!node.isAlive) return;
    if (this.nowMs < node.pausedUntilMs) return void node.inbox.push(run);
    node.membership.look(this.nowMs, node.operation + 1);
    run();
    node.membership.update(node.table);
  }

  #tick(node: Node): void {
    for (const member of node.table.members) {
      if (member.id === node.id || !node.membership.shallVote(member, this.nowMs)) continue;
      node.membership.voted(member.id, this.nowMs);
      const sentMs = Math.floor(clockMs + this.nowMs);
      this.#ask(node, () => {
        const issuedMs = this.#rules.votesAge ? sentMs : Math.floor(clockMs + this.nowMs);
        const row = this.#store.members().find(({ id }) => id === member.id);
        const isNews = row?.incarnation === member.incarnation && row.status !== 'dead';
        const reply = this.#store.vote(member.id, member.incarnation, node.id, issuedMs);
        if (reply === 'dead' && isNews) this.#buried(member);
      });
    }
  }

  #lease(node: Node): void {
    const sentMs = this.nowMs;
    const operation = ++node.operation;
    this.#ask(node, () => {
      const { result } = this.#store.lease(node.id, node.incarnation, profiles.default.leaseTtlMs, info);
      this.at(this.#delay(), () => {
        if (this.#storeCuts.has(node.id)) return;
        this.#do(node, () => {
          if (result === 'ok') node.membership.leased(sentMs, operation, this.nowMs);
          else if (result === 'dead' || result === 'superseded') node.isAlive = false;
          node.table = later(node.table, this.#table);
        });
      });
    });
  }

  #beat(node: Node): void {
    const sentMs = this.nowMs;
    for (const peer of this.#nodes.values()) {
      if (peer === node) continue;
      this.#send(node, peer, () => {
        peer.membership.heard(node.id, node.incarnation, this.nowMs);
        peer.membership.adopted(node.id, node.incarnation, node.table.epoch);
        const { table } = peer;
        if (peer.membership.latched) return;
        const votedAgoMs = peer.membership.votedAgoMs(node.id, this.nowMs);
        this.#send(peer, node, () => {
          node.membership.heard(peer.id, peer.incarnation, this.nowMs);
          node.membership.confirmed(peer.id, peer.incarnation, sentMs, votedAgoMs);
          this.#adopt(node, table);
        });
      });
    }
  }

  #adopt(node: Node, table: Table): void {
    if (table.epoch <= node.table.epoch) return;
    node.table = table;
    if (!table.members.some(({ id, incarnation }) => id === node.id && incarnation === node.incarnation))
      node.isAlive = false;
    else node.membership.remember(table, this.nowMs);
  }

  #send(from: Node, to: Node, run: () => void): void {
    if (this.#cuts.has(`${from.id} ${to.id}`)) return;
    this.at(this.#delay(), () => {
      if (from.isAlive && !this.#cuts.has(`${from.id} ${to.id}`)) this.#do(to, run);
    });
  }

  #ask(node: Node, run: () => void): void {
    this.at(this.#delay(), () => {
      if (!this.#storeCuts.has(node.id)) run();
    });
  }

  #delay(): number {
    return this.random() < this.#slow ? this.between(60, 4_000) : this.between(0.2, 5);
  }

  /** It is replaced, and comes back under another incarnation. */
  #buried(member: TableMember): void {
    this.kills++;
    this.#check();
    if (!this.#rules.returns) return;
    this.#plan(this.#table.members.filter((each) => each.id !== member.id));
    this.at(this.between(200, 5_000), () => {
      const node = this.#nodes.get(member.id);
      if (node !== undefined) node.isAlive = false;
      const incarnation = ++this.#incarnations;
      this.#plan([...this.#table.members, this.#member(member.id, incarnation)]);
      this.#start(member.id, incarnation);
    });
  }

  #plan(members: readonly TableMember[]): void {
    const ids = members.map(({ id }) => id);
    if (ids.length === 0) return;
    const { voters } = this.#table;
    this.#put(
      this.#rules.jointly
        ? tableOf(this.#table.epoch + 1, members, voters, ids)
        : tableOf(this.#table.epoch + 1, members, ids, []),
    );
    if (this.#rules.jointly) this.#flip(this.#table.epoch);
  }

  /** The next voters become the current ones when every member that is not dead knows of them. */
  #flip(epoch: number): void {
    this.at(100, () => {
      if (this.#table.epoch !== epoch) return;
      const known = this.#table.members.every((member) => {
        const node = this.#nodes.get(member.id);
        const row = this.#store.members().find(({ id }) => id === member.id);
        if (row?.status === 'dead' && row.incarnation === member.incarnation) return true;
        return node?.incarnation === member.incarnation && node.table.epoch >= epoch;
      });
      if (!known) return this.#flip(epoch);
      this.#put(tableOf(epoch + 1, this.#table.members, this.#table.nextVoters, []));
    });
  }

  #put(table: Table): void {
    const { epoch } = this.#table;
    this.#table = table;
    this.#store.casTable(
      epoch,
      `${epoch}`,
      table.epoch,
      `${table.epoch}`,
      new Uint8Array(),
      table.voters,
      table.nextVoters,
    );
  }

  #disturb(): void {
    const change = (): void => {
      this.#cuts.clear();
      this.#storeCuts.clear();
      const islands = this.random() < 0.5;
      const side = new Map(this.#ids.map((id) => [id, this.random() < 0.5]));
      const outage = this.random() < 0.15;
      for (const from of this.#ids) {
        for (const to of this.#ids)
          if (islands ? side.get(from) !== side.get(to) : this.random() < 0.25) this.#cuts.add(`${from} ${to}`);
        if (outage || this.random() < 0.35) this.#storeCuts.add(from);
        const node = this.#nodes.get(from);
        if (node !== undefined && this.random() < 0.12)
          this.#pause(node, this.between(200, this.random() < 0.5 ? 3_000 : 15_000));
      }
      this.at(this.random() < 0.3 ? this.between(50, 1_500) : this.between(500, 6_000), change);
    };
    this.at(1_000, change);
  }

  #pause(node: Node, forMs: number): void {
    if (this.nowMs < node.pausedUntilMs) return;
    node.pausedUntilMs = this.nowMs + forMs;
    this.at(forMs, () => {
      for (const run of node.inbox.splice(0)) this.#do(node, run);
    });
  }

  #check(): void {
    for (const { id, incarnation, status } of this.#store.members()) {
      const node = this.#nodes.get(id);
      if (status !== 'dead' || node === undefined || node.incarnation !== incarnation || !node.isAlive) continue;
      if (this.nowMs >= node.pausedUntilMs && this.nowMs < node.membership.serveUntilMs)
        this.overlap ??= `${ownerName(id, incarnation)} is dead and acts at ${this.nowMs.toFixed(0)}`;
    }
  }
}

function tableOf(
  epoch: number,
  members: readonly TableMember[],
  voters: readonly string[],
  nextVoters: readonly string[],
): Table {
  const none = new Uint16Array(1).fill(nobody);
  const jointSince = nextVoters.length > 0 ? epoch : 0;
  return {
    epoch,
    nonce: `${epoch}`,
    members: [...members],
    owner: none,
    buddy: none,
    moving: new Map(),
    voters: [...voters],
    nextVoters: [...nextVoters],
    jointSince,
  };
}

function later(a: Table, b: Table): Table {
  return b.epoch > a.epoch ? b : a;
}
