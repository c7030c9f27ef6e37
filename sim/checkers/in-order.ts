/**
 * Invariant 32: what a worker read from its socket for one actor reaches that actor in the order it was read, whoever has
 * the partition by then; nothing of it is handled twice; and where no process dies and no way is cut, nothing is lost but
 * what was counted as dropped or shed, or was under way over a link of octets that fell silent.
 * Where links break or processes stop, an item may be on its way to a node that has given the partition away meanwhile, and
 * lie there until a link is whole; what is read after the news of the new owner overtakes it (seed 600044), as datagrams of
 * SIP overtake each other. So order is not asked of what took such a way then, nor while the store does not answer some
 * node: a hand-over may be half done so long, and what waits for it on two nodes comes as it can.
 * At any hand-over, what is on the way to a node that gives the partition away has a longer way than what goes to the new
 * owner at once (seeds 2300000505, 1200010192). So what had come to the worker of the new owner before the other one was
 * at its node may be first; what came by the same node never. The same is said of what lay at the node that gets the
 * partition later, while the one that was to give it stood still. Where workers send each other datagrams (cluster/direct/) order
 * is not asked, only that nothing is handled twice, nor lost where none of those is.
 * Seen failing with the mutant 'INFOs get lost between threads', and with seed 100075 before the hub kept the order of what
 * waits.
 */
import type { Kind } from '../../actors/entity.ts';
import type { LinkFault } from '../links.ts';
import { mayLoseInside } from '../options.ts';
import type { FaultKind } from '../options.ts';
import { limits } from '../../src/limits.ts';
import type { Observer } from '../observe.ts';
import type { SimNode } from '../node.ts';
import type { World } from '../world.ts';
import { nameIn, nameOf } from './item-name.ts';

/** Under these every process lives until everything has come to where it belongs, unless it loses its lease. */
const lossless: ReadonlySet<FaultKind> = new Set([
  'weather',
  'clock',
  'store-slow',
  'store-full',
  'store-down',
  'store-eio',
  'store-hung',
  'store-cut',
  'redis-failover',
  'store-wiped',
]);

/** Under these an item may lie with a node that cannot pass it on. */
const holding: ReadonlySet<FaultKind> = new Set(['crash', 'pause', 'cut', 'one-way-cut', 'isolate', 'island']);
/** Under these a hand-over may be half done for long. */
const halting: ReadonlySet<FaultKind> = new Set([
  'store-cut',
  'store-down',
  'store-hung',
  'store-eio',
  'store-full',
  'store-wiped',
  'redis-failover',
  'isolate',
  'island',
]);
/** A link that broke is noticed, dialled again and caught up with; until then, and until what was held has come. */
const recoveryMs = 12_000;
/** What waited for a partition at the node that gets it comes to its worker right behind the order to serve it. */
const assignedMs = 1;
/** What was given to a link so long before it fell silent may be under way yet. */
const underWayMs = 2_000;
/** When a link that fell silent has been given up, and no item is given to it any more. */
const givenUpMs = limits.linkSilenceMs + 1_000;

interface Passage {
  read: number;
  handled: number;
  /** The worker that read it last, and its place in the order of what that worker read. */
  worker: string;
  order: number;
  /** Who passed it on last that had not read it, and when it came from there. */
  passedBy: string;
  passedMs: number;
  readonly callId: string;
}

/** Of what was handled last: its place in the order, and when it came to its worker. */
interface Place {
  readonly order: number;
  readonly cameMs: number;
}

