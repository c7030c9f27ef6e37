/**
 * Invariant 31, the store against the actors: when a worker says that a partition is frozen, each actor of it is in the
 * store as it is in memory, because its next owner has nothing else. When the store has answered for a while, it has every
 * call that stands and every binding: what could not be written was tried again. (Not all of a call: a transaction that is
 * over is written with the next change that matters.)
 * Seen failing with the mutants: 'a hand-off writes nothing', 'a hand-off does not wait for the store', 'a failed write is
 * not tried again'.
 */
import { decodeRow, packState, rowKey, unpackState } from '../../actors/snapshot.ts';
import type { CounterView } from '../../src/limit/view.ts';
import type { RegistrationView } from '../../actors/aor/behaviour.ts';
import type { CallView } from '../../actors/call/behaviour.ts';
import type { CallState } from '../../actors/call/state.ts';
import type { Behaviour, Kind } from '../../actors/entity.ts';
import type { Partition } from '../../actors/partition.ts';
import { worldStartMs } from '../clock.ts';
import { WrittenTurn } from '../lens.ts';
import type { Observer } from '../observe.ts';
import type { SimNode } from '../node.ts';
import type { World } from '../world.ts';

interface Actor {
  readonly kind: Kind;
  readonly key: string;
  readonly twin: Behaviour<unknown>;
  /** When it handled its last input. */
  heardAtMs: number;
}

/** What a buddy has is in the store after a second; one that is slow takes longer. */
const settledMs = 5_000;

export function stored(world: World): Observer {
  /** By node and worker: the states of the actors of each partition, those that came last at the end. */
  const known = new Map<SimNode, Map<number, Map<unknown, Actor>>[]>();
  const of = (node: SimNode, worker: number): Map<number, Map<unknown, Actor>> => {
    let workers = known.get(node);
    if (workers === undefined) known.set(node, (workers = []));
    return (workers[worker] ??= new Map());
  };
  /** By node: when the store last refused what one of its users had been promised, who goes back to before that. */
  const refusedAtMs = new Map<string, number>();
  const check = (node: SimNode, worker: number, partition: Partition, isWhole: boolean): void => {
    const actors = new Map<string, readonly [state: unknown, actor: Actor]>();
    for (const [state, actor] of of(node, worker).get(partition.number) ?? [])
      actors.set(rowKey(actor.kind, actor.key), [state, actor]);
    if (actors.size === 0) return;
    let rows: Map<string, Uint8Array> | undefined;
    for (const [name, [state, { kind, key, twin, heardAtMs }]] of actors) {
      // Most calls are over, and nothing of them has to be there.
      const due = isWhole ? [] : lasting(twin, state, worldStartMs + world.kernel.nowMs - settledMs);
      if (!isWhole && due.length === 0) continue;
      const listed = partition.find(kind, key);
      // It broke, or went back to before a promise, and has not been heard of since.
      if (listed !== undefined && listed.description !== twin.describe(state)) continue;
      if (kind === 'aor' && heardAtMs <= (refusedAtMs.get(node.id) ?? -1)) continue;
      rows ??= new Map(world.store.memory.load([partition.number]).map((each) => [each.key, each.value]));
      const value = rows.get(name);
      const row = value === undefined ? undefined : decodeRow(name, value)?.snapshot.packed;
      if (isWhole) {
        if ((listed === undefined ? undefined : pack(twin, state)) === row) continue;
        world.fail(
          'stored',
          31,
          `${node.id} hands over partition ${partition.number}: ${name} is not so in the store`,
          key,
        );
      }
      if (listed === undefined) continue;
      const its =
        row === undefined ? undefined : twin.unpack(key, unpackState(row), new WrittenTurn(partition.number, 0));
      const has = new Set(its === undefined ? [] : lasting(twin, its, Infinity));
      for (const each of due)
        if (!has.has(each))
          world.fail('stored', 31, `${node.id}: the store has answered for long, and not ${each}`, key);
    }
  };
  return {
    handling({ node, worker, partition, kind, key, state, twin }) {
      const partitions = of(node, worker);
      let actors = partitions.get(partition);
      if (actors === undefined) partitions.set(partition, (actors = new Map()));
      const actor = actors.get(state);
      const heardAtMs = world.kernel.nowMs;
      if (actor === undefined) actors.set(state, { kind, key, twin, heardAtMs });
      else actor.heardAtMs = heardAtMs;
      return undefined;
    },
    counted(node, metric) {
      if (metric === 'promise.refused') refusedAtMs.set(node, world.kernel.nowMs);
    },
    obeyed(node, worker, order) {
      if (order.type === 'drop') for (const partition of order.partitions) of(node, worker).delete(partition);
      if (order.type === 'assign') for (const { partition } of order.shares) of(node, worker).delete(partition);
    },
    fault({ kind, node: id, worker }) {
      const node = world.nodes.get(id);
      if (kind === 'worker-crash' && node !== undefined) of(node, worker).clear();
    },
    reported(node, report) {
      if (report.type !== 'frozen' || !world.isStrict) return;
      for (const [worker, each] of node.workers.entries())
        for (const share of report.shares) {
          const partition = each?.core.hosted.held(share);
          if (partition?.stats().frozen === true) check(node, worker, partition, true);
        }
    },
    phase(phase) {
      if (phase !== 'healed') return;
      for (const node of world.liveNodes())
        for (const [worker, each] of node.workers.entries())
          for (const partition of each?.core.hosted.partitions() ?? []) {
            const { frozen, queued, unwritten, writesInFlight } = partition.stats();
            if (!frozen && queued + unwritten + writesInFlight === 0) check(node, worker, partition, false);
          }
    },
  };
}

/** What must not be lost of an actor: calls that stand, bindings, places, those that are older. */
function lasting(twin: Behaviour<unknown>, state: unknown, untilMs: number): string[] {
  const view = twin.view(state) as readonly (CallView | RegistrationView | CounterView)[];
  return view.flatMap((each) => {
    if ('contact' in each) return each.registeredAtMs < untilMs ? [`${each.contact} of ${each.aor}`] : [];
    if ('holders' in each)
      return each.holders.flatMap(({ callId, sinceMs }) =>
        sinceMs < untilMs ? [`the place of ${callId} under ${each.name}`] : [],
      );
    const stands = each.state === 'established' && each.answeredAtMs < untilMs;
    return stands ? [`the call of ${each.from} and ${each.to} from ${each.answeredAtMs}`] : [];
  });
}

/** Packing notes what it packs; nobody shall notice that we did. */
function pack(twin: Behaviour<unknown>, state: unknown): string | undefined {
  const contexts = [...((state as Partial<CallState>).contexts?.values() ?? [])];
  const before = contexts.map(({ keptPending }) => keptPending);
  const packed = twin.pack(state);
  for (const [index, context] of contexts.entries()) context.keptPending = before[index]!;
  return packed === null ? undefined : packState(packed);
}
