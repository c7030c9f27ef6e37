/**
 * The octets of an item tell the same as the message in it. Seen failing with: `To:` looked for by the full name only (the
 * compact form), `;tag=` inside of `<...>` taken for a tag, a key of more than 31 octets not skipped.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { packEnvelope } from '../../actors/envelope.ts';
import { urgency, urgencyOf } from '../../actors/mailbox.ts';
import { isNewWork } from '../../cluster/new-work.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';
import { message } from '../arbitraries/sip.ts';

const flow = { protocol: 'udp', listener: 0, address: '192.0.2.1', port: 5060, connection: '' } as const;

test('new work is told from the octets as from the message', () => {
  const seen = new Set<boolean>();
  fc.assert(
    fc.property(message, fc.string({ maxLength: 300 }), ({ bytes }, key) => {
      const sip = parse(bytes, false);
      fc.pre(!isFailure(sip));
      const isNew = urgencyOf({ type: 'sip', message: sip, flow }) === urgency.newWork;
      seen.add(isNew);
      for (const readMs of [undefined, 1_700_000_000_000]) {
        const packed = packEnvelope({ type: 'sip', to: { kind: 'call', key }, message: sip, flow }, readMs);
        assert.equal(isNewWork(packed), isNew, bytes.toString('latin1'));
      }
    }),
    { numRuns: 1_000 },
  );
  assert.equal(seen.size, 2);
});

test('a parameter whose name only begins like tag is none: RFC 3261 25.1', () => {
  const invite = (to: string): Buffer =>
    Buffer.from(
      `INVITE sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKa\r\nMax-Forwards: 70\r\nFrom: <sip:b@c>;tag=1\r\n` +
        `To: <sip:a@b>${to}\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\nContact: <sip:b@192.0.2.2>\r\nContent-Length: 0\r\n\r\n`,
    );
  for (const [to, isNew] of [
    [';TaGa', true],
    [';tagged=1', true],
    [';TaG = 1', false],
    [';tag=1', false],
  ] as const) {
    const sip = parse(invite(to), false);
    assert(!isFailure(sip), to);
    const packed = packEnvelope({ type: 'sip', to: { kind: 'call', key: 'a' }, message: sip, flow });
    assert.equal(isNewWork(packed), isNew, to);
  }
});

test('whatever else travels is no new work, and no octets make it fail', () => {
  const to = { kind: 'aor', key: 'sip:a@b' } as const;
  assert.equal(isNewWork(packEnvelope({ type: 'tell', to, body: ['INVITE sip:a'] })), false);
  assert.equal(isNewWork(packEnvelope({ type: 'ask', to, asker: { ...to, id: 1 }, body: null })), false);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (octets) => typeof isNewWork(octets) === 'boolean'));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (o) => typeof isNewWork(Buffer.from([0x95, 1, ...o])) === 'boolean'),
  );
});
