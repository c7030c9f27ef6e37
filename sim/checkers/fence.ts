/**
 * Invariants 4 and 5: only an owner that is alive by the store's word lets calls' packets out, and a process is marked dead
 * only when its lease has run out and enough voters say so, or by a release after its end; never while it may act.
 * Seen failing with: `dropped-not-serving` left out of sip-worker.ts; a vote that needs no expired lease.
 */
import { unpackTable } from '../../cluster/table.ts';
import { worldStartMs } from '../clock.ts';
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';
import { Stops } from './stops.ts';

export function fence(world: World): Observer {
  const { leaseTtlMs, voteGuardMs, voteTtlMs } = world.times;
  const leaseUntilMs = new Map<string, number>();
  const dead = new Set<string>();
  let voters: readonly (readonly string[])[] = [];
  const votes = new Map<string, Map<string, number>>();
  const stops = new Stops(world, 1_000);
  world.store.watches.push({
    tableStored(table, currentVoters, nextVoters) {
      if (unpackTable(table.bytes) === undefined) world.fail('fence', 2, `table ${table.epoch} cannot be read`);
      voters = [currentVoters, nextVoters].filter((set) => set.length > 0);
    },
    leased(id, incarnation, reply) {
      const name = `${id}.${incarnation}`;
      if (reply.result !== 'ok') return;
      if (dead.has(name)) world.fail('fence', 5, `${name} got its lease back after its death`);
      leaseUntilMs.set(name, world.kernel.nowMs + leaseTtlMs);
    },
    voted(target, incarnation, voter, issuedAtMs, reply) {
      const name = `${target}.${incarnation}`;
      // Whoever was stopped cannot have heard anybody. (The next process of its name was not.)
      const node = world.nodes.get(voter);
      const underWayMs = world.kernel.nowMs - (issuedAtMs - worldStartMs);
      const awakeMs = (node === undefined ? Infinity : stops.sinceMs(node)) - underWayMs;
      // One that came too late counts for nothing; or its voter does not know the time, and then we do not know when it was cast.
      if (reply !== 'too-old' && awakeMs > 0 && awakeMs < voteGuardMs - 500)
        world.fail('fence', 5, `${voter} votes against ${name} ${awakeMs.toFixed(0)} ms after it was stopped itself`);
      const ofTarget = votes.get(name) ?? new Map<string, number>();
      votes.set(name, ofTarget);
      if (reply === 'noted' || reply === 'dead') ofTarget.set(voter, world.kernel.nowMs);
      if (reply !== 'dead' || dead.has(name)) return;
      dead.add(name);
      const nowMs = world.kernel.nowMs;
      // The store counts in whole milliseconds.
      if ((leaseUntilMs.get(name) ?? 0) > nowMs + 1)
        world.fail('fence', 5, `${name} was voted dead while it had a lease`);
      for (const set of voters) {
        const count = set.filter((id) => nowMs - (ofTarget.get(id) ?? -Infinity) <= voteTtlMs + 1).length;
        if (count < Math.ceil(set.length / 2))
          world.fail('fence', 5, `${name} was voted dead by ${count} of ${set.length}`);
      }
      const victim = world.nodes.get(target);
      if (victim?.incarnation === incarnation && victim.isAlive && !victim.isPaused && victim.serving())
        world.fail('fence', 5, `${name} was voted dead while it may act`);
    },
    lost(data) {
      // What the store does not know any more does not bind it: a table and its voters neither.
      const row = data.memory.readTable();
      const table = row === undefined ? undefined : unpackTable(row.bytes);
      voters = table === undefined ? [] : [table.voters, table.nextVoters].filter((set) => set.length > 0);
      leaseUntilMs.clear();
      votes.clear();
      dead.clear();
      for (const member of data.memory.members()) {
        const name = `${member.id}.${member.incarnation}`;
        leaseUntilMs.set(name, member.leaseUntilMs - worldStartMs);
        if (member.status === 'dead') dead.add(name);
      }
    },
    released(id, incarnation) {
      dead.add(`${id}.${incarnation}`);
      const node = world.nodes.get(id);
      if (
        node?.incarnation === incarnation &&
        node.isAlive &&
        !node.isPaused &&
        node.serving() &&
        !node.loop.control.draining
      )
        world.fail('fence', 5, `${id}.${incarnation} was released while it may act`);
    },
  });
  return {
    stepped(node) {
      stops.stepped(node);
    },
    nodeSent(node, _worker, flow, message) {
      // A connection is its holder's alone: what the owner hands it goes out by it, whatever became of the holder meanwhile.
      if (typeof message === 'string' || flow.connection !== '') return;
      // What needs no state is answered by anybody; requests and answers to an INVITE only by its owner.
      const ofOwner = message.isRequest || (message.method === 'INVITE' && message.status < 300);
      if (ofOwner && dead.has(node.owner.name) && !node.loop.control.draining)
        world.fail(
          'fence',
          4,
          `${node.owner.name} is dead and sends ${message.method} ${message.status}`,
          message.callId,
        );
    },
  };
}
