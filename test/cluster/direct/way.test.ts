/**
 * Short ways between workers of two nodes, over a network that loses, delays and is cut, with clocks that are moved by hand.
 * Held against: an item arrives at most once, at the worker it was meant for, and was sent only while an answer to a probe
 * of the last `directFreshMs` had come; what is not taken goes by the hub.
 * Seen failing with: the answer counted from when it came instead of from its question; the name of the receiver not looked
 * at; the age of what comes not looked at; items longer than a probe sent.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { contentOf, directPayloadBytesMax, directWordBytesMax, headOf } from '../../../cluster/direct/datagram.ts';
import { Shortcuts } from '../../../cluster/direct/shortcuts.ts';
import { DirectKeeper } from '../../../cluster/direct/keeper.ts';
import { DirectWay } from '../../../cluster/direct/way.ts';
import { limits } from '../../../src/limits.ts';

const key = Buffer.from('key of all nodes');
const hosts = { a: '192.0.2.1', b: '192.0.2.2' } as const;
const partitions = 8;

interface UnderWay {
  readonly to: string;
  readonly from: { readonly host: string; readonly port: number };
  readonly octets: Buffer;
}

/** Worker 0 of node a, and two workers of node b, of which the second has every odd partition. */
class Pair {
  nowMs = 1_000;
  isCut = false;
  /** How far the clock of b is ahead. */
  aheadMs = 0;
  readonly underWay: UnderWay[] = [];
  readonly counts: string[] = [];
  /** `worker: partition, text`. */
  readonly came: string[] = [];
  /** What the main thread of b heard and answered: `incarnation: partition, text`. */
  readonly copies: string[] = [];
  readonly answers: string[] = [];
  readonly ways = new Map<string, DirectWay | DirectKeeper>();
  readonly placesOfA = new Int32Array(partitions);
  readonly #shortcutsOfB: Shortcuts;
  readonly #placesOfB = new Int32Array(partitions);
  readonly #ofA = new Shortcuts('a', this.placesOfA);

  constructor() {
    this.#shortcutsOfB = new Shortcuts('b', this.#placesOfB);
    for (let partition = 0; partition < partitions; partition++) {
      this.#ofA.toNode(partition, 'b');
      this.#shortcutsOfB.toWorker(partition, partition % 2);
    }
    this.#open('a', 1, 0, this.placesOfA);
    this.startB(1);
  }

  get a(): DirectWay {
    return this.ways.get('192.0.2.1:100') as DirectWay;
  }

  /** Its process begins anew, and both hear of that. */
  startB(incarnation: number): void {
    for (const worker of [0, 1]) this.#open('b', incarnation, worker, this.#placesOfB);
    this.#openKeeper(incarnation);
    this.knowB(incarnation);
    const own = { slot: 0, node: 'b', incarnation, host: hosts.b, ports: [200, 201], mainPort: 300 };
    for (const port of own.ports) (this.ways.get(`${hosts.b}:${port}`) as DirectWay).know(own);
  }

  #openKeeper(incarnation: number): void {
    const from = { host: hosts.b, port: 300 };
    const keeper = new DirectKeeper('b', incarnation, key, {
      clusterMs: () => this.nowMs + this.aheadMs,
      send: (host, port, octets) => {
        if (!this.isCut) this.underWay.push({ to: `${host}:${port}`, from, octets });
      },
      word: (partition, payload, answer) => {
        this.copies.push(`${incarnation}: ${partition}, ${payload.toString()}`);
        answer(Buffer.from(`got ${payload.toString()}`));
      },
      count: (metric) => void this.counts.push(metric),
    });
    this.ways.set(`${from.host}:${from.port}`, keeper);
  }

  knowB(incarnation: number): void {
    this.a.know({
      slot: this.#ofA.slotOf('b'),
      node: 'b',
      incarnation,
      host: hosts.b,
      ports: [200, 201],
      mainPort: 300,
    });
  }

  #open(node: keyof typeof hosts, incarnation: number, worker: number, places: Int32Array): void {
    const from = { host: hosts[node], port: (node === 'a' ? 100 : 200) + worker };
    const way = new DirectWay({ node, incarnation, worker }, key, places, {
      nowMs: () => this.nowMs,
      clusterMs: () => this.nowMs + (node === 'b' ? this.aheadMs : 0),
      send: (host, port, octets) => {
        if (!this.isCut || host === from.host) this.underWay.push({ to: `${host}:${port}`, from, octets });
      },
      item: (partition, hops, payload) =>
        void this.came.push(`${node}.${incarnation}/${worker}: ${partition}, ${hops}, ${payload.toString()}`),
      word: (partition, payload) => void this.answers.push(`${partition}, ${payload.toString()}`),
      count: (metric) => void this.counts.push(metric),
    });
    this.ways.set(`${from.host}:${from.port}`, way);
  }

  deliver(index = 0): UnderWay | undefined {
    const [packet] = this.underWay.splice(index, 1);
    if (packet !== undefined) this.ways.get(packet.to)?.received(packet.octets, packet.from.host, packet.from.port);
    return packet;
  }

  settle(): void {
    for (let packets = 0; this.underWay.length > 0; packets++) {
      assert.ok(packets < 1_000, 'datagrams go round');
      this.deliver();
    }
  }
}

