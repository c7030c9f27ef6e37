/**
 * The standing of a node: lease, confirmations, latch, votes. Seen failing with: latch opened by confirmations alone,
 * confirmations of a peer that voted lately counted, only the current voter set asked, one confirmer too few for a node
 * outside the set, votes while stopped, votes right after an own pause, votes of an earlier incarnation forgotten.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Membership } from '../../cluster/membership.ts';
import { nobody } from '../../cluster/table.ts';
import type { Table } from '../../cluster/table.ts';
import { profiles } from '../../src/limits.ts';

const leaseMs = profiles.default.leaseTtlMs - profiles.default.leaseMarginMs;
const longAgoMs = profiles.default.voteTtlMs + profiles.default.voteIssueWindowMs + 1;

function tableOf(voters: string[], nextVoters: string[] = []): Table {
  const ids = [...new Set([...voters, ...nextVoters])].sort();
  const members = ids.map((id) => ({ id, incarnation: 1, link: '', workers: 1, draining: false, zone: '' }));
  const none = new Uint16Array(4).fill(nobody);
  const jointSince = nextVoters.length > 0 ? 1 : 0;
  return { epoch: 1, nonce: 'n', members, owner: none, buddy: none, moving: new Map(), voters, nextVoters, jointSince };
}

/** Node a, leased at time 0 by operation 1, links up to all others. */
function node(table: Table): Membership {
  const membership = new Membership('a');
  for (const { id, incarnation } of table.members) if (id !== 'a') membership.linked(id, incarnation, true, 0);
  membership.look(0, 1);
  membership.leased(0, 1, 0);
  membership.update(table);
  return membership;
}

function look(membership: Membership, nowMs: number, operation = 2): boolean {
  return membership.look(nowMs, operation);
}

test('a lease lets act until its end less the margin, counted from when it was asked for', () => {
  const membership = node(tableOf(['a', 'b', 'c']));
  assert.equal(membership.serveUntilMs, leaseMs);
  assert.equal(look(membership, leaseMs - 1), false);
  assert.equal(look(membership, leaseMs), true);
  assert.equal(membership.serveUntilMs, 0);
});

test('alone in the table a node acts for ever, store or not', () => {
  assert.equal(node(tableOf(['a'])).serveUntilMs, Infinity);
});

test('enough confirmations stand in for the lease; one of two other voters suffices in three', () => {
  const table = tableOf(['a', 'b', 'c']);
  const membership = node(table);
  membership.confirmed('b', 1, 2_000, longAgoMs);
  membership.update(table);
  assert.equal(membership.serveUntilMs, 2_000 + profiles.default.heartbeatFreshMs);
});

test('five voters need two confirmations', () => {
  const table = tableOf(['a', 'b', 'c', 'd', 'e']);
  const membership = node(table);
  membership.confirmed('b', 1, 2_000, longAgoMs);
  membership.update(table);
  assert.equal(membership.serveUntilMs, leaseMs);
  membership.confirmed('e', 1, 1_500, longAgoMs);
  membership.update(table);
  assert.equal(membership.serveUntilMs, 1_500 + profiles.default.heartbeatFreshMs);
});

test('a node outside the voter set needs one confirmation more', () => {
  const table = tableOf(['b', 'c', 'd']);
  const membership = node(table);
  membership.confirmed('b', 1, 2_000, longAgoMs);
  membership.update(table);
  assert.equal(membership.serveUntilMs, leaseMs);
  membership.confirmed('c', 1, 1_900, longAgoMs);
  membership.update(table);
  assert.equal(membership.serveUntilMs, 1_900 + profiles.default.heartbeatFreshMs);
});

test('with two voter sets both have to confirm', () => {
  const table = tableOf(['a'], ['a', 'b']);
  const membership = node(table);
  assert.equal(membership.serveUntilMs, leaseMs);
  membership.confirmed('b', 1, 1_000, longAgoMs);
  membership.update(table);
  assert.equal(membership.serveUntilMs, 1_000 + profiles.default.heartbeatFreshMs);
});

test('who voted lately does not confirm', () => {
  const table = tableOf(['a', 'b', 'c']);
  const membership = node(table);
  membership.confirmed('b', 1, 2_000, longAgoMs - 1);
  membership.update(table);
  assert.equal(membership.serveUntilMs, leaseMs);
});

test('latch: once stopped, confirmations do not start it again, a renewal asked for afterwards does', () => {
  const table = tableOf(['a', 'b', 'c']);
  const membership = node(table);
  assert.equal(look(membership, leaseMs, 7), true);
  membership.confirmed('b', 1, leaseMs, longAgoMs);
  membership.confirmed('c', 1, leaseMs, longAgoMs);
  membership.update(table);
  assert.equal(membership.serveUntilMs, 0);
  membership.leased(leaseMs - 500, 6, leaseMs + 1);
  membership.update(table);
  assert.equal(membership.serveUntilMs, 0, 'this one was under way when it stopped');
  membership.leased(leaseMs + 1, 7, leaseMs + 2);
  membership.update(table);
  assert.ok(membership.serveUntilMs > leaseMs);
});

test('votes only against who was silent for the guard time, and repeats', () => {
  const table = tableOf(['a', 'b', 'c']);
  const [, b] = table.members;
  const membership = node(table);
  let nowMs = 0;
  for (; nowMs <= profiles.default.voteGuardMs; nowMs += 100) {
    membership.leased(nowMs, 2, nowMs);
    membership.update(table);
    look(membership, nowMs);
    assert.equal(membership.shallVote(b!, nowMs), false, `at ${nowMs}`);
  }
  look(membership, nowMs);
  assert.equal(membership.shallVote(b!, nowMs), true);
  membership.voted('b', nowMs);
  assert.equal(membership.votedAgoMs('b', nowMs + 10), 10);
  assert.equal(membership.shallVote(b!, nowMs + profiles.default.voteRepeatMs - 1), false);
  assert.equal(membership.shallVote(b!, nowMs + profiles.default.voteRepeatMs), true);
});

test('after an own pause nobody is blamed at once, and a stopped node does not vote at all', () => {
  const table = tableOf(['a', 'b', 'c']);
  const [, b] = table.members;
  const membership = node(tableOf(['a']));
  look(membership, 10_000);
  assert.equal(membership.shallVote(b!, 10_000), false, 'a pause');
  const stopped = node(table);
  for (let nowMs = 0; nowMs <= 10_000; nowMs += 100) look(stopped, nowMs);
  assert.equal(stopped.latched, true);
  assert.equal(stopped.shallVote(b!, 10_000), false, 'stopped');
});

test('of votes before its first lease a node knows nothing, so it does not vouch for that time', () => {
  const membership = new Membership('a');
  membership.look(5_000, 1);
  membership.leased(5_000, 1, 5_010);
  assert.equal(membership.votedAgoMs('b', 6_010), 1_000);
});
