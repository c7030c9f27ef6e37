/**
 * A node that is cut off from the store alone keeps its standing through a peer: two controls in the world of the model of
 * control, whose checks (nobody acts for what another one has) run all the time.
 * Seen failing with: renewals through peers left out (the stopped node stayed stopped), the lease counted from the answer
 * instead of from the question, any row taken for the asker's.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Control } from '../../cluster/control.ts';
import type { ControlOptions } from '../../cluster/control-types.ts';
import { LeaseRelay } from '../../cluster/lease-relay.ts';
import type { Membership } from '../../cluster/membership.ts';
import type { Peers } from '../../cluster/peers.ts';
import { packRelayed, unpackRelayed } from '../../cluster/relay.ts';
import { Preferences } from '../../cluster/ring.ts';
import { StoreCalls } from '../../cluster/store-calls.ts';
import type { LeaseReply, MemberRow } from '../../cluster/store-ports.ts';
import { limits, profiles } from '../../src/limits.ts';
import { World } from './control-world.ts';

const preferences = new Preferences(12);
const control = (options: ControlOptions): Control => new Control(options);

const forMs = (world: World, ms: number): void => world.run(world.nowMs + ms);

function pair(seed: number): World {
  const world = new World({ seed, preferences, control });
  world.start('a');
  world.start('b');
  forMs(world, 4_000);
  assert.deepEqual(world.unserved(), []);
  return world;
}

test('in a cluster of two, the one without the store renews through the other, and acts again after a stop', () => {
  let stops = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const world = pair(seed);
    const id = seed % 2 === 0 ? 'a' : 'b';
    world.storeCutFrom.add(id);
    forMs(world, 6_000);
    assert.deepEqual(world.unserved(), []);
    assert(world.reached.get('lease-relayed')! >= 4);
    const process = world.processes.get(id)!;
    // Long enough to lose its standing as a rule, not long enough to be voted out.
    world.pause(process, profiles.default.voteGuardMs - profiles.default.heartbeatMs - 30);
    forMs(world, 4_000);
    assert.equal(world.processes.get(id), process, 'it lives on');
    stops += world.reached.get('stopped') ?? 0;
    assert.deepEqual(world.unserved(), [], `seed ${seed}`);
    world.storeCutFrom.delete(id);
    const relayed = world.reached.get('lease-relayed')!;
    forMs(world, 3_000);
    assert(world.reached.get('lease-relayed')! - relayed <= 2, 'with the store back nobody asks its peer');
  }
  assert(stops >= 6, `${stops}`);
});

test('a node that died is not kept alive by what its peer still has to ask for it', () => {
  for (let seed = 20; seed < 28; seed++) {
    const world = pair(seed);
    world.storeCutFrom.add('a');
    forMs(world, 3_000);
    world.kill(world.processes.get('a')!, { release: false, machine: true });
    forMs(world, profiles.default.leaseTtlMs * 2 + profiles.default.voteGuardMs);
    assert.deepEqual(world.unserved(), []);
  }
});

interface Bench {
  readonly relay: LeaseRelay;
  readonly sent: [peer: string, frame: { readonly type: string; readonly operation?: number }][];
  readonly asked: [args: readonly unknown[], done: (reply: { result: LeaseReply } | undefined) => void][];
}

function bench(peers: readonly string[]): Bench {
  const sent: Bench['sent'] = [];
  const asked: Bench['asked'] = [];
  const fakePeers = {
    send: (peer: string, _: number, frame: { readonly type: string }) => void sent.push([peer, frame]),
  };
  const membership = { linkedPeers: () => peers.map((id) => ({ id, incarnation: 1 })) };
  const relay = new LeaseRelay(
    fakePeers as unknown as Peers,
    membership as unknown as Membership,
    new StoreCalls(profiles.default),
    profiles.default,
    {
      ask: (_op, args, done) => void asked.push([args, (reply) => done(reply, 0)]),
      note: () => {},
    },
  );
  return { relay, sent, asked };
}

const row = (id: string, incarnation: number): MemberRow => ({
  id,
  incarnation,
  status: 'up',
  leaseUntilMs: 0,
  info: { link: `${id}:1`, workers: 1, schema: 1, draining: false },
});
const ok: LeaseReply = { result: 'ok', tableEpoch: 1, nowMs: 5 };

test('only the asker’s own lease is renewed, one at a time, and silence of the store is no answer', () => {
  const { relay, sent, asked } = bench([]);
  const frame = { type: 'lease', operation: 7, draining: true } as const;
  relay.serve('b', 2, frame, [row('b', 1), row('c', 2)]);
  assert.equal(asked.length, 0);
  relay.serve('b', 2, frame, [row('b', 2)]);
  relay.serve('b', 2, { ...frame, operation: 8 }, [row('b', 2)]);
  assert.deepEqual(
    asked.map(([args]) => args),
    [['b', 2, profiles.default.leaseTtlMs, { ...row('b', 2).info, draining: true }]],
  );
  asked[0]![1](undefined);
  assert.equal(sent.length, 0);
  relay.serve('b', 2, { ...frame, operation: 9 }, [row('b', 2)]);
  asked[1]![1]({ result: ok });
  assert.deepEqual(sent, [['b', { type: 'lease-reply', operation: 9, reply: ok }]]);
});

test('peers are asked in turn, and a lease counts from when it was asked for, or not at all', () => {
  const { relay, sent } = bench(['b', 'c']);
  relay.ask(false, 1_000);
  relay.ask(false, 1_100);
  assert.deepEqual(sent.map(([peer]) => peer).sort(), ['b', 'c']);
  const taken: number[] = [];
  const [first, second] = sent.map(([, frame]) => ({ operation: frame.operation! }));
  relay.answered(first!, 2_000, (sentMs) => taken.push(sentMs));
  relay.answered(first!, 2_000, (sentMs) => taken.push(sentMs));
  relay.answered({ operation: 99 }, 2_000, (sentMs) => taken.push(sentMs));
  relay.answered(second!, 1_100 + profiles.default.leaseTtlMs, (sentMs) => taken.push(sentMs));
  assert.deepEqual(taken, [1_000]);
  bench([]).relay.ask(false, 0);
});

test('items for a third node come back as they were; octets that are none are refused', () => {
  const target = fc.oneof(
    fc.tuple(fc.constant(0 as const), fc.nat(limits.partitions - 1), fc.nat(limits.linkHopsMax)),
    fc.tuple(fc.constant(1 as const), fc.nat(limits.workersPerNodeMax - 1)),
  );
  const node = fc.stringMatching(/^[a-z0-9-]{1,32}$/);
  fc.assert(
    fc.property(node, target, fc.uint8Array({ maxLength: 60 }), (to, where, payload) => {
      const packed = packRelayed(to, where, payload);
      const item = unpackRelayed(packed)!;
      assert.deepEqual([item.node, item.target, [...item.payload]], [to, where, [...payload]]);
      for (let length = 0; length < 1 + to.length + 4; length++)
        assert.equal(unpackRelayed(packed.subarray(0, length)), undefined);
    }),
  );
});
