/** What the HTTP API asks, answered for the whole cluster: every node is asked for its share, and the answers are put together. */
import { ha1 } from '../../auth/digest.ts';
import type { CallView as OwnCall } from '../../../actors/call/behaviour.ts';
import type { CounterView } from '../../limit/view.ts';
import type { RegistrationView as OwnRegistration } from '../../../actors/aor/behaviour.ts';
import { nobody, tableSchema } from '../../../cluster/table.ts';
import type { CopyGroup } from '../../../cluster/buddy/replicator.ts';
import type { TailStats } from '../../../cluster/buddy/tails.ts';
import type { MeshStats } from '../../../cluster/link-mesh.ts';
import type { MemberRow } from '../../../cluster/store-ports.ts';
import type { Table } from '../../../cluster/table.ts';
import type { StoreClient } from '../../../cluster/stores/client.ts';
import { AdminError } from '../../admin/port.ts';
import type {
  AdminPort,
  CallView,
  ClusterView,
  Counter,
  LimitQuery,
  LimitView,
  LinkView,
  NewUser,
  NodeLoad,
  NodeView,
  Page,
  PageQuery,
  Readiness,
  RegistrationQuery,
  RegistrationView,
  UserView,
} from '../../admin/port.ts';
import type { Config } from '../../config/config.ts';
import { aorOf, parseUri } from '../../sip/uri.ts';
import { groupViews, linkCounters } from './links-view.ts';
import { threadCounters } from '../thread-view.ts';
import type { ThreadView, WorkerLoadView, WorkerQuery } from '../worker/messages.ts';

/** A node's part of an answer. */
export interface NodeAnswer {
  readonly node: string;
  readonly values: readonly unknown[];
}

export interface AdminSources {
  readonly config: Config;
  readonly store: StoreClient;
  ready(): boolean;
  describe(): string;
  table(): Table | undefined;
  members(): readonly MemberRow[];
  storeUp(): boolean;
  /** Asks all nodes, this one too. Those that do not answer in time are missing. */
  askAll(query: WorkerQuery): Promise<readonly NodeAnswer[]>;
  askSelf(query: WorkerQuery): Promise<readonly unknown[]>;
  /** Tells a node to drain; false when it is not there. */
  drain(node: string): boolean;
  userChanged(aor: string): void;
  counters(): readonly (readonly [name: string, value: number])[];
  mainThread(): ThreadView;
  /** How UDP is read and written. */
  datagrams(): 'native' | 'node';
  /** How links of this node ended. */
  ends(): MeshStats['ends'];
  /** What it keeps for other nodes. */
  kept(): TailStats;
}

export function adminPort(sources: AdminSources): AdminPort {
  return {
    ready: async () => readiness(sources),
    cluster: () => clusterView(sources),
    users: (query) => users(sources, query),
    putUser: (user) => putUser(sources, user),
    removeUser: (aor) => removeUser(sources, aor),
    registrations: (query) => registrations(sources, query),
    calls: (query) => calls(sources, query),
    limits: (query) => counted(sources, query),
    drain: async (id) => {
      if (sources.members().every((row) => row.id !== id || row.status === 'dead'))
        throw new AdminError('not-found', `no node is called ${id}`);
      if (!sources.drain(id))
        throw new AdminError('unavailable', `node ${id} cannot be reached from here: ask it itself`);
    },
    counters: () => counters(sources),
  };
}

function readiness(sources: AdminSources): Readiness {
  return { ready: sources.ready(), reason: sources.describe() };
}