export function inOrder(world: World): Observer {
  let isLossless = world.options.faults.every(({ kind }) => lossless.has(kind)) && !mayLoseInside(world.options);
  const silent = world.options.linkFaults.filter(({ kind }) => kind === 'silent');
  const passages = new Map<number, Passage>();
  /** By actor, and there by worker, and by who passed it on. */
  const last: Readonly<Record<Kind, Map<string, Map<string, Place>>>> = {
    call: new Map(),
    aor: new Map(),
    limit: new Map(),
  };
  /** When what was not handled yet came to the worker that has it. */
  const came = new Map<object, number>();
  /** What was counted as dropped, shed, or answered without an actor. */
  let counted = 0;
  let order = 0;
  let heldUntilMs = -Infinity;
  let haltedUntilMs = -Infinity;
  /** What was given to a link around the time when that fell silent: it is made anew without what was under way. */
  const risked = new Set<number>();
  /** By partition, who was told last to serve it, and when. */
  const assigned = new Map<number, { readonly node: SimNode; readonly atMs: number }>();
  /** What came to its worker from a node that did not have its partition any more. */
  const detours = new Set<number>();
  const isHeld = (): boolean =>
    world.kernel.nowMs < heldUntilMs ||
    world.options.linkFaults.some(({ atMs }) => atMs <= world.kernel.nowMs && world.kernel.nowMs < atMs + recoveryMs);
  return {
    fault({ kind, forMs }) {
      if (halting.has(kind)) haltedUntilMs = Math.max(haltedUntilMs, world.kernel.nowMs + forMs + recoveryMs);
      if (holding.has(kind)) heldUntilMs = Math.max(heldUntilMs, world.kernel.nowMs + forMs + recoveryMs);
    },
    forwarded(node, peer, target, payload) {
      if (target[0] !== 0 || !silent.some((each) => isNear(each, node.id, peer, world.kernel.nowMs))) return;
      const name = nameIn(payload);
      if (name !== undefined) risked.add(name);
    },
    obeying(node, _worker, order) {
      if (order.type !== 'assign') return;
      for (const { partition } of order.shares) assigned.set(partition, { node, atMs: world.kernel.nowMs });
    },
    cameToWorker(node, _worker, target, payload) {
      if (target[0] !== 0 || !isHeld()) return;
      if (target[2] >= 2) {
        const name = nameIn(payload);
        if (name !== undefined) detours.add(name);
        return;
      }
      const assignment = assigned.get(target[1]);
      if (assignment?.node !== node || world.kernel.nowMs > assignment.atMs + assignedMs) return;
      // It lay here and could not go on to an owner that stood still; now this node has got the partition itself.
      const name = nameIn(payload);
      const passage = name === undefined ? undefined : passages.get(name);
      if (passage === undefined) return;
      passage.passedBy = `${node.id} before`;
      passage.passedMs = world.kernel.nowMs;
    },
    delivered(_node, _worker, _partition, envelope) {
      if (envelope.type === 'sip') came.set(envelope.message, world.kernel.nowMs);
    },
    arrived(_node, peer, target, payload) {
      // Who reads an item gives it away without a hop.
      if (target[0] !== 0 || target[2] === 0) return;
      const name = nameIn(payload);
      const passage = name === undefined ? undefined : passages.get(name);
      if (passage === undefined) return;
      passage.passedBy = peer;
      passage.passedMs = world.kernel.nowMs;
    },
    leftWorker(node, worker, target, payload) {
      // Not by who read it: it waited for a partition that went away.
      if (target[0] !== 0 || !isHeld()) return;
      const name = nameIn(payload);
      const passage = name === undefined ? undefined : passages.get(name);
      if (passage !== undefined && passage.worker !== nameOfWorker(node, worker)) detours.add(name!);
    },
    nodeReceived(node, worker, message, bytes, from) {
      if (typeof message === 'string') return;
      const name = nameOf(bytes, from.address, from.port);
      const passage = passages.get(name);
      const by = nameOfWorker(node, worker);
      if (passage === undefined)
        passages.set(name, {
          read: 1,
          handled: 0,
          worker: by,
          order: order++,
          passedBy: '',
          passedMs: -Infinity,
          callId: message.callId,
        });
      else {
        passage.read++;
        passage.worker = by;
        passage.order = order++;
      }
    },
    handling({ kind, key, input }) {
      if (input.type !== 'sip') return undefined;
      const { message, flow } = input;
      const cameMs = came.get(message) ?? world.kernel.nowMs;
      came.delete(message);
      const name = nameOf(message.bytes, flow.address, flow.port);
      const passage = passages.get(name);
      if (passage === undefined) return undefined;
      passage.handled++;
      if (passage.handled > passage.read)
        world.fail('in-order', 32, `a ${message.method} ${message.status} is handled twice`, message.callId);
      // Of what came more than once nobody can tell which copy this is.
      if (passage.read > 1 || detours.has(name)) return undefined;
      // What goes from worker to worker as a datagram overtakes, as datagrams do.
      if (world.options.direct !== undefined) return undefined;
      const { passedBy } = passage;
      let ofActor = last[kind].get(key);
      if (ofActor === undefined) last[kind].set(key, (ofActor = new Map()));
      const way = passedBy === '' ? '' : `${passage.worker} by ${passedBy}`;
      const sameWay = passedBy === '' ? undefined : ofActor.get(way);
      const before = ofActor.get(passage.worker);
      const isLate = before !== undefined && passage.order < before.order;
      // It was still on its way when the other one came.
      const isExcused = isLate && passedBy !== '' && before.cameMs <= passage.passedMs + world.options.threadMs;
      const isOvertaken = (isLate && !isExcused) || (sameWay !== undefined && passage.order < sameWay.order);
      if (isOvertaken && world.kernel.nowMs >= haltedUntilMs)
        world.fail(
          'in-order',
          32,
          `a ${message.method} ${message.status} that ${passage.worker} read is handled after what it read later`,
          message.callId,
        );
      const place = { order: passage.order, cameMs };
      if (!isExcused) ofActor.set(passage.worker, place);
      if (passedBy !== '') ofActor.set(way, place);
      return undefined;
    },
    noted(_node, _level, event) {
      // Without the store it lives by the votes of others, and may miss them.
      if (event === 'over') isLossless = false;
    },
    counted(_node, metric) {
      if (uncounted.has(metric) || metric.startsWith('dropped-') || metric.startsWith('shed')) counted++;
    },
    phase(phase) {
      if (phase !== 'end' || !isLossless) return;
      let lost = 0;
      let example = '';
      for (const [name, { read, handled, callId }] of passages) {
        if (risked.has(name)) continue;
        lost += read - handled;
        if (read > handled) example = callId;
      }
      if (lost > counted) world.fail('in-order', 32, `${lost - counted} messages were read and came nowhere`, example);
    },
  };
}

/** Ends where it comes in. */
const uncounted: ReadonlySet<string> = new Set(['answered-stateless', 'stray-response', 'malformed']);

/** Whether what one of these nodes gives to the other one may be lost with their link. */
function isNear({ from, to, atMs }: LinkFault, node: string, peer: string, nowMs: number): boolean {
  if (nowMs < atMs - underWayMs || nowMs > atMs + givenUpMs) return false;
  return (from === node && to === peer) || (from === peer && to === node);
}

function nameOfWorker(node: SimNode, worker: number): string {
  return node.workers[worker]?.owner.name ?? `${node.owner.name}/${worker}`;
}
