/**
 * When a node that drains may go. Seen failing with: the copies not counted (a node that took the memory of an owner just
 * lost with it, found by the simulator), no end to the waiting for them.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packWord, unpackWord } from '../../cluster/buddy/messages.ts';
import type { Word } from '../../cluster/buddy/messages.ts';
import { BuddyRouter } from '../../cluster/buddy/router.ts';
import { Leaving } from '../../cluster/leaving.ts';
import type { Table } from '../../cluster/table.ts';
import { limits } from '../../src/limits.ts';

const self = { id: 'b', incarnation: 2 };
const member = { link: '', linkHeld: true, workers: 1, schema: 1, draining: false };
const table = {
  members: [
    { ...member, id: 'a', incarnation: 1 },
    { ...member, ...self, draining: true },
  ],
  owner: [0],
} as unknown as Table;
const empty = { isEmpty: () => true, isStill: () => true };

function leaving(): Leaving {
  const it = new Leaving();
  it.wish(1_000);
  return it;
}

describe('a node that leaves', () => {
  it('goes when nothing is its own', () => {
    const node = leaving();
    assert.equal(node.isDue(self, table, true, { ...empty, isEmpty: () => false }, 1_000), false);
    assert.equal(node.isDue(self, table, true, empty, 1_000), false);
    assert.equal(node.isDue(self, table, true, empty, 1_000 + limits.drainLastMs), true);
  });

  it('stays a moment with empty hands, for what others have sent it by an older table', () => {
    const node = leaving();
    assert.equal(node.isDue(self, table, true, empty, 1_000), false);
    // It got one back: the moment begins anew.
    assert.equal(node.isDue(self, table, true, { ...empty, isEmpty: () => false }, 1_100), false);
    assert.equal(node.isDue(self, table, true, empty, 1_200), false);
    assert.equal(node.isDue(self, table, true, empty, 1_199 + limits.drainLastMs), false);
    assert.equal(node.isDue(self, table, true, empty, 1_200 + limits.drainLastMs), true);
  });

  it('stays for the heir of an owner whose newest rows only it has', () => {
    const node = leaving();
    node.held({ copies: 3 });
    assert.equal(node.isDue(self, table, true, empty, 1_000), false);
    node.held({ copies: 0 });
    assert.equal(node.isDue(self, table, true, empty, 1_000 + limits.drainLastMs), true);
  });

  it('does not wait for ever when nobody comes for them', () => {
    const node = leaving();
    node.held({ copies: 3 });
    assert.equal(node.isDue(self, table, true, empty, 1_000), false);
    assert.equal(node.isDue(self, table, true, empty, 1_000 + limits.drainCloseMs), true);
  });

  it('keeps the connections of clients, whatever is said of copies', () => {
    const node = new Leaving();
    node.wish(1_000, 60_000);
    node.held({ connections: 2 });
    node.held({ copies: 0 });
    assert.equal(node.isDue(self, table, true, empty, 2_000), false);
    assert.equal(node.isDue(self, table, true, empty, 2_000 + limits.drainLastMs), false);
    node.held({ connections: 0 });
    assert.equal(node.isDue(self, table, true, empty, 2_000 + limits.drainLastMs), true);
  });

  it('asks the owners at once whether they need its copies, and again', () => {
    let nowMs = 0;
    const said: (Word | undefined)[] = [];
    const router = new BuddyRouter(self.id, self.incarnation, {
      nowMs: () => nowMs,
      toHolder: () => undefined,
      toNode: (_node, _partition, payload) => said.push(unpackWord(payload)) > 0,
      count: () => undefined,
    });
    router.adopt(table);
    const row = [1, 'call:1', new Uint8Array(1)] as const;
    const copy = { type: 'copy', buddy: 'b.2', epoch: 1, base: 0, from: 1, seq: 1, stored: 0, rows: [row] } as const;
    router.fromNode('a', 0, packWord(copy));
    said.length = 0;
    for (; nowMs < 1_000; nowMs += limits.controlTickMs) router.tick(true);
    assert.equal(said.length, 1_000 / limits.tailAskMs);
    assert.deepEqual(said[0], { type: 'held', buddy: 'b.2', epoch: 1 });
    router.fromNode('a', 0, packWord({ type: 'stored', epoch: 1, stored: 1 }));
    assert.equal(router.tails.stats.rows, 0);
  });
});