async function clusterView(sources: AdminSources): Promise<ClusterView> {
  const table = sources.table();
  const [answers, links, lags] = await Promise.all([
    sources.askAll({ what: 'load' }),
    sources.askAll({ what: 'links' }),
    sources.askAll({ what: 'lag' }),
  ]);
  const lagOf = new Map(lags.map(({ node, values }) => [node, (values as readonly (readonly CopyGroup[])[]).flat()]));
  const loads = new Map(answers.map(({ node, values }) => [node, sum(values as readonly WorkerLoadView[])]));
  const nodes: NodeView[] = sources.members().map((row) => ({
    id: row.id,
    incarnation: row.incarnation,
    status: row.status,
    link: row.info.link,
    admin: row.info.admin ?? '',
    zone: row.info.zone ?? '',
    workers: row.info.workers,
    partitions: table === undefined ? 0 : countOwned(table, row.id),
    load: loads.get(row.id) ?? null,
  }));
  const indexOf = (member: number): number =>
    member === nobody ? -1 : nodes.findIndex((node) => node.id === table?.members[member]?.id);
  const memberIndex = (table?.members ?? []).map((_, index) => indexOf(index));
  return {
    name: sources.config.cluster.name,
    node: sources.config.node.id,
    epoch: table?.epoch ?? 0,
    storeUp: sources.storeUp(),
    nodes,
    owners:
      table === undefined
        ? []
        : Array.from(table.owner, (member) => (member === nobody ? -1 : (memberIndex[member] ?? -1))),
    moving: table?.moving.size ?? 0,
    schema: table === undefined ? 0 : tableSchema(table),
    links: links.flatMap(({ values }) => values as readonly LinkView[]),
    groups: groupViews(table, lagOf),
  };
}

function countOwned(table: Table, id: string): number {
  const index = table.members.findIndex((member) => member.id === id);
  let owned = 0;
  for (const owner of table.owner) if (owner === index) owned += 1;
  return owned;
}

function sum(loads: readonly WorkerLoadView[]): NodeLoad {
  const total = { calls: 0, registrations: 0, received: 0, lateMs: 0, clients: 0 };
  for (const load of loads) {
    total.calls += load.calls;
    total.registrations += load.registrations;
    total.received += load.received;
    total.clients += load.clients;
    total.lateMs = Math.max(total.lateMs, load.lateMs);
  }
  return total;
}

function users(sources: AdminSources, { after, limit }: PageQuery): Promise<Page<UserView>> {
  return new Promise((resolve, reject) => {
    sources.store.users(after, limit, (error, found) => {
      if (error !== undefined) return reject(new AdminError('unavailable', error.message));
      const entries = found.map(({ aor, createdMs }) => ({ aor, createdMs }));
      resolve({ entries, next: entries.length < limit ? null : (entries.at(-1)?.aor ?? null) });
    });
  });
}

function putUser(sources: AdminSources, { aor, password }: NewUser): Promise<void> {
  const record = userRecord(aor, password);
  if (record === undefined || !sources.config.domains.includes(record.realm)) {
    return Promise.reject(
      new AdminError('refused', `${aor} is in none of the domains ${sources.config.domains.join(', ')}`),
    );
  }
  return new Promise((resolve, reject) => {
    sources.store.putUser(record, (error) => {
      if (error !== undefined) return reject(new AdminError('unavailable', error.message));
      sources.userChanged(record.aor);
      resolve();
    });
  });
}

/** What is stored of a user: hashes for both algorithms, never the password. Undefined when `aor` is no address-of-record. */
export function userRecord(
  aor: string,
  password: string,
): { aor: string; realm: string; ha1Md5: string; ha1Sha256: string } | undefined {
  const uri = parseUri(aor);
  if (uri === undefined || uri.scheme !== 'sip' || uri.user === '') return undefined;
  const realm = uri.host.toLowerCase();
  const { user } = uri;
  return {
    aor: aorOf(uri),
    realm,
    ha1Md5: ha1(user, realm, password, 'MD5'),
    ha1Sha256: ha1(user, realm, password, 'SHA-256'),
  };
}

function removeUser(sources: AdminSources, aor: string): Promise<boolean> {
  const uri = parseUri(aor);
  const key = uri === undefined ? aor : aorOf(uri);
  return new Promise((resolve, reject) => {
    sources.store.removeUser(key, (error, removed) => {
      if (error !== undefined) return reject(new AdminError('unavailable', error.message));
      sources.userChanged(key);
      resolve(removed);
    });
  });
}

