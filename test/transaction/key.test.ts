/**
 * Matching against the rules of 17.1.3 and 17.2.3, written out a second time as comparisons of two messages.
 * Seen failing with: the sent-by left out of the key, so that two clients with one branch shared a transaction.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { SipMessage } from '../../src/sip/message.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';
import {
  cancelTargetKey,
  clientKey,
  clientKeyOf,
  isClientKeyOf,
  hasMagicCookie,
  isAckFor,
  serverKey,
} from '../../src/transaction/key.ts';

interface Shape {
  readonly method: string;
  readonly uri: string;
  readonly transport: string;
  readonly sentBy: string;
  readonly branch: string;
  readonly fromTag: string;
  readonly toTag: string;
  readonly callId: string;
  readonly cseq: number;
}

const plain: Shape = {
  method: 'INVITE',
  uri: 'sip:bob@example.com',
  transport: 'UDP',
  sentBy: 'pc33.example.com',
  branch: 'z9hG4bK776asdhds',
  fromTag: 'a1',
  toTag: '',
  callId: 'c1',
  cseq: 7,
};

function read(lines: readonly string[]): SipMessage {
  const message = parse(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), false);
  assert(!isFailure(message), isFailure(message) ? message.failure : '');
  return message;
}

function request(changes: Partial<Shape> = {}): SipMessage {
  const { method, uri, transport, sentBy, branch, fromTag, toTag, callId, cseq } = { ...plain, ...changes };
  return read([
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/${transport} ${sentBy}${branch === '' ? '' : `;branch=${branch}`}`,
    `From: <sip:alice@example.com>${fromTag === '' ? '' : `;tag=${fromTag}`}`,
    `To: <sip:bob@example.com>${toTag === '' ? '' : `;tag=${toTag}`}`,
    `Call-ID: ${callId}`,
    `CSeq: ${cseq} ${method}`,
    'Max-Forwards: 70',
    'Content-Length: 0',
  ]);
}

/** Few values each, so that two random messages often agree in all but one thing. */
const shape = (branches: readonly string[]): fc.Arbitrary<Shape> =>
  fc.record({
    method: fc.constantFrom('INVITE', 'ACK', 'CANCEL', 'BYE'),
    uri: fc.constantFrom('sip:bob@example.com', 'sip:eve@example.com'),
    transport: fc.constantFrom('UDP', 'TCP'),
    sentBy: fc.constantFrom(
      'pc33.example.com',
      'PC33.example.com:5060',
      'pc33.example.com:5070',
      '[2001:db8::1]',
      '[2001:db8::1]:5060',
    ),
    branch: fc.constantFrom(...branches),
    fromTag: fc.constantFrom('a1', 'a2'),
    toTag: fc.constantFrom('', 'b1'),
    callId: fc.constantFrom('c1', 'c2'),
    cseq: fc.constantFrom(7, 8),
  });

const sentBy = (one: Shape): string =>
  (/:\d+$/.test(one.sentBy.replace(/\[.*\]/, '')) ? one.sentBy : `${one.sentBy}:5060`).toLowerCase();
const creator = (one: Shape): string => (one.method === 'ACK' ? 'INVITE' : one.method);

test('17.2.3 with the magic cookie: branch, sent-by and method, ACK as INVITE, and nothing else', () => {
  const shapes = shape(['z9hG4bKone', 'z9hG4bKtwo', 'Z9HG4bKone']);
  fc.assert(
    fc.property(shapes, shapes, (one, other) => {
      const match = one.branch === other.branch && sentBy(one) === sentBy(other) && creator(one) === creator(other);
      assert.equal(serverKey(request(one)) === serverKey(request(other)), match);
    }),
    { numRuns: 2_000 },
  );
});

test('17.2.3 without it: Request-URI, tags, Call-ID, CSeq and Via; the To tag of an ACK is compared with our response', () => {
  const shapes = shape(['', 'one', 'two']);
  fc.assert(
    fc.property(shapes, shapes, (one, other) => {
      const invite = creator(one) === 'INVITE';
      const match =
        creator(one) === creator(other) &&
        one.branch === other.branch &&
        sentBy(one) === sentBy(other) &&
        one.transport === other.transport &&
        one.uri === other.uri &&
        one.fromTag === other.fromTag &&
        one.callId === other.callId &&
        one.cseq === other.cseq &&
        (invite || one.toTag === other.toTag);
      assert.equal(serverKey(request(one)) === serverKey(request(other)), match);
    }),
    { numRuns: 2_000 },
  );
});

test('a key with the cookie is never one without', () => {
  assert.notEqual(serverKey(request()), serverKey(request({ branch: '776asdhds' })));
  assert.deepEqual(['z9hG4bKx', 'Z9HG4BKx', 'z9hG4b', '', 'xz9hG4bK'].map(hasMagicCookie), [
    true,
    true,
    false,
    false,
    false,
  ]);
});

test('17.2.3: an RFC 2543 ACK is for the response whose To tag it carries', () => {
  assert.equal(isAckFor(request({ method: 'ACK', branch: '', toTag: 'ours' }), 'ours'), true);
  assert.equal(isAckFor(request({ method: 'ACK', branch: '', toTag: 'theirs' }), 'ours'), false);
  assert.equal(isAckFor(request({ method: 'ACK', toTag: 'theirs' }), 'ours'), true);
});

test('9.2: a CANCEL is its own transaction and points at its INVITE, with or without the cookie', () => {
  fc.assert(
    fc.property(shape(['z9hG4bKone', '', 'one']), (one) => {
      const invite = request({ ...one, method: 'INVITE' });
      const cancel = request({ ...one, method: 'CANCEL' });
      assert.equal(cancelTargetKey(cancel), serverKey(invite));
      assert.notEqual(serverKey(cancel), serverKey(invite));
    }),
  );
});

test('17.1.3: a response belongs to the request of its branch and CSeq method', () => {
  const response = (method: string, branch: string): SipMessage =>
    read([
      'SIP/2.0 200 OK',
      `Via: SIP/2.0/UDP pc33.example.com;branch=${branch};received=192.0.2.1`,
      'From: <sip:alice@example.com>;tag=a1',
      'To: <sip:bob@example.com>;tag=b1',
      'Call-ID: c1',
      `CSeq: 7 ${method}`,
      'Content-Length: 0',
    ]);
  assert.equal(clientKeyOf(response('INVITE', 'z9hG4bKone')), clientKey('z9hG4bKone', 'INVITE'));
  assert.notEqual(clientKeyOf(response('CANCEL', 'z9hG4bKone')), clientKey('z9hG4bKone', 'INVITE'));
  assert.notEqual(clientKeyOf(response('INVITE', 'z9hG4bKtwo')), clientKey('z9hG4bKone', 'INVITE'));
  const branch = fc.constantFrom('z9hG4bKone', 'z9hG4bKtwo', 'z9hG4bK.one', 'z9hG4bKone-BYE');
  const method = fc.constantFrom('INVITE', 'CANCEL', 'BYE', 'I');
  fc.assert(
    fc.property(branch, method, branch, method, (mine, my, its, its2) => {
      const each = response(my, mine);
      const key = clientKey(its, its2);
      assert.equal(isClientKeyOf(key, each), key === clientKeyOf(each));
    }),
  );
});
