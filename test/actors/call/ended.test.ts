/**
 * A call that falls asleep when it has ended says what one that stays awake would say, octet for octet, whatever is repeated by
 * either side, and both are gone at last.
 * Seen failing with: a third of their time waited for; a dialog that stands taken for none.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { SyncHost } from '../../../actors/sync-host.ts';
import { ack, answer, bye, invite, register, routesOf } from '../../../bench/support/messages.ts';
import { partitionOf } from '../../../cluster/hash.ts';
import { SipWorker } from '../../../cluster/sip-worker.ts';
import { limits } from '../../../src/limits.ts';
import type { Flow } from '../../../src/outside.ts';
import { Identifiers } from '../../../src/proxy/identifiers.ts';
import { Self } from '../../../src/proxy/self.ts';
import { defaultService } from '../../../src/routing/default-service.ts';

const server: Flow = { protocol: 'udp', listener: 0, address: '127.0.0.1', port: 24_000, connection: '' };
const caller: Flow = { ...server, port: 24_050 };
const callee: Flow = { ...server, port: 24_051 };

interface Sent {
  readonly port: number;
  readonly text: string;
}

/** A worker with a store that answers at once, in virtual time. */
class Node {
  nowMs = 1_795_000_000_000;
  rows = 0;
  readonly worker: SipWorker;
  readonly #host: SyncHost;
  readonly #soon: (() => void)[] = [];
  #sent: Sent[] = [];

  constructor(gate: 'off' | 'store', sleeps: boolean) {
    this.#host = new SyncHost({
      crashed: (name, error) => assert.fail(`${name}: ${String(error)}`),
      refused: () => assert.fail('refused'),
      deadLetters: () => assert.fail('dead letters'),
    });
    this.worker = new SipWorker(
      {
        node: 'a',
        incarnation: 1,
        worker: 0,
        clock: { monotonicMs: () => this.nowMs, clusterMs: () => this.nowMs },
        random: { bytes: (length) => Buffer.alloc(length), fraction: () => 0.5 },
        log: { write: (_level, event) => assert.fail(event) },
        store: {
          write: (_partition, _epoch, _owner, rows, _durable, done) => {
            for (const [, value] of rows) this.rows += value === null ? -1 : 0;
            this.#soon.push(() => done(undefined, 'ok'));
          },
          loadPieces: (_partitions, onRows, done) =>
            this.#soon.push(() => {
              onRows([]);
              done(undefined);
            }),
          user: (_aor, done) => this.#soon.push(() => done(undefined, undefined)),
        },
        gate,
        host: this.#host,
        lens: (behaviours) => {
          if (sleeps) return behaviours;
          const { endsAtMs: _endsAtMs, ...call } = behaviours.call;
          return { ...behaviours, call };
        },
        deps: {
          self: new Self([{ ...server, host: server.address }], ['bench.test']),
          identifiers: new Identifiers(Buffer.from('secret')),
          service: defaultService({ authenticate: false }),
          nonceSecret: 'n',
          noAnswerMs: 180_000,
          registrar: { minExpiresSeconds: 60, maxExpiresSeconds: 7_200, maxContacts: 10 },
        },
      },
      {
        partitionOf,
        serving: () => true,
        send: ({ port }, bytes) => this.#sent.push({ port, text: Buffer.from(bytes).toString('latin1') }),
        toHub: () => assert.fail('all partitions are here'),
        report: () => {},
        soon: (run) => this.#soon.push(run),
        later: () => assert.fail('the store works'),
        count: (metric) => assert.notEqual(metric, 'entity.crashed'),
      },
    );
    const shares = Array.from({ length: limits.partitions }, (_, partition) => ({ partition, epoch: 1 }));
    this.worker.order({ type: 'assign', shares });
    this.#settle();
  }

  say(bytes: Buffer, from: Flow): void {
    this.worker.edge.receive(Buffer.from(bytes), from);
    this.#settle();
  }

  pass(ms: number, stepMs = 50): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
      this.nowMs = Math.min(endMs, this.nowMs + stepMs);
      this.worker.tick();
      this.#settle();
    }
  }

  takeSent(): Sent[] {
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }

  calls(): { all: number; awake: number } {
    let [all, awake] = [0, 0];
    for (const partition of this.worker.hosted.partitions()) {
      all += partition.stats().entities.call;
      awake += partition.listAwake('call').length;
    }
    return { all, awake };
  }

  #settle(): void {
    this.#host.run();
    while (this.#soon.length > 0) {
      for (const run of this.#soon.splice(0)) run();
      this.#host.run();
    }
  }
}

