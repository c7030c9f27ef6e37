/** Answers the questions of the admin API about this worker's share. */
import type { CallView } from '../../../actors/call/behaviour.ts';
import type { RegistrationView } from '../../../actors/aor/behaviour.ts';
import type { Counters } from './counters.ts';
import type { HostedPartitions } from '../../../cluster/hosted.ts';
import type { Replicator } from '../../../cluster/buddy/replicator.ts';
import type { LoopDelay } from './loop-delay.ts';
import type { WorkerLoadView, WorkerQuery } from './messages.ts';

export function answerQuery(
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
    case 'counters':
      return counters.all();
    case 'lag':
      return replicator.groups();
    case 'links':
      return [];
    case 'registrations': {
      const views = viewsOf<RegistrationView>(hosted, 'aor');
      const wanted = query.aor === '' ? views : views.filter((each) => each.aor === query.aor);
      return page(wanted, (each) => each.aor, query.after, query.limit);
    }
    case 'calls':
      return page(viewsOf<CallView>(hosted, 'call'), (each) => each.callId, query.after, query.limit);
  }
}

function loadOf(hosted: HostedPartitions, counters: Counters, delay: LoopDelay, clients: number): WorkerLoadView {
  let registrations = 0;
  for (const partition of hosted.partitions()) registrations += partition.stats().entities.aor;
  return {
    calls: viewsOf(hosted, 'call').length,
    registrations,
    received: counters.get('received'),
    lateMs: delay.worstMs(),
    clients,
  };
}

function viewsOf<View>(hosted: HostedPartitions, kind: 'call' | 'aor'): View[] {
  const views: View[] = [];
  for (const partition of hosted.partitions()) {
    for (const listed of partition.list(kind)) views.push(...(listed.view as readonly View[]));
  }
  return views;
}

/** The entries of the first `limit` keys after `after`, ordered by key; all entries of a key stay together. */
function page<View>(views: readonly View[], key: (view: View) => string, after: string, limit: number): View[] {
  const sorted = views
    .filter((each) => key(each) > after)
    .toSorted((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
  const taken = sorted.slice(0, limit);
  const last = taken.at(-1);
  return last === undefined ? taken : [...taken, ...sorted.slice(limit).filter((each) => key(each) === key(last))];
}
