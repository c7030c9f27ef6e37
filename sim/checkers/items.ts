/**
 * Invariants 32 and 39, item by item: what a worker took for a partition (a message, a question, news) is handled by its
 * actor once, or goes on to where the partition went, or is counted as shed; a question that was asked again, once for all
 * times that it was asked before. What is shed is what may be, and only when there is no room. A partition that a hand-over
 * gave back, or that is loaded anew, goes on: nothing stays frozen, nothing of the one before it stays awake.
 * Seen failing with the mutants: 'what comes while a partition is frozen is lost', 'what comes while a partition loads is
 * lost', 'urgent items come last', 'a freeze is not taken back by the worker'.
 */
import { packEnvelope } from '../../actors/envelope.ts';
import type { Input } from '../../actors/entity.ts';
import type { Envelope } from '../../actors/envelope.ts';
import type { Partition } from '../../actors/partition.ts';
import type { ShareOrder } from '../../cluster/control-types.ts';
import { limits } from '../../src/limits.ts';
import type { Observer } from '../observe.ts';
import type { SimNode } from '../node.ts';
import type { World } from '../world.ts';

/** Of one partition: what was taken and not handled, with when. */
type Taken = Map<Envelope, number>;
/** Long after the last fault. */
const handledMs = 5_000;
const urgentMethods: ReadonlySet<string> = new Set(['ACK', 'BYE', 'CANCEL', 'PRACK']);

