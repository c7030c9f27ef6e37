/**
 * Running transactions: the sink's contract, timers that fire late, ends from outside, and a resume after a gap.
 * Seen failing with: `nextSlot` ignoring the clock, so that a machine resumed after 20 s sent its missed requests in a burst.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { ClientTransaction, ServerTransaction, apply, begin, destroy, resume } from '../../src/transaction/machine.ts';
import type { Sink, Transaction } from '../../src/transaction/machine.ts';
import { takeoverGraceMs } from '../../src/transaction/timers.ts';
import type { TimerName } from '../../src/transaction/timers.ts';
import { flowOf } from './world.ts';

class Recorder implements Sink {
  readonly done: string[] = [];
  readonly timers = new Map<TimerName, number>();
  onPass: (tx: Transaction) => void = () => undefined;
  send(tx: Transaction): void {
    this.done.push(`send ${tx.sent[0] ?? -1}`);
  }
  resend(tx: Transaction): void {
    this.done.push(`resend ${tx.sent[0] ?? -1}`);
  }
  pass(tx: Transaction): void {
    this.done.push('pass');
    this.onPass(tx);
  }
  ack(): void {
    this.done.push('ack');
  }
  timer(_: Transaction, name: TimerName, atMs: number): void {
    this.timers.set(name, atMs);
  }
  clearTimer(_: Transaction, name: TimerName): void {
    this.timers.delete(name);
  }
  tell(_: Transaction, what: string): void {
    this.done.push(what);
  }
}

const request = Uint8Array.of(7);

test('the TU may answer inside pass: the state has moved, nothing of the rule is left to do', () => {
  const sink = new Recorder();
  const tx = new ServerTransaction('invite-server', 'k', flowOf(false));
  sink.onPass = (t) => void apply(t, '3xx-6xx', 0, sink, Uint8Array.of(9));
  begin(tx, 0, sink);
  assert.deepEqual(sink.done, ['pass', 'send 9']);
  assert.equal(tx.state, 'completed');
  assert.deepEqual(
    [...sink.timers],
    [
      ['G', 500],
      ['H', 32_000],
    ],
  );
});

test('a repeated INVITE before any response has nothing to repeat', () => {
  const sink = new Recorder();
  const tx = new ServerTransaction('invite-server', 'k', flowOf(false));
  begin(tx, 0, sink);
  assert.notEqual(apply(tx, 'INVITE', 10, sink), undefined);
  assert.deepEqual(sink.done, ['pass']);
});

test('a response that nobody may send any more is not remembered', () => {
  const sink = new Recorder();
  const tx = new ServerTransaction('server', 'k', flowOf(false));
  begin(tx, 0, sink);
  apply(tx, '2xx', 1, sink, Uint8Array.of(1));
  apply(tx, '3xx-6xx', 2, sink, Uint8Array.of(2));
  apply(tx, 'request', 3, sink);
  assert.deepEqual(sink.done, ['pass', 'send 1', 'resend 1']);
  assert.equal(tx.lastResponse[0], 1);
});

test('pending says whether a CANCEL can still change anything (9.2)', () => {
  const sink = new Recorder();
  const tx = new ServerTransaction('invite-server', 'k', flowOf(false));
  begin(tx, 0, sink);
  assert.equal(tx.pending, true);
  apply(tx, '1xx', 1, sink, request);
  assert.equal(tx.pending, true);
  apply(tx, '2xx', 2, sink, request);
  assert.equal(tx.pending, false);
});

test('destroy stops every timer and absorbs the rest', () => {
  for (const kind of ['invite-client', 'client'] as const) {
    const sink = new Recorder();
    const tx = new ClientTransaction(kind, 'k', flowOf(false));
    begin(tx, 0, sink, request);
    destroy(tx, sink);
    assert.equal(tx.terminated, true);
    assert.equal(sink.timers.size, 0);
    assert.equal(apply(tx, '2xx', 5, sink), undefined);
    assert.deepEqual(sink.done, ['send 7']);
  }
});

test('a timer that fires late keeps the slots; one that fires early uses its slot up', () => {
  const sink = new Recorder();
  const tx = new ClientTransaction('client', 'k', flowOf(false));
  begin(tx, 1_000, sink, request);
  apply(tx, 'E', 1_512, sink);
  assert.equal(sink.timers.get('E'), 2_500);
  apply(tx, 'E', 2_499, sink);
  assert.equal(sink.timers.get('E'), 4_500);
});

test('a timer that fires so late that its next slot is due skips it: nothing is repeated twice within T1', () => {
  for (const [kind, timer] of [
    ['invite-client', 'A'],
    ['client', 'E'],
  ] as const) {
    const sink = new Recorder();
    const tx = new ClientTransaction(kind, 'k', flowOf(false));
    begin(tx, 0, sink, request);
    apply(tx, timer, 3_499, sink);
    assert.equal(sink.timers.get(timer), 7_500);
    apply(tx, timer, 7_512, sink);
    assert.equal(sink.timers.get(timer), timer === 'A' ? 15_500 : 11_500);
  }
});

test('resume after a gap: one repetition at once for all that were missed, then the slots from T1 later on', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 31_999 }), (gapMs) => {
      const sink = new Recorder();
      const tx = new ClientTransaction('invite-client', 'k', flowOf(false));
      begin(tx, 0, sink, request);
      sink.timers.clear();
      resume(tx, gapMs, sink);
      assert.equal(sink.timers.get('B'), 32_000);
      const slots = [500, 1500, 3500, 7500, 15_500, 31_500, 63_500];
      if (gapMs >= 500) {
        assert.equal(sink.timers.get('A'), gapMs);
        apply(tx, 'A', gapMs, sink);
      }
      assert.deepEqual(sink.done, gapMs >= 500 ? ['send 7', 'resend 7'] : ['send 7']);
      assert.equal(
        sink.timers.get('A'),
        slots.find((atMs) => (gapMs >= 500 ? atMs >= gapMs + 500 : atMs > gapMs)),
      );
    }),
  );
});

test('a takeover gives the peer time before it gives up, and forgets no later than it would have', () => {
  const give = (kind: 'invite-client' | 'client'): ClientTransaction => new ClientTransaction(kind, 'k', flowOf(false));
  for (const [kind, timer] of [
    ['invite-client', 'B'],
    ['client', 'F'],
  ] as const) {
    const sink = new Recorder();
    const tx = give(kind);
    begin(tx, 0, sink, request);
    resume(tx, 31_000, sink, takeoverGraceMs);
    assert.equal(sink.timers.get(timer), 33_000);
    resume(tx, 50_000, sink, takeoverGraceMs);
    assert.equal(sink.timers.get(timer), 52_000);
    resume(tx, 50_000, sink);
    assert.equal(sink.timers.get(timer), 50_000);
    apply(tx, '3xx-6xx', 60_000, sink);
    resume(tx, 99_000, sink, takeoverGraceMs);
    assert.equal(sink.timers.get(kind === 'client' ? 'K' : 'D'), kind === 'client' ? 65_000 : 92_000);
  }
});

test('describe is one line that names state, peer and running timers', () => {
  const sink = new Recorder();
  const tx = new ServerTransaction('invite-server', 'INVITE a:5060 z9hG4bK1', flowOf(false));
  begin(tx, 0, sink);
  apply(tx, '3xx-6xx', 0, sink, request);
  apply(tx, 'G', 500, sink);
  assert.equal(tx.describe(), 'invite-server completed udp 192.0.2.1:5060 G1 H INVITE a:5060 z9hG4bK1');
});
