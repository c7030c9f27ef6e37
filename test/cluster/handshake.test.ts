/**
 * The handshake of two nodes under an attacker who reads, keeps, repeats, reflects and changes frames but does not know
 * the secret. Seen failing with: the role left out of the proof (a reflected proof was taken), the acceptor's random left
 * out of the transcript (a recorded dialer was taken again).
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { Handshake } from '../../cluster/handshake.ts';
import type { HandshakeStep, Role } from '../../cluster/handshake.ts';
import { decodeFrame } from '../../cluster/wire.ts';

interface Side {
  readonly cluster?: string;
  readonly node?: string;
  readonly secret?: string;
  readonly expect?: string;
  readonly incarnation?: number;
  readonly salt?: number;
}

function side(role: Role, over: Side = {}): Handshake {
  const node = over.node ?? (role === 'dialer' ? 'a' : 'b');
  return new Handshake({
    role,
    self: { cluster: over.cluster ?? 'demo', node, incarnation: over.incarnation ?? 5 },
    expect: role === 'dialer' ? (over.expect ?? 'b') : '',
    secret: over.secret ?? 'the secret of the cluster',
    random: createHash('sha256')
      .update(`${role} ${over.salt ?? 0}`)
      .digest(),
    mark: { epoch: 3, nonce: 4 },
    resumeFor: () => ({ stream: 11, heardStream: 12, heardSeq: 13 }),
  });
}

const give = (to: Handshake, frame: Buffer): HandshakeStep =>
  to.receive(frame.subarray(4), decodeFrame(frame.subarray(4)));

function sent(step: HandshakeStep): Buffer {
  assert.equal(step.do, 'send');
  return (step as { frame: Buffer }).frame;
}

/** Runs two sides against each other; says how each ended and what went over the wire. */
function run(
  dialer: Handshake,
  acceptor: Handshake,
): { dialer: HandshakeStep | undefined; acceptor: HandshakeStep; wire: Buffer[] } {
  const wire = [dialer.hello()];
  let acceptorStep = give(acceptor, wire[0]!);
  if (acceptorStep.do !== 'send') return { dialer: undefined, acceptor: acceptorStep, wire };
  wire.push(acceptorStep.frame);
  let dialerStep = give(dialer, acceptorStep.frame);
  if (dialerStep.do !== 'send') return { dialer: dialerStep, acceptor: acceptorStep, wire };
  wire.push(dialerStep.frame);
  acceptorStep = give(acceptor, dialerStep.frame);
  if (acceptorStep.do !== 'establish') return { dialer: dialerStep, acceptor: acceptorStep, wire };
  wire.push(acceptorStep.frame!);
  dialerStep = give(dialer, acceptorStep.frame!);
  return { dialer: dialerStep, acceptor: acceptorStep, wire };
}

test('two honest sides agree on who they are and on the keys', () => {
  const end = run(side('dialer', { incarnation: 8 }), side('acceptor', { incarnation: 9 }));
  assert(end.dialer?.do === 'establish' && end.acceptor.do === 'establish');
  const [d, a] = [end.dialer.established, end.acceptor.established];
  assert.deepEqual([d.peer.node, d.peer.incarnation, a.peer.node, a.peer.incarnation], ['b', 9, 'a', 8]);
  assert.deepEqual([a.peer.stream, a.peer.heardStream, a.peer.heardSeq], [11, 12, 13]);
  assert.deepEqual(d.sendKey, a.receiveKey);
  assert.deepEqual(a.sendKey, d.receiveKey);
  assert.notDeepEqual(d.sendKey, d.receiveKey);
});

const refusals: readonly (readonly [string, Side, Side, string])[] = [
  ['another cluster', { cluster: 'other' }, {}, 'wrong-cluster'],
  ['meant for another node', { expect: 'c' }, {}, 'wrong-node'],
  ['the larger name dials', { node: 'c' }, {}, 'wrong-direction'],
  ['its own name', { node: 'b' }, {}, 'wrong-direction'],
  ['another secret', { secret: 'guess' }, {}, 'wrong-proof'],
  ['an empty secret', { secret: '' }, {}, 'wrong-proof'],
];

for (const [what, dialer, acceptor, reason] of refusals) {
  test(`the acceptor refuses: ${what}`, () => {
    const end = run(side('dialer', dialer), side('acceptor', acceptor));
    assert.deepEqual(end.acceptor, { do: 'refuse', reason });
    assert(end.wire.length < 4, 'the acceptor must not prove itself to a stranger');
  });
}

test('the dialer refuses an acceptor that cannot prove itself', () => {
  const dialer = side('dialer');
  const step = sent(give(side('acceptor', { secret: 'guess' }), dialer.hello()));
  assert.equal(give(dialer, step).do, 'send');
  const forged = run(side('dialer', { secret: 'guess' }), side('acceptor', { secret: 'guess' })).wire[3]!;
  assert.deepEqual(give(dialer, forged), { do: 'refuse', reason: 'wrong-proof' });
});

test('a recorded dialer is not taken again, and its own proof does not come back as the acceptor’s', () => {
  const { wire } = run(side('dialer'), side('acceptor'));
  const again = side('acceptor', { salt: 1 });
  sent(give(again, wire[0]!));
  assert.deepEqual(give(again, wire[2]!), { do: 'refuse', reason: 'wrong-proof' });
  const dialer = side('dialer');
  const challenge = sent(give(side('acceptor'), dialer.hello()));
  const proof = sent(give(dialer, challenge));
  assert.deepEqual(give(dialer, proof), { do: 'refuse', reason: 'wrong-proof' });
});

test('any change of any octet on the way ends in a refusal on one side, and never in two sides established', () => {
  fc.assert(
    fc.property(fc.nat(3), fc.nat(), fc.integer({ min: 1, max: 255 }), (which, at, mask) => {
      const dialer = side('dialer');
      const acceptor = side('acceptor');
      let frame: Buffer | undefined = dialer.hello();
      let established = 0;
      for (let i = 0; i < 4 && frame !== undefined; i++) {
        frame = Buffer.from(frame); // As the network would: the sender's own octets stay as they are.
        if (i === which) frame[4 + (at % (frame.length - 4))]! ^= mask;
        const step: HandshakeStep = give(i % 2 === 0 ? acceptor : dialer, frame);
        if (step.do === 'establish') established++;
        frame = step.do === 'refuse' ? undefined : step.frame;
      }
      // The table mark of a PROOF is outside the proof: it says nothing that the next sealed frame does not say again.
      const inMark = which >= 2 && at % 39 >= 3 && at % 39 <= 4;
      if (!inMark) assert(established < 2);
    }),
    { numRuns: 500 },
  );
});

test('frames out of turn, repeated or from a finished handshake are refused', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 6 }), (order) => {
      const { wire } = run(side('dialer'), side('acceptor'));
      const acceptor = side('acceptor', { salt: 1 });
      let steps = 0;
      for (const index of order) {
        const step = give(acceptor, wire[index]!);
        assert.notEqual(step.do, 'establish');
        if (step.do === 'send') {
          assert.equal(index, 0);
          assert.equal(++steps, 1);
        }
      }
    }),
  );
});