export function items(world: World): Observer {
  const taken = new Map<SimNode, Map<number, Taken>[]>();
  /** Why the item that is being delivered was not queued. */
  let refusal = '';
  /** While partitions are dropped: what has to go on, by its octets, with how often. */
  let leaving: Map<string, number> | undefined;
  let replaced: Partition[] = [];

  const of = (node: SimNode, worker: number): Map<number, Taken> => {
    let workers = taken.get(node);
    if (workers === undefined) taken.set(node, (workers = []));
    return (workers[worker] ??= new Map());
  };
  const ofPartition = (node: SimNode, worker: number, partition: number): Taken => {
    const all = of(node, worker);
    let one = all.get(partition);
    if (one === undefined) all.set(partition, (one = new Map()));
    return one;
  };
  const here = (
    node: SimNode,
    worker: number,
    { shares }: { shares: readonly { partition: number; epoch: number }[] },
  ) => shares.flatMap((share) => node.workers[worker]?.core.hosted.held(share) ?? []);

  const onRefused = (node: SimNode, worker: number, partition: number, envelope: Envelope): void => {
    if (refusal === 'shed-loading') {
      const waiting = ofPartition(node, worker, partition).size;
      if (waiting < limits.holdItemsPerPartitionMax)
        world.fail(
          'items',
          39,
          `${node.id}: partition ${partition} is being loaded and refuses what comes, ${waiting} wait`,
        );
    } else if (refusal.startsWith('shed.') && refusal !== 'shed.urgent' && isUrgent(envelope))
      world.fail('items', 39, `${node.id} counts ${refusal} for what ends work under way`, envelope.to.key);
  };

  return {
    counted(_node, metric) {
      if (metric.startsWith('shed') || metric === 'input.for-nobody' || metric === 'ask.repeated') refusal = metric;
    },
    // What an actor asks another one of its partition is delivered there, unseen: a refusal of that is not of what comes next.
    delivering() {
      refusal = '';
    },
    delivered(node, worker, partition, envelope, isTaken) {
      const why = refusal;
      refusal = '';
      if (!isTaken) return;
      if (why !== '') {
        refusal = why;
        onRefused(node, worker, partition, envelope);
        refusal = '';
      } else if (isHandledAnyway(envelope)) ofPartition(node, worker, partition).set(envelope, world.kernel.nowMs);
    },
    handling({ node, worker, partition, input }) {
      if (!isHandledAnyway(input)) return undefined;
      const here = taken.get(node)?.[worker]?.get(partition);
      here?.delete(input as Envelope);
      if (input.type === 'ask') for (const each of here?.keys() ?? []) if (isSame(each, input)) here?.delete(each);
      return undefined;
    },
    leftWorker(_node, _worker, target, payload) {
      if (leaving === undefined || target[0] !== 0 || target[2] !== 1) return;
      const name = Buffer.from(payload).toString('latin1');
      const count = leaving.get(name);
      if (count !== undefined) leaving.set(name, count - 1);
    },
    obeying(node, worker, order) {
      if (order.type === 'assign') {
        const { hosted } = node.workers[worker]!.core;
        const numbers = new Set(order.shares.map(({ partition }) => partition));
        replaced = [...hosted.partitions()].filter(({ number }) => numbers.has(number));
      }
      if (order.type === 'drop') leaving = leavers(node, worker, order);
    },
    obeyed(node, worker, order) {
      if (order.type === 'drop') {
        for (const [name, count] of leaving ?? [])
          if (count > 0)
            world.fail('items', 32, `${node.id}: an item does not go on with its partition: ${name.slice(0, 60)}`);
        leaving = undefined;
      } else if (order.type === 'assign') {
        for (const before of replaced)
          if (!isClosed(before)) world.fail('items', 34, `${node.id}: ${before.describe()}, though it is loaded anew`);
        replaced = [];
      } else if (order.type === 'thaw')
        for (const partition of here(node, worker, order))
          if (partition.stats().frozen && !isClosed(partition))
            world.fail('items', 33, `${node.id}: ${partition.describe()}, though its freeze was taken back`);
    },
    fault({ kind, node: id, worker }) {
      const node = world.nodes.get(id);
      if (kind === 'worker-crash' && node !== undefined) of(node, worker).clear();
    },
    phase(phase) {
      if (phase !== 'end') return;
      for (const node of world.liveNodes())
        for (const [worker, partitions] of (taken.get(node) ?? []).entries())
          for (const [number, envelopes] of partitions ?? []) check(node, worker, number, envelopes);
    },
  };

  /** What a partition has when it is dropped; one that was fenced has nothing any more, nor may it. */
  function leavers(node: SimNode, worker: number, order: Extract<ShareOrder, { type: 'drop' }>): Map<string, number> {
    const names = new Map<string, number>();
    const all = of(node, worker);
    const live = new Map([...node.workers[worker]!.core.hosted.partitions()].map((each) => [each.number, each]));
    for (const number of order.partitions) {
      const partition = live.get(number);
      const isOver = partition !== undefined && isClosed(partition);
      for (const envelope of all.get(number)?.keys() ?? []) {
        if (isOver) continue;
        const name = Buffer.from(packEnvelope(envelope)).toString('latin1');
        names.set(name, envelope.type === 'ask' ? 1 : (names.get(name) ?? 0) + 1);
      }
      all.delete(number);
    }
    return names;
  }

  function check(node: SimNode, worker: number, number: number, envelopes: Taken): void {
    for (const [envelope, sinceMs] of envelopes) {
      if (world.kernel.nowMs - sinceMs < handledMs) continue;
      const what = envelope.type === 'sip' ? `${envelope.message.method} ${envelope.message.status}` : envelope.type;
      const partition = [...node.workers[worker]!.core.hosted.partitions()].find((each) => each.number === number);
      if (partition !== undefined && isClosed(partition)) continue;
      world.fail(
        'items',
        39,
        `${node.owner.name}: a ${what} that came at ${sinceMs.toFixed(0)} is not handled: ${partition?.describe() ?? `partition ${number} is not here`}`,
        envelope.to.key,
      );
    }
  }
}

/** Others may find that nobody waits for them. */
function isHandledAnyway({ type }: { readonly type: string }): boolean {
  return type === 'sip' || type === 'ask' || type === 'tell';
}

/** The same question asked again. */
function isSame(one: Envelope, { asker }: Extract<Input, { type: 'ask' }>): boolean {
  return one.type === 'ask' && one.asker.id === asker.id && one.asker.key === asker.key;
}

function isUrgent(envelope: Envelope): boolean {
  if (envelope.type === 'ask') return false;
  if (envelope.type !== 'sip') return true;
  return !envelope.message.isRequest || urgentMethods.has(envelope.message.method);
}

function isClosed(partition: Partition): boolean {
  return partition.describe().includes(' closed: ');
}
