/**
 * Flow control of a link: no more is under way than the other side has room for, what waits is bounded, the control is never
 * held up by the rest, and nothing that was taken is lost for it.
 * Seen failing with: room not asked for in `next`, octets under way not given back in `acknowledge` (it stopped for good),
 * copies written behind the work, new work shed at the same bound as all other work.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { packEnvelope } from '../../actors/envelope.ts';
import type { Target } from '../../cluster/data-frame.ts';
import { limits } from '../../src/limits.ts';
import { parse } from '../../src/sip/parse.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { connected } from './link-pair.ts';
import type { Pair } from './link-pair.ts';

const work: Target = [0, 77, 1];
const control: Target = [2];
const copies: Target = [3, 77];
const rooms = [0, 1, 2_000, 300_000, limits.linkWindowBytes] as const;

const action = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom(work, control, copies), fc.oneof(fc.nat(60), fc.nat(90_000))) },
  { weight: 1, arbitrary: fc.constantFrom(...rooms) },
  { weight: 4, arbitrary: fc.record({ deliver: fc.oneof(fc.nat(200), fc.nat(200_000)) }) },
  { weight: 1, arbitrary: fc.constant('cut' as const) },
);

/** Writes what may be written and looks at what that put under way. */
function pull(pair: Pair): void {
  for (const { session } of [pair.a, pair.b]) {
    if (session === undefined) continue;
    const { bytes, items } = session.underWay;
    // What a broken connection carried is written again whatever the room is now.
    const isGrown = () => session.underWay.items > items;
    pair.pull();
    if (!isGrown() || items === 0) continue;
    assert(session.underWay.bytes <= Math.max(bytes, session.roomBytes), 'more under way than there is room for');
    assert(session.underWay.items <= Math.max(items, limits.linkWindowItems));
  }
}

const lanes = (list: readonly string[]) =>
  ['0/', '2 ', '3/'].map((kind) => list.filter((text) => text.startsWith(kind)));

test('the room that the other side gives is kept to, and everything arrives in the end', () => {
  let held = 0;
  fc.assert(
    fc.property(fc.array(action, { minLength: 10, maxLength: 60 }), (actions) => {
      const pair = connected();
      const taken: string[] = [];
      let number = 0;
      for (const step of actions) {
        if (typeof step === 'number') pair.b.roomBytes = step;
        else if (step === 'cut') {
          pair.cut();
          pair.repair();
        } else if ('deliver' in step) {
          pull(pair);
          pair.deliver(step.deliver);
          pair.sleep(60);
        } else {
          const [target, size] = step;
          const text = `${++number}:${'x'.repeat(size)}`;
          if (pair.a.session!.add(target, Buffer.from(text))) taken.push(`${target.join('/')} ${text} @3`);
        }
        held = Math.max(held, pair.a.session!.heldBytes);
      }
      pair.b.roomBytes = limits.linkWindowBytes;
      for (let i = 0; i < 3; i++) {
        pair.repair();
        pair.sleep(300);
        pair.settle();
      }
      assert.deepEqual(lanes(pair.b.taken), lanes(taken));
      assert.equal(pair.a.session!.heldBytes, 0);
    }),
    { numRuns: 150 },
  );
  assert(held > 200_000);
});

test('the round trip is that of the way, not of the heartbeats', () => {
  const pair = connected();
  for (let i = 0; i < 40; i++) {
    for (const node of [pair.a, pair.b]) {
      pair.pull();
      pair.nowMs += 7;
      // Both directions take 7 ms: what was pulled before is delivered now.
      pair.deliver(1 << 20);
      assert(node.link!.isUp);
    }
    pair.sleep(43 + (i % 5) * 20);
  }
  const rttMs = pair.a.link!.rttMs;
  assert(rttMs >= 7 && rttMs <= 30, `${rttMs}`);
});

/** Lets the other side say its room, and settles. */
function quiet(pair: Pair): void {
  pair.sleep(300);
  pair.settle();
  pair.sleep(300);
  pair.settle();
}

