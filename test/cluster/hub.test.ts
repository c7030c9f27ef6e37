/**
 * Items find the worker or node that has their partition, and wait for one that is about to have it.
 * Seen failing with: `isGone` always false (what is for a node that died waits until it is too late); redirects kept after a
 * new table, or forgotten though it has the partition under way as the one before; the retry left out of `assigned`; what
 * comes while others wait sent at once; what comes back put behind what has waited here since; what comes for a dropped
 * partition not kept; the word of a worker without effect; what has come from far passed while a worker still has
 * something; `slice` of a Buffer, which is a view.
 */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { packWord } from '../../cluster/buddy/messages.ts';
import { Hub } from '../../cluster/hub.ts';
import { packDrop } from '../../cluster/giving-back.ts';
import type { Target } from '../../cluster/data-frame.ts';
import type { Table } from '../../cluster/table.ts';
import { packRelayed } from '../../cluster/relay.ts';
import { limits } from '../../src/limits.ts';

const payload = Buffer.from('item');
let sent: string[];
/** Their octets. */
let payloads: string[];
let counts: string[];
let nowMs: number;
let downNodes: Set<string>;
/** The node that can pass items on to those that are down. */
let via: string | undefined;
/** How many times the hub said that something waits. */
let waits: number;
let hub: Hub;

beforeEach(() => {
  sent = [];
  payloads = [];
  counts = [];
  nowMs = 0;
  downNodes = new Set();
  via = undefined;
  waits = 0;
  hub = new Hub({
    node: 'a',
    incarnation: 1,
    nowMs: () => nowMs,
    toWorker: (worker, target) =>
      !downNodes.has(`worker ${worker}`) && (sent.push(`worker ${worker} ${target.join(',')}`), true),
    toNode: (node, target, octets) => {
      if (downNodes.has(node)) return false;
      payloads.push(Buffer.from(octets).toString());
      return sent.push(`node ${node} ${target.join(',')}`) > 0;
    },
    relayTo: () => via,
    waits: () => void waits++,
    count: (metric) => void counts.push(metric),
  });
});

/** The word of a worker that nothing of this drop is there any more. */
function gaveBack(number: number): void {
  hub.fromWorker('', [2], packDrop(number));
}

function table(owners: Readonly<Record<number, number>>): Table {
  const owner = new Uint16Array(limits.partitions);
  for (const [partition, member] of Object.entries(owners)) owner[Number(partition)] = member;
  const members = ['a', 'b', 'c'].map((id) => ({
    id,
    incarnation: 1,
    link: '',
    workers: 1,
    draining: false,
    zone: '',
  }));
  return {
    epoch: 1,
    nonce: 'n',
    members,
    owner,
    buddy: owner,
    moving: new Map(),
    voters: [],
    nextVoters: [],
    jointSince: 0,
  };
}