type Step =
  | { readonly do: 'send'; readonly partition: number }
  | { readonly do: 'deliver'; readonly index: number }
  | { readonly do: 'lose'; readonly index: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'cut' | 'heal' | 'restart' };

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('send' as const), partition: fc.nat(partitions - 1) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('deliver' as const), index: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), index: fc.nat(3) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 90, 300, 1_100, 2_400) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'heal' as const, 'restart' as const) }) },
);

describe('a short way between workers', () => {
  it('is used only while it answers, and what goes by it comes once and to the right one', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 120 }), (plan) => {
        const pair = new Pair();
        let incarnation = 1;
        let number = 0;
        /** Time of each probe of a, by the port it went to, and of the newest that was answered. */
        const answered = new Map<string, number>();
        const taken = new Set<string>();
        for (const step of plan) {
          switch (step.do) {
            case 'send': {
              const { partition } = step;
              const text = `item ${(number += 1)}`;
              const to = `${hosts.b}:${200 + (partition % 2)}`;
              const isFresh = pair.nowMs < (answered.get(to) ?? -Infinity) + limits.directFreshMs;
              assert.equal(
                pair.a.send(partition, Buffer.from(text)),
                isFresh,
                'sent while the way answers, and only then',
              );
              if (isFresh) taken.add(`b.${incarnation}/${partition % 2}: ${partition}, 1, ${text}`);
              break;
            }
            case 'deliver': {
              const packet = pair.underWay[step.index];
              const content = packet && contentOf(packet.octets);
              const age = packet === undefined ? 0 : pair.nowMs - headOf(packet.octets).sentMs;
              pair.deliver(step.index);
              if (packet === undefined || content?.type !== 'echo' || age > limits.datagramLateMs) break;
              const from = `${packet.from.host}:${packet.from.port}`;
              const isKnown = pair.counts.at(-1) !== 'dropped-direct-astray';
              if (isKnown && headsOfB(incarnation, packet))
                answered.set(from, Math.max(content.number, answered.get(from) ?? -Infinity));
              break;
            }
            case 'lose':
              pair.underWay.splice(step.index, 1);
              break;
            case 'wait':
              pair.nowMs += step.ms;
              break;
            case 'cut':
            case 'heal':
              pair.isCut = step.do === 'cut';
              break;
            case 'restart':
              pair.startB((incarnation += 1));
              answered.clear();
          }
        }
        assert.equal(new Set(pair.came).size, pair.came.length, 'nothing comes twice');
        for (const item of pair.came) assert.ok(taken.has(item), `${item} came, which was not sent there`);
      }),
      { numRuns: 2_000 },
    );

    /** Of the process that is there now: an answer of the one before says nothing. */
    function headsOfB(incarnation: number, { octets, from }: UnderWay): boolean {
      const now = new Pair();
      now.startB(incarnation);
      now.a.send(from.port - 200, Buffer.from('x'));
      return (
        headOf(now.underWay.find(({ to }) => to === `${from.host}:${from.port}`)!.octets).to === headOf(octets).from
      );
    }
  });

  it('is there after one question and its answer, and gone soon after the answers end', () => {
    const pair = new Pair();
    assert.ok(!pair.a.send(0, Buffer.from('first')));
    pair.settle();
    assert.ok(pair.a.send(0, Buffer.from('second')));
    pair.settle();
    assert.deepEqual(pair.came, ['b.1/0: 0, 1, second']);
    pair.isCut = true;
    for (let ms = 0; ms < limits.directFreshMs; ms += 100) {
      pair.nowMs += 100;
      pair.a.send(0, Buffer.from('into the void'));
    }
    assert.ok(!pair.a.send(0, Buffer.from('by the hub')));
    pair.isCut = false;
    pair.nowMs += limits.directProbeAgainMs;
    pair.a.send(0, Buffer.from('asks again'));
    pair.settle();
    assert.ok(pair.a.send(0, Buffer.from('third')));
  });

  it('is as old as the question, however late its answer', () => {
    const pair = new Pair();
    pair.a.send(0, Buffer.from('x'));
    pair.nowMs += limits.directFreshMs - 1;
    pair.settle();
    assert.ok(pair.a.send(0, Buffer.from('x')));
    pair.underWay.length = 0;
    pair.nowMs += 1;
    assert.ok(!pair.a.send(0, Buffer.from('x')));
  });

  it('asks nothing while nothing is sent', () => {
    const pair = new Pair();
    pair.nowMs += 60_000;
    assert.equal(pair.underWay.length, 0);
  });

  it('is passed on inside of the other node to the worker that has the partition', () => {
    const pair = new Pair();
    const toEven = pair.ways.get(`${hosts.b}:200`) as DirectWay;
    // a holds node b's workers to be interchangeable: it sends partition 2 to worker 0, which is right, and 1 to worker 1.
    for (const partition of [0, 1, 2, 3]) pair.a.send(partition, Buffer.from('x'));
    pair.settle();
    pair.came.length = 0;
    assert.ok(toEven.send(1, Buffer.from('to the sibling')) === false, 'not before it has answered');
    pair.settle();
    assert.ok(toEven.send(1, Buffer.from('to the sibling')));
    pair.settle();
    assert.deepEqual(pair.came, ['b.1/1: 1, 0, to the sibling']);
  });

  it('takes no item that is longer than what a probe has proved', () => {
    const pair = new Pair();
    pair.a.send(0, Buffer.from('x'));
    pair.settle();
    assert.ok(pair.a.send(0, new Uint8Array(directPayloadBytesMax)));
    assert.ok(!pair.a.send(0, new Uint8Array(directPayloadBytesMax + 1)));
  });

  it('drops what is late, astray or not sealed, and counts it', () => {
    const pair = new Pair();
    pair.a.send(0, Buffer.from('x'));
    pair.settle();
    pair.a.send(0, Buffer.from('late'));
    pair.nowMs += limits.datagramLateMs + 1;
    pair.settle();
    pair.a.send(0, Buffer.from('x'));
    pair.settle();
    pair.a.send(0, Buffer.from('for the one before'));
    pair.startB(2);
    pair.settle();
    pair.ways.get(`${hosts.b}:200`)!.received(Buffer.alloc(200), '192.0.2.66', 1);
    assert.deepEqual(pair.came, []);
    const dropped = pair.counts.filter((metric) => metric.startsWith('dropped'));
    assert.deepEqual(
      [...new Set(dropped)],
      ['dropped-direct-late', 'dropped-direct-astray', 'dropped-direct-unsealed'],
    );
  });

  it('is not used where the clocks differ by more than what is late', () => {
    const pair = new Pair();
    pair.aheadMs = limits.datagramLateMs + 1;
    pair.a.send(0, Buffer.from('x'));
    pair.settle();
    assert.ok(!pair.a.send(0, Buffer.from('x')));
  });

  it('is not used where the partition has no shortcut', () => {
    const pair = new Pair();
    pair.a.send(0, Buffer.from('x'));
    pair.settle();
    pair.placesOfA[0] = 0;
    assert.ok(!pair.a.send(0, Buffer.from('x')));
    assert.ok(pair.a.send(2, Buffer.from('x')));
  });

  it('takes copies to the main thread of one process, and its answers back', () => {
    const pair = new Pair();
    assert.equal(pair.a.roomForCopy('b.1'), 0, 'not before it has answered');
    pair.settle();
    assert.equal(pair.a.roomForCopy('b.1'), directWordBytesMax);
    assert.equal(pair.a.roomForCopy('b.2'), 0, 'nobody knows that process');
    const longest = Buffer.alloc(directWordBytesMax, 'x');
    pair.a.copy('b.1', 7, Buffer.from('a copy'));
    pair.a.copy('b.1', 3, longest);
    assert.equal(pair.underWay[1]!.octets.length, limits.directCopyBytesMax);
    pair.settle();
    assert.deepEqual(pair.copies, ['1: 7, a copy', `1: 3, ${longest.toString()}`]);
    assert.deepEqual(pair.answers[0], '7, got a copy');
    pair.copies.length = 0;
    pair.a.copy('b.1', 7, Buffer.from('for the one before'));
    pair.startB(2);
    pair.settle();
    assert.deepEqual(pair.copies, []);
    assert.ok(pair.counts.includes('dropped-direct-astray'));
    assert.equal(pair.a.roomForCopy('b.1'), 0);
    pair.a.roomForCopy('b.2');
    pair.settle();
    pair.a.copy('b.2', 7, Buffer.from('for the new one'));
    pair.nowMs += limits.datagramLateMs + 1;
    pair.settle();
    assert.deepEqual(pair.copies, [], 'too late');
    assert.equal(pair.a.roomForCopy('b.2'), 0);
  });

  it('takes no copies to a release that has them come by links', () => {
    const pair = new Pair();
    pair.a.know({ slot: 1, node: 'b', incarnation: 1, host: hosts.b, ports: [200, 201], mainPort: 0 });
    pair.a.roomForCopy('b.1');
    pair.settle();
    assert.equal(pair.a.roomForCopy('b.1'), 0);
  });
});
