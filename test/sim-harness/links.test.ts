/**
 * Links as octets: the mesh of production over simulated streams. Items arrive once and in order through resets and silence,
 * and the death of a process is heard of. Seen failing with: what was under way not sent again over the next connection; what was under
 * way when a way was cut put behind what was sent then.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { linkTickMs } from '../../cluster/link-mesh.ts';
import { limits } from '../../src/limits.ts';
import { SimClock } from '../../sim/clock.ts';
import { Kernel, Owner } from '../../sim/kernel.ts';
import { ByteLinks } from '../../sim/link-bytes.ts';
import { Links } from '../../sim/links.ts';
import type { LinkEnd } from '../../sim/links.ts';
import { Chance } from '../../sim/random.ts';
import type { StreamManners } from '../../sim/stream.ts';

class End implements LinkEnd {
  readonly id: string;
  readonly incarnation: number;
  readonly owner: Owner;
  readonly heard: string[] = [];
  readonly peers: string[] = [];

  constructor(id: string, incarnation = 1) {
    this.id = id;
    this.incarnation = incarnation;
    this.owner = new Owner(id);
  }

  wants(peer: string): boolean {
    return peer !== this.id;
  }

  peerUp(peer: string): void {
    this.peers.push(`${peer} up`);
  }

  peerDown(peer: string): void {
    this.peers.push(`${peer} down`);
  }

  item(from: string, _incarnation: number, _target: unknown, payload: Uint8Array): void {
    this.heard.push(`${from} ${Buffer.from(payload).toString()}`);
  }

  frame(from: string): void {
    this.heard.push(`${from} a frame`);
  }
}

function join(seed: number, manners: Partial<StreamManners> = {}) {
  const kernel = new Kernel();
  const whole = { grain: 'whole', readsWithinMs: 0, windowBytes: 65_536, ...manners } as const;
  const links = new ByteLinks(kernel, new Chance(seed), [0.2, 3], whole, ['a', 'b']);
  const ends = ['a', 'b'].map((id) => new End(id));
  for (const end of ends) links.join(end, new SimClock(kernel, 5_000, 1, 0));
  kernel.run(1_000);
  return { kernel, links, a: ends[0]!, b: ends[1]! };
}

test('items arrive once and in order through resets and silence', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.constantFrom<StreamManners['grain']>('whole', 'pieces', 'octets'),
      fc.constantFrom(200, 65_536),
      fc.array(fc.record({ atMs: fc.nat(4_000), isSilent: fc.boolean() }), { maxLength: 4 }),
      (seed, grain, windowBytes, breaks) => {
        const { kernel, links, a, b } = join(seed, { grain, windowBytes });
        assert.ok(links.isUp('a', 'b') && links.isUp('b', 'a'));
        const sent: string[] = [];
        for (let number = 0; number < 100; number++)
          kernel.at(number * 50, undefined, () => {
            if (links.send(b, 'a', [0, 1, 0], Buffer.from(`${number}`))) sent.push(`b ${number}`);
          });
        for (const { atMs, isSilent } of breaks)
          kernel.at(atMs, undefined, () =>
            links.strike({ atMs, from: 'b', to: 'a', kind: isSilent ? 'silent' : 'reset' }),
          );
        kernel.run(40_000);
        assert.deepEqual(a.heard, sent);
        assert.ok(sent.length > 30 && links.isUp('a', 'b'));
      },
    ),
    { numRuns: 25 },
  );
});

test('a process that dies is heard of at once, one whose machine is gone after a silence', () => {
  for (const [silently, withinMs] of [
    [false, 2 * linkTickMs],
    [true, 6_000],
  ] as const) {
    const { kernel, links, a, b } = join(7);
    b.owner.die();
    links.leave(b, silently);
    kernel.run(1_000 + withinMs);
    assert.deepEqual(a.peers, ['b up', 'b down']);
    assert.equal(links.isUp('a', 'b'), false);
  }
});

test('what a node sent before it left in order arrives, and then its end, whatever the others say meanwhile', () => {
  // At every moment between two heartbeats.
  for (let laterMs = 0; laterMs < limits.linkHeartbeatMs; laterMs += 10) {
    const bytes = join(11, { grain: 'pieces', windowBytes: 200 });
    const kernel = new Kernel();
    const links = new Links(kernel, new Chance(12).stream('links'), [20, 60]);
    const [a, b] = [new End('a'), new End('b')];
    for (const end of [a, b]) links.join(end);
    kernel.run(1_000);
    for (const world of [bytes, { kernel, links, a, b }]) {
      world.kernel.run(1_000 + laterMs);
      const sent = Array.from({ length: 20 }, (_, number) => `b ${number}`);
      for (const text of sent) assert.ok(world.links.send(world.b, 'a', [0, 1, 0], Buffer.from(text.slice(2))));
      world.b.owner.die();
      world.links.leave(world.b, false, true);
      let downAfter = -1;
      const { a: peer } = world;
      peer.peerDown = () => (downAfter = peer.heard.length);
      world.kernel.run(3_000);
      assert.deepEqual(peer.heard, sent);
      assert.equal(downAfter, sent.length);
    }
  }
});

test('what is cut off waits, and a link that is cut for long ends', () => {
  const { kernel, links, a, b } = join(9);
  links.cut('b', 'a');
  links.send(b, 'a', [0, 1, 0], Buffer.from('late'));
  kernel.run(2_000);
  assert.deepEqual(a.heard, []);
  links.heal('b', 'a');
  kernel.run(3_000);
  assert.deepEqual(a.heard, ['b late']);
  links.cut('b', 'a');
  links.cut('a', 'b');
  kernel.run(12_000);
  assert.deepEqual([links.isUp('a', 'b'), links.isUp('b', 'a')], [false, false]);
  links.healAll();
  kernel.run(20_000);
  assert.ok(links.isUp('a', 'b') && links.isUp('b', 'a'));
});

test('links as objects keep the order of what is sent, however often a way is cut', () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(fc.nat(400), { maxLength: 10 }), (seed, gapsMs) => {
      const kernel = new Kernel();
      const links = new Links(kernel, new Chance(seed).stream('links'), [1, 40]);
      const [a, b] = [new End('a'), new End('b')];
      for (const end of [a, b]) links.join(end);
      kernel.run(200);
      const sent: string[] = [];
      for (let number = 0; number < 800; number++)
        kernel.at(number * 5, undefined, () => {
          if (links.send(b, 'a', [0, 1, 0], Buffer.from(`${number}`))) sent.push(`b ${number}`);
        });
      let atMs = 0;
      for (const [index, gapMs] of gapsMs.entries())
        kernel.at((atMs += gapMs), undefined, () => (index % 2 === 0 ? links.cut('b', 'a') : links.heal('b', 'a')));
      kernel.at(atMs + 400, undefined, () => links.healAll());
      kernel.run(10_000);
      assert.deepEqual(a.heard, sent);
    }),
    { numRuns: 50 },
  );
});

test('what control says to one process of a node does not come to the next one', () => {
  const frame = { type: 'handed', partitions: [1], epochs: [2] } as const;
  for (const kind of ['octets', 'objects']) {
    const kernel = new Kernel();
    const links =
      kind === 'objects'
        ? new Links(kernel, new Chance(5).stream('links'), [0.2, 3])
        : new ByteLinks(kernel, new Chance(5), [0.2, 3], { grain: 'whole', readsWithinMs: 0, windowBytes: 65_536 }, [
            'a',
            'b',
          ]);
    const start = (end: End): End => {
      links.join(end, new SimClock(kernel, 5_000, 1, 0));
      kernel.run(kernel.nowMs + 1_000);
      return end;
    };
    const a = start(new End('a'));
    const first = start(new End('b', 1));
    assert.equal(links.sendFrame(a, 'b', 1, frame), true);
    kernel.run(kernel.nowMs + 100);
    assert.equal(first.heard.length, 1);
    first.owner.die();
    links.leave(first, false);
    const second = start(new End('b', 2));
    assert.equal(links.sendFrame(a, 'b', 1, frame), false);
    kernel.run(kernel.nowMs + 100);
    assert.deepEqual(second.heard, []);
    assert.equal(links.sendFrame(a, 'b', 2, frame), true);
    kernel.run(kernel.nowMs + 100);
    assert.equal(second.heard.length, 1);
  }
});
