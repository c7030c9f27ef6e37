/**
 * Invariant 14: what the server repeats to a phone, it repeats by the timers of RFC 3261: never sooner than T1 after the
 * last time, and its give-up responses never before 64*T1 or the no-answer time. After a takeover, a pause or a slow write the first
 * one may leave late and its repetition in time, so there only a burst is a mistake. A packet for a connection of another
 * thread or node is judged when it leaves the thread of its owner: it may wait for a link with those of earlier owners.
 * How long a buddy takes has no bound while it acknowledges what came before: what left late because of that is judged by
 * when its transaction began.
 * Seen failing with: timer B of 3.2 s; slots not skipped after a takeover (a burst).
 */
import type { CallState } from '../../actors/call/state.ts';
import type { Handling } from '../lens.ts';
import type { Observer } from '../observe.ts';
import { unpackTransmit } from '../../cluster/transmit.ts';
import { limits } from '../../src/limits.ts';
import type { Flow } from '../../src/outside.ts';
import { clientKey } from '../../src/transaction/key.ts';
import type { NamedNode } from '../observe.ts';
import { readMessage } from '../phone/message.ts';
import type { Message } from '../phone/message.ts';
import type { History } from '../stage.ts';

const T1 = 500;

/** One request by one way, with when it was sent. */
interface Sent {
  readonly address: string;
  readonly connection: string;
  /** Each time, and who sent it then. */
  readonly times: number[];
  readonly nodes: string[];
}

export function timers(world: History): Observer {
  const isCalm = world.options.faults.every((fault) => calmKinds.has(fault.kind));
  /** By transaction, and there by where it went, mostly one way. */
  const sent: Ways = new Map();
  /** When the caller's INVITE came first. */
  const invited = new Map<string, number>();
  /** The last turn of each call whose packets wait for a buddy. */
  const turns = new Map<string, Handling>();
  const judge = (node: NamedNode, flow: Flow, message: Message | string): void => {
    if (typeof message === 'string') return;
    const nowMs = world.kernel.nowMs;
    if (!message.isRequest) {
      if (message.status === 408 && message.method === 'INVITE') {
        const atMs = invited.get(message.transaction);
        const leastMs = Math.min(64 * T1, world.options.noAnswerMs) - 300; // Clocks of two machines.
        if (atMs !== undefined && nowMs - atMs < leastMs)
          world.fail('timers', 14, `408 after ${(nowMs - atMs).toFixed(0)} ms`, message.callId);
      }
      return;
    }
    if (message.method === 'ACK') return;
    // What did not reach a phone by one connection goes by its next one at once.
    const known = sentTo(sent, message.transaction, flow);
    // Hardly anything is sent twice.
    if (known === undefined) return addTo(sent, message.transaction, flow, node.id, nowMs);
    const { times, nodes } = known;
    times.push(nowMs);
    nodes.push(node.id);
    // Where it is late: one node never says it three times at once.
    const own = times.filter((_, index) => nodes[index] === node.id);
    const ownEarly = own.at(-3);
    if (own.length >= 3 && ownEarly !== undefined && nowMs - ownEarly < T1 - leastStoreMs(world))
      world.fail(
        'timers',
        14,
        `${node.id} sends a ${message.method} three times within ${(nowMs - ownEarly).toFixed(0)} ms`,
        message.callId,
      );
    const early = times.at(isCalm ? -2 : -5);
    if (
      times.length >= (isCalm ? 2 : 5) &&
      early !== undefined &&
      nowMs - early < T1 - leastStoreMs(world) &&
      !isDue(turns.get(message.callId), clientKey(message.branch, message.method), times.length - 1)
    )
      world.fail(
        'timers',
        14,
        `${node.id} sends a ${message.method} for the ${times.length}th time within ${(nowMs - early).toFixed(0)} ms`,
        message.callId,
      );
  };
  /** The worker that has just got a packet for one of its connections sends it at once. */
  let isPassing = false;
  return {
    handling(turn) {
      if (isCalm && turn.kind === 'call' && world.options.gate === 'buddy') turns.set(turn.key, turn);
      return undefined;
    },
    phoneSent(_phone, message) {
      if (message.isRequest && message.method === 'INVITE' && !invited.has(message.transaction))
        invited.set(message.transaction, world.kernel.nowMs);
    },
    leftWorker(node, _worker, target, payload) {
      if (target[0] !== 1) return;
      const packet = unpackTransmit(payload);
      if (packet !== undefined) judge(node, packet.flow, readMessage(Buffer.from(packet.bytes)));
    },
    cameToWorker(_node, _worker, target) {
      isPassing = target[0] === 1;
    },
    nodeSent(node, _worker, flow, message) {
      if (!isPassing) judge(node, flow, message);
      isPassing = false;
    },
  };
}

/** Whether so many repetitions are due in this turn, since the transaction wanted its first transmission. */
function isDue(turn: Handling | undefined, key: string, repetitions: number): boolean {
  if (turn === undefined) return false;
  for (const { branches } of (turn.state as CallState).contexts.values()) {
    for (const { tx, cancel } of branches) {
      const own = tx.key === key ? tx : cancel?.key === key ? cancel : undefined;
      if (own !== undefined) return turn.nowMs - own.repeatStartedAtMs >= repetitions * T1;
    }
  }
  return false;
}

type Ways = Map<string, Sent | Sent[]>;

function sentTo(sent: Ways, transaction: string, { address, connection }: Flow): Sent | undefined {
  const ways = sent.get(transaction);
  if (ways === undefined) return undefined;
  if (Array.isArray(ways)) return ways.find((way) => way.address === address && way.connection === connection);
  return ways.address === address && ways.connection === connection ? ways : undefined;
}

function addTo(sent: Ways, transaction: string, flow: Flow, node: string, atMs: number): void {
  const way: Sent = { address: flow.address, connection: flow.connection, times: [atMs], nodes: [node] };
  const ways = sent.get(transaction);
  if (ways === undefined) sent.set(transaction, way);
  else if (Array.isArray(ways)) ways.push(way);
  else sent.set(transaction, [ways, way]);
}

const calmKinds: ReadonlySet<string> = new Set(['cut', 'one-way-cut', 'weather', 'clock']);

/** What passes the gate may leave so much later than its timer was started. */
function leastStoreMs(world: History): number {
  // A buddy that does not answer is waited for before the store has to do.
  const buddyMs = world.options.gate === 'buddy' ? limits.copyAckMs : 0;
  const { store, storeMs } = world.options;
  // A write waits for the two before it, one of another partition; a file forces each of them to disk, a Redis waits for its
  // replica where something was promised.
  const replicaMs = store.replicas > 0 ? store.lagMs[1] : 0;
  const writeMs = storeMs[1] + (store.kind === 'sqlite' ? store.forceMs[1] : replicaMs);
  return 3 * writeMs + buddyMs + 3 * limits.timerTickMs;
}
