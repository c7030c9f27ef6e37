/** A cluster for people: nodes, links, and who keeps copies for whom. */
import type { ClusterView, GroupView, LinkView } from '../admin/port.ts';
import { durationText, tableText } from './table.ts';

export function statusText(view: ClusterView, nowMs: number): string {
  const unowned = view.owners.filter((owner) => owner < 0).length;
  const rows = view.nodes.map((node) => [
    node.id,
    node.status,
    node.partitions,
    node.load?.calls ?? '-',
    node.load?.registrations ?? '-',
    node.zone === '' ? '-' : node.zone,
    node.workers,
    node.link,
    node.admin === '' ? '-' : node.admin,
    node.status === 'dead' ? '-' : durationText(nowMs - node.incarnation),
  ]);
  const head = ['node', 'status', 'partitions', 'calls', 'registrations', 'zone', 'workers', 'link', 'admin', 'up for'];
  const facts = [
    `cluster ${view.name}, table epoch ${view.epoch}, ${view.owners.length} partitions`,
    unowned === 0 ? 'all served' : `${unowned} without owner`,
    `${view.moving} moving`,
    view.storeUp ? 'store up' : 'store does not answer',
  ];
  const parts = [facts.join(', '), tableText(head, rows)];
  if (view.links.length > 0) parts.push(linksText(view.links, nowMs));
  if (view.groups.length > 0) parts.push(groupsText(view.groups));
  return parts.join('\n\n');
}

function linksText(links: readonly LinkView[], nowMs: number): string {
  const head = [
    'link',
    'up for',
    'rtt',
    'waiting',
    'unacknowledged',
    'sent',
    'received',
    'refused',
    'shed',
    'times up',
  ];
  const rows = links.map((link) => [
    `${link.from} > ${link.to}`,
    link.up ? durationText(nowMs - link.sinceMs) : 'down',
    link.rttMs === null ? '-' : `${link.rttMs} ms`,
    bytesText(link.waitingBytes),
    bytesText(link.unacknowledgedBytes),
    link.sent,
    link.received,
    link.refused,
    link.shed,
    link.ups,
  ]);
  return tableText(head, rows);
}

function groupsText(groups: readonly GroupView[]): string {
  const head = ['owner', 'buddy', 'partitions', 'moving', 'epochs', 'copied', 'not acknowledged', 'behind in store'];
  const rows = groups.map((group) => [
    group.owner,
    group.buddy === '' ? '-' : group.buddy,
    group.partitions,
    group.moving,
    group.epochMax === 0 ? '-' : `${epochText(group.epochMin)} to ${epochText(group.epochMax)}`,
    group.relied,
    group.unacknowledged,
    group.behind,
  ]);
  return tableText(head, rows);
}

/** The epoch of the table that a partition was sealed under, and how often it was handed over since. */
function epochText(epoch: number): string {
  return `${Math.floor(epoch / 2 ** 20)}.${epoch % 2 ** 20}`;
}

function bytesText(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  return bytes < 1_048_576 ? `${Math.round(bytes / 1_024)} KB` : `${Math.round(bytes / 1_048_576)} MB`;
}