describe('the hub', () => {
  it('sends what comes for a partition that it has given away after it, whatever other news a table brings', () => {
    const moving = new Map([[7, 1]]);
    hub.adopt({ ...table({ 7: 0 }), moving });
    hub.assigned(0, [7]);
    gaveBack(hub.dropped(0, [7], { node: 'b' }));
    hub.adopt({ ...table({ 7: 0 }), moving, epoch: 2 });
    hub.fromNode('c', [0, 7, 0], payload);
    assert.deepEqual(sent.splice(0), ['worker 0 2', 'node b 0,7,1']);
    // Called off, or to another process of that name: it is ours, and the worker will have it.
    const members = table({}).members.map((each) => (each.id === 'b' ? { ...each, incarnation: 2 } : each));
    for (const next of [table({ 7: 0 }), { ...table({ 7: 0 }), moving, members }]) {
      hub.adopt({ ...table({ 7: 0 }), moving });
      hub.assigned(0, [7]);
      gaveBack(hub.dropped(0, [7], { node: 'b' }));
      sent.length = 0;
      hub.adopt(next);
      hub.fromNode('c', [0, 7, 0], payload);
      assert.deepEqual(sent, []);
      hub.assigned(0, [7]);
      assert.deepEqual(sent.splice(0), ['worker 0 0,7,1']);
    }
  });

  it('lets any worker answer who gave a partition away, as nobody has it here any more', () => {
    downNodes.add('worker 2');
    const word = (type: 'recall' | 'tail'): Uint8Array =>
      packWord(
        type === 'recall'
          ? { type, keeper: 'a.1', epoch: 2, by: 'b' }
          : { type, epoch: 2, tailEpoch: 1, rows: [], part: 0, last: true },
      );
    hub.fromNode('b', [3, 7], word('tail'));
    assert.deepEqual(sent, []);
    hub.fromNode('b', [3, 7], word('recall'));
    assert.deepEqual(sent.slice(0, 3), ['worker 0 3,7', 'worker 1 3,7', 'worker 3 3,7']);
    sent.length = 0;
    hub.assigned(1, [7]);
    hub.fromNode('b', [3, 7], word('recall'));
    assert.deepEqual(sent, ['worker 1 3,7']);
  });

  it('answers for a node that is gone that it has nothing', () => {
    hub.adopt(table({ 7: 0 }));
    hub.assigned(0, [7]);
    downNodes.add('c');
    hub.fromWorker('c', [3, 7], packWord({ type: 'recall', keeper: 'c.1', epoch: 2, by: 'a' }));
    assert.deepEqual(sent, []);
    hub.fromWorker('c', [3, 7], packWord({ type: 'recall', keeper: 'c.9', epoch: 2, by: 'a' }));
    assert.deepEqual(sent, ['worker 0 3,7']);
    assert.deepEqual(counts, ['copy.no-link', 'tail.gone']);
  });

  it('sends an item to the worker that holds its partition, else to the owner by the table', () => {
    hub.adopt(table({ 7: 1 }));
    hub.assigned(1, [5]);
    hub.fromWorker('', [0, 5, 0], payload);
    hub.fromWorker('', [0, 7, 0], payload);
    assert.deepEqual(sent, ['worker 1 0,5,0', 'node b 0,7,0']);
  });

  it('counts the hops of what comes from other nodes and drops what travels for ever', () => {
    hub.adopt(table({ 7: 2 }));
    hub.fromNode('b', [0, 7, 0], payload);
    hub.fromNode('b', [0, 7, limits.linkHopsMax], payload);
    assert.deepEqual(sent, ['node c 0,7,1']);
    assert.deepEqual(counts, ['dropped-hops']);
  });

  it('keeps packets for a connection of another node, in order, until the link is back, or too long', () => {
    downNodes.add('b');
    hub.fromWorker('b', [1, 0], payload);
    downNodes.delete('b');
    hub.fromWorker('b', [1, 1], payload);
    hub.fromWorker('c', [1, 2], payload);
    assert.deepEqual(sent, ['node c 1,2']);
    hub.tick();
    assert.deepEqual(sent, ['node c 1,2', 'node b 1,0', 'node b 1,1']);
    downNodes.add('b');
    hub.fromWorker('b', [1, 0], payload);
    nowMs += limits.hubWaitMs + 1;
    hub.tick();
    assert.deepEqual(counts, ['no-connection-holder']);
    assert.equal(sent.at(-1), 'worker 0 1,0', 'a worker tells its sender');
    assert.equal(hub.waitingCount, 0);
  });

  it('gives back what is for a connection whose node is no member any more, at once', () => {
    hub.adopt(table({}));
    downNodes.add('x');
    hub.fromWorker('x', [1, 3], payload);
    assert.deepEqual(sent, ['worker 0 1,3']);
    downNodes.add('b');
    hub.fromWorker('b', [1, 2], payload);
    assert.equal(hub.waitingCount, 1);
    const { members, ...rest } = table({});
    hub.adopt({ ...rest, members: members.filter(({ id }) => id !== 'b') });
    assert.equal(sent.at(-1), 'worker 0 1,2');
    assert.equal(hub.waitingCount, 0);
  });

  it('keeps what its owner sends for a partition that is coming here, which would only turn round there', () => {
    const coming = { ...table({ 7: 1 }), moving: new Map([[7, 0]]) };
    hub.adopt(coming);
    hub.fromNode('b', [0, 7, 1], payload);
    assert.deepEqual(sent, []);
    hub.assigned(0, [7]);
    assert.deepEqual(sent, ['worker 0 0,7,2']);
    gaveBack(hub.dropped(0, [7], undefined));
    hub.fromNode('b', [0, 7, 0], payload);
    nowMs += limits.hubWaitMs + 1;
    hub.tick();
    assert.deepEqual(counts, ['dropped-no-owner']);
  });

  it('lets an item wait for its partition, and drops it when nobody comes', () => {
    hub.adopt(table({ 3: 0 }));
    hub.fromWorker('', [0, 3, 0], payload);
    assert.deepEqual(sent, []);
    hub.assigned(0, [3]);
    assert.deepEqual(sent, ['worker 0 0,3,0']);
    gaveBack(hub.dropped(0, [3], undefined));
    hub.fromWorker('', [0, 3, 0], payload);
    nowMs += limits.hubWaitMs + 1;
    hub.tick();
    assert.deepEqual(counts, ['dropped-no-owner']);
  });

  it('waits for a link that is down', () => {
    hub.adopt(table({ 9: 1 }));
    downNodes.add('b');
    hub.fromWorker('', [0, 9, 0], payload);
    downNodes.clear();
    hub.tick();
    assert.deepEqual(sent, ['node b 0,9,0']);
  });

  it('sends after a partition that it gave away until a table says where it is', () => {
    hub.adopt(table({ 4: 0 }));
    hub.assigned(0, [4]);
    gaveBack(hub.dropped(0, [4], { node: 'c' }));
    hub.fromWorker('', [0, 4, 0], payload);
    hub.adopt(table({ 4: 1 }));
    hub.fromWorker('', [0, 4, 0], payload);
    assert.deepEqual(sent, ['worker 0 2', 'node c 0,4,0', 'node b 0,4,0']);
  });

  it('lets what a worker had of a dropped partition go ahead of what comes since', () => {
    hub.adopt(table({ 4: 0, 5: 0 }));
    hub.assigned(0, [4, 5]);
    const number = hub.dropped(0, [4], { node: 'c' });
    sent = [];
    hub.fromNode('b', [0, 4, 1], payload);
    hub.fromNode('b', [0, 4, 0], payload);
    hub.fromWorker('', [0, 5, 0], payload);
    hub.tick();
    assert.deepEqual(sent, ['worker 0 0,5,0']);
    downNodes.add('c');
    hub.fromWorker('', [0, 4, 3], payload);
    downNodes.clear();
    hub.fromWorker('', [0, 4, 1], payload);
    assert.deepEqual(sent, ['worker 0 0,5,0'], 'not before what came back sooner');
    hub.tick();
    hub.fromWorker('', [0, 4, 1], payload);
    assert.deepEqual(sent.slice(1), ['node c 0,4,3', 'node c 0,4,1', 'node c 0,4,1']);
    gaveBack(number);
    assert.deepEqual(sent.slice(4), ['node c 0,4,2', 'node c 0,4,1']);
    hub.fromWorker('', [0, 4, 0], payload);
    assert.equal(sent.at(-1), 'node c 0,4,0');
  });

  it('waits for every drop of a partition, not for a worker that is gone, and for none very long', () => {
    hub.adopt(table({ 4: 0 }));
    hub.assigned(0, [4]);
    const first = hub.dropped(0, [4], { worker: 1 });
    hub.assigned(1, [4]);
    const second = hub.dropped(1, [4], { node: 'c' });
    hub.fromWorker('', [0, 4, 0], payload);
    gaveBack(second);
    assert.equal(hub.waitingCount, 1);
    gaveBack(first);
    gaveBack(first);
    assert.equal(hub.waitingCount, 0);
    hub.dropped(0, [4], { node: 'c' });
    hub.fromWorker('', [0, 4, 0], payload);
    hub.workerDown(0);
    hub.tick();
    assert.equal(hub.waitingCount, 0);
    hub.dropped(0, [4], { node: 'c' });
    hub.fromWorker('', [0, 4, 0], payload);
    nowMs += limits.giveBackMs;
    hub.tick();
    assert.equal(hub.waitingCount, 1);
    nowMs += 1;
    hub.tick();
    assert.equal(hub.waitingCount, 0);
    downNodes.add('worker 0');
    assert.equal(hub.dropped(0, [4], { node: 'c' }), 0);
    hub.fromWorker('', [0, 4, 0], payload);
    assert.equal(hub.waitingCount, 0);
    hub.fromWorker('', [2], Buffer.alloc(0));
  });

  it('hands packets for a connection to the thread that holds it', () => {
    const target: Target = [1, 1];
    hub.fromWorker('a', target, payload);
    hub.fromWorker('b', target, payload);
    hub.fromNode('b', target, payload);
    assert.deepEqual(sent, ['worker 1 1,1', 'node b 1,1', 'worker 1 1,1']);
  });

  it('goes through a third node when it is told of one, and tells it the place and the hops', () => {
    hub.adopt(table({ 7: 1 }));
    downNodes.add('b');
    via = 'c';
    hub.fromWorker('', [0, 7, 1], payload);
    hub.fromWorker('b', [1, 1], payload);
    hub.fromWorker('b', [3, 7], payload);
    assert.deepEqual(sent, ['node c 4', 'node c 4']);
    assert.deepEqual(
      counts.filter((count) => count.includes('relay')),
      ['relay-asked', 'relay-asked'],
    );
    hub.tick();
    assert.equal(hub.waitingCount, 0);
  });

  it('passes on what another node cannot send itself, one node further and no more', () => {
    downNodes.add('d');
    via = 'b';
    hub.fromNode('b', [4], packRelayed('c', [0, 7, 1], payload));
    hub.fromNode('b', [4], packRelayed('c', [1, 1], payload));
    hub.fromNode('b', [4], packRelayed('c', [0, 7, limits.linkHopsMax], payload));
    hub.fromNode('b', [4], packRelayed('d', [0, 7, 0], payload));
    hub.fromNode('b', [4], Buffer.from([200]));
    assert.deepEqual(sent, ['node c 0,7,2', 'node c 1,1']);
    assert.deepEqual(counts, ['relayed', 'relayed', 'dropped-hops', 'dropped-relay', 'dropped-relay']);
  });

  it('holds a bounded number of items', () => {
    for (let i = 0; i <= limits.hubItemsWaitingMax; i += 1) hub.fromWorker('', [0, 1, 0], payload);
    assert.deepEqual(counts, ['dropped-hub-full']);
  });

  it('keeps what waits though the memory that it came in is used again', () => {
    hub.adopt(table({ 7: 1 }));
    downNodes.add('b');
    const octets = Buffer.from('item');
    hub.fromWorker('', [0, 7, 0], octets);
    hub.fromWorker('b', [1, 0], octets);
    octets.fill('x');
    downNodes.clear();
    hub.tick();
    assert.deepEqual(payloads, ['item', 'item']);
  });

  it('lets nothing overtake what waits for the same partition', () => {
    hub.adopt(table({ 7: 1, 8: 2 }));
    downNodes.add('b');
    hub.fromWorker('', [0, 7, 0], payload);
    downNodes.clear();
    // The link has come back before the next look at what waits.
    hub.fromWorker('', [0, 7, 1], payload);
    hub.fromWorker('', [0, 8, 0], payload);
    assert.deepEqual(sent, ['node c 0,8,0']);
    assert.equal(hub.waitingCount, 2);
    hub.tick();
    assert.deepEqual(sent, ['node c 0,8,0', 'node b 0,7,0', 'node b 0,7,1']);
  });

  it('lets what comes back from the owner before go ahead of what has waited here since', () => {
    hub.adopt(table({ 7: 1 }));
    hub.fromWorker('', [0, 7, 0], payload);
    hub.adopt(table({ 7: 0 }));
    hub.fromWorker('', [0, 7, 0], payload);
    hub.fromNode('b', [0, 7, 1], payload);
    hub.fromNode('b', [0, 7, 1], payload);
    hub.fromNode('c', [0, 7, 0], payload);
    sent = [];
    hub.assigned(1, [7]);
    assert.deepEqual(
      sent,
      ['0,7,2', '0,7,2', '0,7,0', '0,7,1'].map((target) => `worker 1 ${target}`),
    );
  });
});

it('says when something begins to wait, and that ticks may be left out while nothing does', () => {
  hub.adopt(table({ 5: 1 }));
  hub.tick();
  assert.deepEqual([hub.nextTickMs(), waits], [limits.tailHeldMs / 2, 0]);
  downNodes.add('b');
  hub.fromWorker('', [0, 5, 0], payload);
  assert.deepEqual([hub.nextTickMs(), waits], [-Infinity, 1]);
  downNodes.clear();
  hub.tick();
  assert.deepEqual([hub.nextTickMs(), sent], [limits.tailHeldMs / 2, ['node b 0,5,0']]);
  downNodes.add('b');
  hub.fromWorker('b', [1, 0], payload);
  assert.deepEqual([hub.nextTickMs(), waits], [-Infinity, 2]);
  downNodes.clear();
  hub.tick();
  hub.dropped(0, [5], undefined);
  assert.equal(hub.nextTickMs(), limits.giveBackMs);
});
