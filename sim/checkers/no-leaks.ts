/**
 * Invariants 34 and 35: when everybody has hung up and unregistered and all timers have run out, nothing of it is left: no
 * entity awake or asleep, no timer, no item that waits, no row in the store. Mailboxes never refuse anybody meanwhile.
 * Seen failing with: the removal of an entity not written; a context that is never forgotten.
 */
import type { Listed } from '../../actors/listed.ts';
import type { CounterView } from '../../src/limit/view.ts';
import { markerKey } from '../../cluster/buddy/messages.ts';
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';
import { callMayMiss } from './streams.ts';

export function noLeaks(world: World): Observer {
  return {
    phase(phase) {
      if (phase !== 'end' || !world.isStrict) return;
      const held = new Set<string>();
      const standing = new Set<string>();
      const counters: [node: string, counter: Listed][] = [];
      for (const node of world.liveNodes()) {
        for (const worker of node.workers) {
          for (const partition of worker?.core.hosted.partitions() ?? []) {
            const { queued, unwritten, writesInFlight, asks } = partition.stats();
            for (const call of partition.list('call')) {
              if (!mayStand(world, call))
                world.fail('no-leaks', 34, `${node.id} still has ${call.description}`, call.key);
              standing.add(`call:${call.key}`);
            }
            if (queued + unwritten + writesInFlight + asks > 0)
              world.fail('no-leaks', 34, `${partition.describe()}, ${asks} asks: everybody hung up long ago`);
            for (const each of partition.list('aor')) held.add(each.key);
            for (const each of partition.list('limit')) counters.push([node.id, each]);
          }
        }
      }
      // Who stands holds the places that he had.
      for (const [node, { key, description, view }] of counters) {
        const [{ holders, used }] = view as [CounterView];
        if (used > 0 || holders.length === 0 || holders.some(({ callId }) => !standing.has(`call:${callId}`)))
          world.fail('no-leaks', 34, `${node} still has ${description}`);
        standing.add(`limit:${key}`);
      }
      const rows = world.store.memory.load(Array.from({ length: world.options.partitions }, (_, index) => index));
      for (const node of world.liveNodes())
        if (node.hub.buddy.tails.stats.rows > 0)
          world.fail('no-leaks', 34, `${node.id} still keeps ${node.hub.buddy.tails.stats.rows} second copies`);
      for (const row of rows) {
        if (row.key === markerKey || standing.has(row.key)) continue;
        if (row.key.startsWith('call:'))
          world.fail('no-leaks', 34, `the store still has a row of ${row.key}`, row.key.slice(5));
        if (!row.key.startsWith('aor:') || !held.has(row.key.slice(4)))
          world.fail('no-leaks', 34, `the store has a row ${row.key} of nobody`);
      }
    },
  };
}

/**
 * Each dialog of which no BYE was heard, as its connection was lost under way, stands until its time is over (limits.dialogMsMax).
 * One whose INVITE had to be repeated for long was hung up late: its BYE may still be repeated (Timer J, RFC 3261 17.2.2).
 */
function mayStand(world: World, { key, description }: { readonly key: string; readonly description: string }): boolean {
  const call = world.callWith(key);
  if (call === undefined) return false;
  if (call.requests.some(({ endedAtMs }) => endedAtMs > world.kernel.nowMs - rememberedMs)) return true;
  const standing = Number(/ contexts 0 dialogs (\d+)/.exec(description)?.[1] ?? Infinity);
  const byes = call.requests.filter(({ method }) => method === 'BYE');
  // 5xx: the server had no connection to the other side.
  const heard = new Set(byes.flatMap(({ timedOut, status, tag }) => (timedOut || status >= 500 ? [] : [tag])));
  const unheard = new Set(byes.map(({ tag }) => tag)).difference(heard);
  return (
    standing <= unheard.size &&
    callMayMiss(world, call, call.plan.startMs, Math.max(...byes.map(({ endedAtMs }) => endedAtMs)))
  );
}

/** 64 T1, and what the store may be behind. */
const rememberedMs = 34_000;