test('without room the control still gets through, and copies go before the work once there is room', () => {
  const pair = connected();
  pair.b.roomBytes = 0;
  quiet(pair);
  pair.a.session!.add(work, Buffer.from('work'));
  pair.a.session!.add(copies, Buffer.from('copy'));
  for (let i = 0; i < 100; i++) pair.a.session!.add(control, Buffer.from(`order ${i}`));
  quiet(pair);
  assert.equal(pair.b.taken.length, 100);
  assert(pair.b.taken.every((text) => text.startsWith('2 ')));
  assert(pair.a.link!.isUp, 'waiting for room is no silence');
  for (let i = 0; i < 30; i++) quiet(pair);
  assert(pair.a.link!.isUp);
  pair.b.roomBytes = 10;
  quiet(pair);
  assert.deepEqual(pair.b.taken.slice(100), ['3/77 copy @3', '0/77/1 work @3']);
});

test('room that comes back is told at once, not with the next heartbeat', () => {
  const pair = connected();
  pair.b.roomBytes = 0;
  quiet(pair);
  pair.a.session!.add(work, Buffer.from('work'));
  pair.settle();
  assert.deepEqual(pair.b.taken, []);
  pair.b.roomBytes = limits.linkWindowBytes;
  pair.settle();
  assert.deepEqual(pair.b.taken, ['0/77/1 work @3']);
});

test('many small items do not wait for heartbeats', () => {
  const pair = connected();
  const count = limits.linkWindowItems * 5;
  for (let i = 0; i < count; i++) assert(pair.a.session!.add(work, Buffer.from('x')));
  pair.settle();
  assert(pair.b.taken.length > limits.linkWindowItems * 2, `${pair.b.taken.length}`);
  for (let i = 0; i < 4; i++) pair.settle();
  assert.equal(pair.b.taken.length, count);
});

const flow = { protocol: 'udp', listener: 0, address: '192.0.2.1', port: 5060, connection: '' } as const;

function request(method: string, toTag: string): Uint8Array {
  const lines = [
    `${method} sip:b@example.test SIP/2.0`,
    'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1',
    'From: <sip:a@example.test>;tag=1',
    `To: <sip:b@example.test>${toTag}`,
    'Call-ID: 1',
    `CSeq: 1 ${method}`,
    'Max-Forwards: 70',
    'Content-Length: 20000',
  ];
  const bytes = Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.alloc(20_000, 'x')]);
  return packEnvelope({
    type: 'sip',
    to: { kind: 'call', key: '1' },
    message: parse(bytes, false) as SipMessage,
    flow,
  });
}

test('a receiver that gives no room bounds the memory of the sender: new work is given up first, and counted', () => {
  const pair = connected();
  pair.b.roomBytes = 0;
  quiet(pair);
  const session = pair.a.session!;
  const [invite, info, bye] = [request('INVITE', ''), request('INFO', ';tag=2'), request('BYE', ';tag=2')];
  let sent = 0;
  while (session.shed === 0 && sent++ < 10_000) assert(session.add(work, invite));
  assert(Math.abs(session.heldBytes / limits.linkSendBufferBytesMax - 0.5) < 0.01);
  for (let i = 0; i < 50; i++) assert(session.add(work, invite));
  assert.equal(session.shed, 51);
  while (session.add(work, info)) sent++;
  assert(session.heldBytes <= limits.linkSendBufferBytesMax);
  assert.equal(session.add(work, bye), false);
  assert.equal(session.add([1, 0], bye), false);
  while (session.add(copies, bye)) sent++;
  assert(session.heldBytes <= 1.5 * limits.linkSendBufferBytesMax);
  while (session.add(control, bye)) sent++;
  assert(session.heldBytes <= 2 * limits.linkSendBufferBytesMax);
  assert.equal(session.shed, 51);
  quiet(pair);
  pair.b.roomBytes = limits.linkWindowBytes;
  for (let i = 0; i < 300 && session.heldBytes > 0; i++) quiet(pair);
  assert.equal(session.heldBytes, 0);
});

test('items that are many and small are bounded by their number', () => {
  const pair = connected();
  pair.b.roomBytes = 0;
  quiet(pair);
  let count = 0;
  while (pair.a.session!.add(work, Buffer.alloc(1))) count++;
  assert.equal(count, limits.linkSendBufferItemsMax);
});
