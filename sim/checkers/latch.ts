/**
 * Invariant 4: a process whose lease has run out and whom too few voters confirm is stopped: no packet of a call leaves it,
 * then or later, until a renewal that it asked for after that moment has succeeded. Judged by a second book of leases,
 * confirmations and tables, kept from what goes over the links and into the store. A packet for a connection that another
 * thread or node holds is judged when it leaves the thread of its owner: from there on it is under way, as in a socket, and
 * whoever holds the connection decides nothing (seeds 600029 and 600055: the process is stopped meanwhile).
 * Seen failing with the mutant: 'a node acts for its whole lease and longer'.
 */
import type { Times } from '../../src/limits.ts';
import { unpackTransmit } from '../../cluster/transmit.ts';
import type { SimNode } from '../node.ts';
import type { Observer } from '../observe.ts';
import { readMessage } from '../phone/message.ts';
import type { Message } from '../phone/message.ts';
import type { World } from '../world.ts';

/** Clocks that run differently (500 ppm of some seconds), and whole milliseconds. */
const toleranceMs = 10;

interface Standing {
  /** The best lease that the store granted: from when it was asked for. */
  leaseUntilMs: number;
  /** By id: when the heartbeat was sent that it confirmed last. */
  readonly confirmed: Map<string, number>;
  voters: readonly (readonly string[])[];
  stoppedAtMs: number | undefined;
  /** When it stopped by itself, which may be sooner: it counts on nobody whose link is gone. */
  ownStopMs: number | undefined;
}

export function latch(world: World): Observer {
  const { times } = world;
  const all = new Map<string, Standing>();
  const of = (name: string): Standing => {
    let standing = all.get(name);
    if (standing === undefined) {
      standing = {
        leaseUntilMs: -Infinity,
        confirmed: new Map(),
        voters: [],
        stoppedAtMs: -Infinity,
        ownStopMs: undefined,
      };
      all.set(name, standing);
    }
    return standing;
  };
  /** To be called before anything changes, so that no late news hides that it was too late. */
  const look = (standing: Standing, id: string): void => {
    const { nowMs } = world.kernel;
    if (standing.stoppedAtMs !== undefined || nowMs <= standing.leaseUntilMs + toleranceMs) return;
    const untilMs = Math.max(standing.leaseUntilMs, confirmedUntilMs(standing, id, times)) + toleranceMs;
    if (nowMs > untilMs) standing.stoppedAtMs = untilMs;
  };
  world.store.watches.push({
    leased(id, incarnation, reply, askedAtMs) {
      if (reply.result !== 'ok') return;
      const standing = of(`${id}.${incarnation}`);
      look(standing, id);
      standing.leaseUntilMs = Math.max(standing.leaseUntilMs, askedAtMs + times.leaseTtlMs - times.leaseMarginMs);
      // A process stops by its own clock, up to the tolerance sooner. What is over already when it is heard of wakes nobody.
      const { stoppedAtMs, ownStopMs = Infinity } = standing;
      const isOver = world.kernel.nowMs > standing.leaseUntilMs + toleranceMs;
      if (stoppedAtMs !== undefined && askedAtMs >= Math.min(stoppedAtMs, ownStopMs) - 2 * toleranceMs && !isOver)
        standing.stoppedAtMs = undefined;
    },
  });
  const judge = (node: SimNode, message: Message | string): void => {
    if (typeof message === 'string') return;
    // What needs no state is answered by anybody; requests and answers to an INVITE only by its owner.
    if (!message.isRequest && (message.method !== 'INVITE' || message.status >= 300)) return;
    const standing = of(node.owner.name);
    look(standing, node.id);
    if (standing.stoppedAtMs === undefined) return;
    const sinceMs = world.kernel.nowMs - standing.stoppedAtMs;
    world.fail(
      'latch',
      4,
      `${node.owner.name} sends ${message.method} ${message.status} ${sinceMs.toFixed(0)} ms after it had to stop`,
      message.callId,
    );
  };
  /** The worker that has just got a packet for one of its connections sends it at once. */
  let isPassing = false;
  return {
    stepped(node) {
      const standing = of(node.owner.name);
      if (node.serving()) standing.ownStopMs = undefined;
      else standing.ownStopMs ??= world.kernel.nowMs;
    },
    tableAdopted(node, table) {
      const standing = of(node.owner.name);
      look(standing, node.id);
      standing.voters = table.nextVoters.length === 0 ? [table.voters] : [table.voters, table.nextVoters];
    },
    peerFrame(node, from, frame) {
      if (frame.type !== 'heartbeat-ack') return;
      const standing = of(node.owner.name);
      look(standing, node.id);
      // Whoever has voted against us a moment ago confirms nothing.
      if (frame.votedAgoMs <= times.voteTtlMs + times.voteIssueWindowMs) return;
      const sentAtMs = world.kernel.nowMs - (node.clock.monotonicMs() - frame.sentAtMs);
      standing.confirmed.set(from, Math.max(standing.confirmed.get(from) ?? -Infinity, sentAtMs));
    },
    leftWorker(node, _worker, target, payload) {
      if (target[0] !== 1) return;
      const packet = unpackTransmit(payload);
      if (packet !== undefined) judge(node, readMessage(Buffer.from(packet.bytes)));
    },
    cameToWorker(_node, _worker, target) {
      isPassing = target[0] === 1;
    },
    nodeSent(node, _worker, _flow, message) {
      if (!isPassing) judge(node, message);
      isPassing = false;
    },
  };
}

/** Until when enough voters vouch for it that the others are too few. */
function confirmedUntilMs({ voters, confirmed }: Standing, id: string, { heartbeatFreshMs }: Times): number {
  if (voters.length === 0) return -Infinity;
  let untilMs = Infinity;
  for (const set of voters) {
    const needed = Math.floor(set.length / 2) + (set.includes(id) ? 0 : 1);
    if (needed === 0) continue;
    const times = set.filter((each) => each !== id).map((each) => confirmed.get(each) ?? -Infinity);
    times.sort((a, b) => b - a);
    untilMs = Math.min(untilMs, (times[needed - 1] ?? -Infinity) + heartbeatFreshMs);
  }
  return untilMs;
}