async function registrations(
  sources: AdminSources,
  { after, limit, aor }: RegistrationQuery,
): Promise<Page<RegistrationView>> {
  const query = { what: 'registrations', after, limit, aor: aor ?? '' } as const;
  const viewOf = (each: OwnRegistration, node: string): RegistrationView => ({
    aor: each.aor,
    contact: each.contact,
    flow: each.source,
    expiresAtMs: each.expiresAtMs,
    q: each.q,
    userAgent: each.userAgent,
    node,
  });
  return pageOf(sources, query, viewOf, ({ aor: key }) => key);
}

async function calls(sources: AdminSources, { after, limit }: PageQuery): Promise<Page<CallView>> {
  const viewOf = (each: OwnCall, node: string): CallView => ({
    callId: each.callId,
    from: each.from,
    to: each.to,
    state: each.state,
    startedAtMs: each.startedAtMs,
    node,
  });
  return pageOf(sources, { what: 'calls', after, limit }, viewOf, ({ callId }) => callId);
}

async function counted(sources: AdminSources, { after, limit, name }: LimitQuery): Promise<Page<LimitView>> {
  const query = { what: 'limits', after, limit, name: name ?? '' } as const;
  const viewOf = (each: CounterView, node: string): LimitView => ({ ...each, node });
  return pageOf(sources, query, viewOf, ({ name: key }) => key);
}

/** Put together of what every worker has. Ordered by key; entries of one key are never divided between pages. */
async function pageOf<Own, View>(
  sources: AdminSources,
  query: PagedQuery,
  viewOf: (own: Own, node: string) => View,
  keyOf: (view: View) => string,
): Promise<Page<View>> {
  const { limit } = query;
  // One more than fits: it says that there is another page.
  const answers = await sources.askAll({ ...query, limit: limit + 1 });
  const sorted = answers
    .flatMap(({ node, values }) => (values as readonly (readonly Own[])[]).flat().map((own) => viewOf(own, node)))
    .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0));
  if (sorted.length <= limit) return { entries: sorted, next: null };
  const lastKey = keyOf(sorted[limit - 1] as View);
  const entries = sorted.filter((each, index) => index < limit || keyOf(each) === lastKey);
  return { entries, next: entries.length < sorted.length ? lastKey : null };
}

type PagedQuery = Extract<WorkerQuery, { readonly limit: number }>;

async function counters(sources: AdminSources): Promise<readonly Counter[]> {
  const totals = new Map<string, number>();
  const add = (name: string, value: number): void => void totals.set(name, (totals.get(name) ?? 0) + value);
  for (const values of await sources.askSelf({ what: 'counters' }))
    for (const [name, value] of values as readonly [string, number][]) add(name, value);
  for (const [name, value] of sources.counters()) add(name, value);
  const links = (await sources.askSelf({ what: 'links' })) as readonly LinkView[];
  const lags = (await sources.askSelf({ what: 'lag' })) as readonly (readonly CopyGroup[])[];
  const events = [...totals].map(([name, value]): Counter => ({
    name: 'carillon_events_total',
    help: 'What happened on this node since its start, by event.',
    type: 'counter',
    labels: { event: name },
    value,
  }));
  const datagrams: Counter = {
    name: 'carillon_datagrams_info',
    help: 'How UDP is read and written: natively, or by the sockets of Node.',
    type: 'gauge',
    labels: { path: sources.datagrams() },
    value: 1,
  };
  const threads = [sources.mainThread(), ...((await sources.askSelf({ what: 'thread' })) as readonly ThreadView[])];
  return [
    ...events,
    datagrams,
    ...threadCounters(threads, process.memoryUsage.rss()),
    ...linkCounters(links, sources.ends(), lags.flat(), sources.kept()),
  ];
}
