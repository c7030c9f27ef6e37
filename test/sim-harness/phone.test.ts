/**
 * The phones' own reader: what the server must never send is seen. Seen failing with: Content-Length not compared; the tag
 * looked for inside of the URI.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { compact, hostPortOf, paramOf, readMessage, uriOf, valuesOf, writeMessage } from '../../sim/phone/message.ts';

const headers: [string, string][] = [
  ['Via', 'SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bK1, SIP/2.0/UDP 10.1.0.2;branch=z9hG4bK0'],
  ['Max-Forwards', '70'],
  ['From', '"A, B" <sip:a@example.test;tag=no>;tag=yes'],
  ['To', '<sip:b@example.test>'],
  ['Call-ID', 'one'],
  ['CSeq', '7 INVITE'],
];
const start = 'INVITE sip:b@example.test SIP/2.0';

test('a message is read as it was written', () => {
  const message = readMessage(writeMessage(start, headers, 'v=0\r\n'));
  assert.ok(typeof message !== 'string');
  assert.equal(message.method, 'INVITE');
  assert.equal(message.fromTag, 'yes');
  assert.equal(message.toTag, '');
  assert.equal(message.branch, 'z9hG4bK1');
  assert.equal(message.body, 'v=0\r\n');
  assert.equal(valuesOf(message.headers, 'via').length, 2);
});

test('compact names mean the same', () => {
  const whole = writeMessage(start, headers, 'To: not a header');
  const short = compact(whole);
  assert.match(short.toString('latin1'), /\r\nv: .*\r\nl: 16\r\n\r\nTo: not a header$/s);
  assert.deepEqual(readMessage(short), readMessage(whole));
});

test('what is wrong is said', () => {
  const good = writeMessage(start, headers).toString('latin1');
  const cases: [string, string, RegExp][] = [
    ['Content-Length: 0', 'Content-Length: 1', /Content-Length 1 but 0/],
    ['CSeq: 7 INVITE', 'CSeq: 7 BYE', /CSeq of a INVITE says BYE/],
    [';tag=yes', '', /From without a tag/],
    ['Max-Forwards: 70\r\n', '', /Max-Forwards/],
    ['branch=z9hG4bK1', 'branch=1', /branch/],
    ['Call-ID: one\r\n', '', /call-id/],
    ['SIP/2.0\r\n', 'SIP/3.0\r\n', /request line/],
  ];
  for (const [part, instead, expected] of cases) {
    assert.ok(good.includes(part), part);
    const message = readMessage(Buffer.from(good.replace(part, instead), 'latin1'));
    assert.ok(typeof message === 'string');
    assert.match(message, expected);
  }
});

test('addresses', () => {
  assert.equal(uriOf('"x" <sip:u@10.0.0.1;lr>;tag=1'), 'sip:u@10.0.0.1;lr');
  assert.equal(paramOf('<sip:u@h;tag=in>;TAG=out', 'tag'), 'out');
  assert.equal(
    paramOf('"a;expires=1" <sip:u@h;expires=2>;+sip.instance="<urn:x;expires=3>";expires=4', 'expires'),
    '4',
  );
  assert.deepEqual(hostPortOf('sip:u@10.1.2.3:5070;lr'), { address: '10.1.2.3', port: 5070 });
  assert.deepEqual(hostPortOf('SIP/2.0/UDP 10.0.0.1:5060;branch=x'), { address: '10.0.0.1', port: 5060 });
});
