/** Answers the questions of the admin API about this worker's share; long answers take several turns of the event loop. */
import type { CallView } from '../../../actors/call/behaviour.ts';
import type { CounterView } from '../../limit/view.ts';
import type { RegistrationView } from '../../../actors/aor/behaviour.ts';
import type { Partition } from '../../../actors/partition.ts';
import type { Counters } from './counters.ts';
import type { HostedPartitions } from '../../../cluster/hosted.ts';
import type { Replicator } from '../../../cluster/buddy/replicator.ts';
import type { LoopDelay } from './loop-delay.ts';
import { threadView } from '../thread-view.ts';
import { pageOf } from './pages.ts';
import type { WorkerLoadView, WorkerQuery } from './messages.ts';

export function answerQuery(
  name: string,
  query: WorkerQuery,
  hosted: HostedPartitions,
  replicator: Replicator,
  counters: Counters,
  delay: LoopDelay,
  clients: number,
): unknown {
  switch (query.what) {
    case 'load':
      return loadOf(hosted, counters, delay, clients);
    case 'clients':
      return clients;
    case 'counters':
      return counters.all();
    case 'thread':
      return threadView(name, delay.turns(), countOf(hosted));
    case 'lag':
      return replicator.groups();
    case 'links':
      return [];
    case 'registrations':
      if (query.aor !== '') return viewsOf(hosted, 'aor', query.aor, query.after);
      return pageOf<RegistrationView>([...hosted.partitions()], 'aor', query, nextTurn);
    case 'calls':
      return pageOf<CallView>([...hosted.partitions()], 'call', query, nextTurn);
    case 'limits':
      if (query.name !== '') return viewsOf(hosted, 'limit', query.name, query.after);
      return limitsPage(hosted, query);
  }
}

/** Of one entity, unless it was on the page before. */
function viewsOf(hosted: HostedPartitions, kind: 'aor' | 'limit', key: string, after: string): unknown[] {
  if (key <= after) return [];
  return [...hosted.partitions()].flatMap((partition) => (partition.find(kind, key)?.view ?? []) as readonly unknown[]);
}

/** Who holds the places is shown of one counter alone: there may be thousands. */
async function limitsPage(
  hosted: HostedPartitions,
  query: { readonly after: string; readonly limit: number },
): Promise<CounterView[]> {
  const views = await pageOf<CounterView>([...hosted.partitions()], 'limit', query, nextTurn);
  return views.map((view) => ({ ...view, holders: [] }));
}

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

async function loadOf(
  hosted: HostedPartitions,
  counters: Counters,
  delay: LoopDelay,
  clients: number,
): Promise<WorkerLoadView> {
  const { registrations } = countOf(hosted);
  return {
    calls: await countCalls([...hosted.partitions()]),
    registrations,
    received: counters.get('received'),
    lateMs: delay.worstMs(),
    clients,
  };
}

/** Without those that have ended and wait for their timers: these are awake. */
async function countCalls(partitions: readonly Partition[]): Promise<number> {
  let calls = 0;
  let looked = 0;
  for (const partition of partitions) {
    const awake = partition.listAwake('call');
    calls += partition.stats().entities.call - awake.length;
    for (const { view } of awake) calls += (view as readonly CallView[]).length;
    looked += awake.length;
    if (looked < viewsPerTurn) continue;
    looked = 0;
    await nextTurn();
  }
  return calls;
}

const viewsPerTurn = 128;

/** What is there, asleep or awake, without waking it. */
function countOf(hosted: HostedPartitions): { calls: number; registrations: number } {
  const count = { calls: 0, registrations: 0 };
  for (const partition of hosted.partitions()) {
    const { entities } = partition.stats();
    count.calls += entities.call;
    count.registrations += entities.aor;
  }
  return count;
}