const later = fc.oneof(
  { weight: 3, arbitrary: fc.record({ repeat: fc.nat(8), passMs: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ repeat: fc.constant(-1), passMs: fc.constantFrom(300, 3_000, 11_000) }) },
);

for (const gate of ['off', 'store'] as const)
  test(`asleep or awake, an ended call says the same, gate ${gate}`, () => {
    const nodes = [new Node(gate, true), new Node(gate, false)] as const;
    let calls = 0;
    let slept = 0;
    fc.assert(
      fc.property(
        fc.constantFrom('200 OK', '486 Busy Here'),
        fc.array(later, { maxLength: 12 }),
        fc.constantFrom(0, 500, 40_000),
        (status, actions, talkMs) => {
          const id = `e${calls++}`;
          const said: (readonly [Buffer, Flow])[] = [];
          const say = (bytes: Buffer, from: Flow): Sent[] => {
            said.push([bytes, from]);
            const [mine, its] = nodes.map((node) => {
              node.say(bytes, from);
              node.pass(20);
              return node.takeSent();
            });
            assert.deepEqual(mine, its);
            return mine!;
          };
          const pass = (ms: number): void => {
            for (const node of nodes) node.pass(ms);
            assert.deepEqual(nodes[0].takeSent(), nodes[1].takeSent());
          };
          const to = (sent: Sent[], { port }: Flow): Buffer =>
            Buffer.from(sent.find((each) => each.port === port)!.text, 'latin1');
          say(register(1, 0), caller);
          const invited = to(say(invite(id, 1), caller), callee);
          say(answer(invited, '180 Ringing', id), callee);
          const final = to(say(answer(invited, status, id), callee), caller);
          if (status === '200 OK') {
            const routes = routesOf(final);
            say(ack(id, routes), caller);
            pass(talkMs);
            assert.equal(nodes[0].calls().all, nodes[1].calls().all);
            say(answer(to(say(bye(id, routes), caller), callee), '200 OK', ''), callee);
          } else {
            const line = /^To: .*$/m.exec(final.toString('latin1'))![0];
            const text = invite(id, 1).toString('latin1').replace('INVITE', 'ACK').replace('1 INVITE', '1 ACK');
            say(Buffer.from(text.slice(0, text.indexOf('Content-Type')).replace(/To: .*/, line) + '\r\n'), caller);
          }
          const startMs = nodes[0].nowMs - Math.min(talkMs, 500);
          // An INVITE that is forgotten would begin a call that nobody ends.
          const first = status === '200 OK' && talkMs > 30_000 ? 4 : 1;
          for (const { repeat, passMs } of actions) {
            // Not after Timers I and L, after which one has forgotten the INVITE and the other does when somebody wakes it.
            const untilMs = startMs + (status === '200 OK' ? 29_000 : 4_500);
            if (passMs > 0 && nodes[0].nowMs + passMs < untilMs) pass(passMs);
            const [bytes, from] = said[repeat < 0 ? -1 : repeat + first] ?? [];
            if (bytes !== undefined && from !== undefined) say(bytes, from);
            if (nodes[0].calls().awake < nodes[1].calls().awake) slept++;
          }
          pass(75_000);
          assert.deepEqual([nodes[0].calls(), nodes[1].calls()], Array(2).fill({ all: 0, awake: 0 }));
          assert.equal(nodes[0].rows, nodes[1].rows);
        },
      ),
      { numRuns: 40 },
    );
    assert(slept > 10, 'the one fell asleep');
  });
