/** Names of messages inside of items. Seen failing with: the last octets of a message left out, the port left out. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { packEnvelope } from '../../actors/envelope.ts';
import { nameIn, nameOf } from '../../sim/checkers/item-name.ts';
import { writeMessage } from '../../sim/phone/message.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';

const [address, port] = ['10.1.2.3', 5060];

function octetsWith(branch: string, body: string): Buffer {
  return writeMessage(
    'INFO sip:u1@example.test SIP/2.0',
    [
      ['Via', `SIP/2.0/UDP ${address};branch=z9hG4bK${branch}`],
      ['Max-Forwards', '70'],
      ['From', '<sip:u2@example.test>;tag=a'],
      ['To', '<sip:u1@example.test>;tag=b'],
      ['Call-ID', 'call'],
      ['CSeq', '1 INFO'],
    ],
    body,
  );
}

test('a message has one name before it is packed and inside of the item', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9]{1,20}$/), fc.stringMatching(/^[a-z]{0,9}$/), (branch, body) => {
      const bytes = octetsWith(branch, body);
      const message = parse(bytes, false);
      assert(!isFailure(message));
      const flow = { protocol: 'udp', listener: 0, address, port, connection: '' } as const;
      const item = packEnvelope({ to: { kind: 'call', key: 'call' }, type: 'sip', message, flow });
      assert.equal(nameIn(item), nameOf(bytes, address, port));
    }),
  );
  assert.equal(nameIn(packEnvelope({ to: { kind: 'call', key: 'call' }, type: 'tell', body: 1 })), undefined);
});

test('one other bit, another address or port is another name', () => {
  const bytes = octetsWith('x', 'body');
  const names = new Set([nameOf(bytes, address, port), nameOf(bytes, address, 5061), nameOf(bytes, '10.1.2.4', port)]);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const other = Buffer.from(bytes);
    other[bit >> 3]! ^= 1 << (bit & 7);
    names.add(nameOf(other, address, port));
  }
  assert.equal(names.size, 3 + bytes.length * 8);
});
