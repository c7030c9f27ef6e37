/** What a node says of its links, of its copies and of how far the store is behind: for `cluster status` and for /metrics. */
import type { CopyGroup } from '../../../cluster/buddy/replicator.ts';
import type { TailStats } from '../../../cluster/buddy/tails.ts';
import type { MeshStats } from '../../../cluster/link-mesh.ts';
import { nobody } from '../../../cluster/table.ts';
import type { Table } from '../../../cluster/table.ts';
import type { Counter, GroupView, LinkView } from '../../admin/port.ts';

/** The links of node `from`. `nowMs` is the time of day, `monotonicMs` the same moment by the clock of the links. */
export function linkViews(from: string, stats: MeshStats, nowMs: number, monotonicMs: number): LinkView[] {
  return stats.peers.map((peer) => ({
    from,
    to: peer.id,
    up: peer.up,
    sinceMs: peer.up ? Math.round(nowMs - (monotonicMs - peer.upSinceMs)) : 0,
    rttMs: peer.rttMs < 0 ? null : Math.round(peer.rttMs * 10) / 10,
    waitingBytes: peer.waitingBytes,
    unacknowledgedBytes: peer.heldBytes - peer.waitingBytes,
    sent: peer.sent,
    received: peer.received,
    refused: peer.refused,
    shed: peer.shed,
    ups: peer.ups,
  }));
}

/** The groups of a worker or of many, put together: partitions of one owner with one buddy. */
export function groupViews(table: Table | undefined, lags: ReadonlyMap<string, readonly CopyGroup[]>): GroupView[] {
  const groups = new Map<string, { -readonly [K in keyof GroupView]: GroupView[K] }>();
  const groupOf = (owner: string, buddy: string): { -readonly [K in keyof GroupView]: GroupView[K] } => {
    const name = `${owner} ${buddy}`;
    let group = groups.get(name);
    if (group === undefined) {
      const none = { epochMin: 0, epochMax: 0, unacknowledged: 0, behind: 0, relied: 0 };
      groups.set(name, (group = { owner, buddy, partitions: 0, moving: 0, ...none }));
    }
    return group;
  };
  table?.owner.forEach((index, partition) => {
    if (index === nobody) return;
    const group = groupOf(table.members[index]!.id, table.members[table.buddy[partition]!]?.id ?? '');
    group.partitions++;
    if (table.moving.has(partition)) group.moving++;
  });
  for (const [owner, list] of lags) {
    for (const lag of list) {
      const group = groupOf(owner, lag.buddy);
      group.epochMin = group.epochMin === 0 ? lag.epochMin : Math.min(group.epochMin, lag.epochMin);
      group.epochMax = Math.max(group.epochMax, lag.epochMax);
      group.unacknowledged += lag.unacknowledged;
      group.behind += lag.behind;
      group.relied += lag.relied;
    }
  }
  return [...groups.values()].toSorted((a, b) => (`${a.owner} ${a.buddy}` < `${b.owner} ${b.buddy}` ? -1 : 1));
}

/** Of this node alone. Labels are ids of nodes and codes of errors. */
export function linkCounters(
  links: readonly LinkView[],
  ends: MeshStats['ends'],
  lags: readonly CopyGroup[],
  kept: TailStats,
): Counter[] {
  const counters: Counter[] = [];
  const add = (
    type: Counter['type'],
    name: string,
    help: string,
    value: number,
    labels: Counter['labels'] = {},
  ): void => void counters.push({ name: `carillon_${name}`, help, type, labels, value });
  for (const link of links) {
    const peer = { peer: link.to };
    add('gauge', 'link_up', 'Whether the link to this node is up.', link.up ? 1 : 0, peer);
    if (link.rttMs !== null)
      add('gauge', 'link_round_trip_seconds', 'Round trip of the link.', link.rttMs / 1_000, peer);
    add('gauge', 'link_waiting_bytes', 'Octets that wait to be written to the link.', link.waitingBytes, peer);
    add('gauge', 'link_unacknowledged_bytes', 'Octets written and not acknowledged.', link.unacknowledgedBytes, peer);
    add('counter', 'link_sent_items_total', 'Items given to the link.', link.sent, peer);
    add('counter', 'link_received_items_total', 'Items that came over the link.', link.received, peer);
    add('counter', 'link_refused_items_total', 'Items that the link could not take.', link.refused, peer);
    add('counter', 'link_shed_items_total', 'New requests given up because the link was full.', link.shed, peer);
    add('counter', 'link_ups_total', 'How often the link came up.', link.ups, peer);
  }
  for (const [reason, count] of Object.entries(ends))
    add('counter', 'link_ends_total', 'How links and attempts ended, by reason.', count, { reason });
  const sum = (what: 'unacknowledged' | 'behind' | 'relied'): number => lags.reduce((all, lag) => all + lag[what], 0);
  add('gauge', 'copies_unacknowledged', 'Copies for buddies that they have not acknowledged.', sum('unacknowledged'));
  add('gauge', 'store_behind_rows', 'Snapshots that the store does not have yet.', sum('behind'));
  add('gauge', 'copied_partitions', 'Partitions whose second copy a buddy holds.', sum('relied'));
  add('gauge', 'kept_rows', 'Snapshots kept for other nodes that the store does not have yet.', kept.rows);
  add('gauge', 'kept_bytes', 'Their octets.', kept.bytes);
  return counters;
}
