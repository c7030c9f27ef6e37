/** Responses, refusals, ACK and CANCEL against the rules that name their headers. */
import assert from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { ack, cancel, failureResponse, response } from '../../src/sip/build.ts';
import { HeaderId } from '../../src/sip/header/names.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';
import { message } from '../arbitraries/sip.ts';

function parsed(bytes: Buffer, stream = true): SipMessage {
  const result = parse(bytes, stream);
  if (isFailure(result)) throw new Error(`${result.failure} in ${JSON.stringify(bytes.toString('latin1'))}`);
  return result;
}

const source = { address: '203.0.113.9', port: 5077 };
const request = message.map(({ bytes }) => parsed(bytes)).filter((sip) => sip.isRequest);

test('a response mirrors its request (RFC 3261 8.2.6.2)', () => {
  fc.assert(
    fc.property(request, fc.integer({ min: 100, max: 699 }), (sip, status) => {
      const answer = parsed(response(sip, status, { toTag: 'ours', received: source }));
      assert.deepStrictEqual(
        [answer.status, answer.callId, answer.cseq, answer.cseqMethod],
        [status, sip.callId, sip.cseq, sip.cseqMethod],
      );
      assert.deepStrictEqual(answer.from, sip.from);
      assert.strictEqual(answer.to.uri, sip.to.uri);
      assert.strictEqual(answer.toTag, sip.toTag === '' && status > 100 ? 'ours' : sip.toTag);
      assert.deepStrictEqual(answer.values(HeaderId.Via).slice(1), sip.values(HeaderId.Via).slice(1));
      assert.strictEqual(answer.topVia.received ?? answer.topVia.host, source.address);
      assert.strictEqual(answer.topVia.rport, sip.topVia.rport === undefined ? undefined : source.port);
      const recorded = status > 100 && status < 300 && ['INVITE', 'SUBSCRIBE', 'REFER', 'NOTIFY'].includes(sip.method);
      assert.deepStrictEqual(answer.values(HeaderId.RecordRoute), recorded ? sip.values(HeaderId.RecordRoute) : []);
    }),
    { numRuns: 800 },
  );
});

const invite = parsed(
  Buffer.from(
    [
      'INVITE sip:bob@192.0.2.4 SIP/2.0',
      'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKtop, SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKlower',
      'Route: <sip:p1;lr>',
      'Route: <sip:p2;lr>',
      'From: <sip:alice@example.com>;tag=1',
      'To: <sip:bob@example.com>',
      'Call-ID: c',
      'CSeq: 7 INVITE',
      'Timestamp: 54',
      'Contact: <sip:alice@192.0.2.1>',
      'Content-Length: 4',
      '',
      'body',
    ].join('\r\n'),
  ),
);

test('Timestamp goes into the 100 and no other (RFC 3261 8.2.6.1)', () => {
  assert.strictEqual(parsed(response(invite, 100)).header(HeaderId.Timestamp), '54');
  assert.ok(!parsed(response(invite, 180)).has(HeaderId.Timestamp));
});

test('headers, reason and body', () => {
  const answer = parsed(
    response(invite, 488, {
      reason: 'No',
      headers: [
        ['Warning', '399 x "y"'],
        ['X', 'a\r\nVia: evil'],
      ],
      body: 'größe',
    }),
  );
  assert.deepStrictEqual(
    [answer.reason, answer.header(HeaderId.Warning), answer.body.toString()],
    ['No', '399 x "y"', 'größe'],
  );
  assert.strictEqual(answer.values(HeaderId.Via).length, 2, 'a value cannot start a line');
  assert.strictEqual(parsed(response(invite, 487)).reason, 'Request Terminated');
  assert.strictEqual(parsed(response(invite, 499, { reason: 'a\r\nb' })).reason, 'a  b');
});

test('the ACK of a final response (RFC 3261 17.1.1.3)', () => {
  const out = parsed(ack(invite, parsed(response(invite, 486, { toTag: 'theirs' }))));
  assert.deepStrictEqual(
    [out.method, out.requestUri, out.callId, out.cseq, out.cseqMethod],
    ['ACK', invite.requestUri, 'c', 7, 'ACK'],
  );
  assert.deepStrictEqual(
    out.values(HeaderId.Via),
    ['SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKtop'],
    'a single Via, the top one',
  );
  assert.deepStrictEqual(out.values(HeaderId.Route), ['<sip:p1;lr>', '<sip:p2;lr>']);
  assert.deepStrictEqual([out.fromTag, out.toTag, out.body.length], ['1', 'theirs', 0]);
});

test('the CANCEL (RFC 3261 9.1)', () => {
  const out = parsed(cancel(invite, 'SIP;cause=200;text="Call completed elsewhere"'));
  assert.deepStrictEqual(
    [out.method, out.requestUri, out.cseq, out.cseqMethod],
    ['CANCEL', invite.requestUri, 7, 'CANCEL'],
  );
  assert.deepStrictEqual(out.values(HeaderId.Via), ['SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKtop']);
  assert.deepStrictEqual([out.to, out.from, out.values(HeaderId.Route).length], [invite.to, invite.from, 2]);
  assert.strictEqual(out.header(HeaderId.Reason), 'SIP;cause=200;text="Call completed elsewhere"');
  assert.ok(!out.has(HeaderId.Contact) && !parsed(cancel(invite)).has(HeaderId.Reason));
});

function refusal(lines: readonly string[]): string | undefined {
  const failure = parse(Buffer.from([...lines, '', ''].join('\r\n'), 'latin1'), false);
  assert.ok(isFailure(failure));
  return failureResponse(failure, source)?.toString('latin1');
}

test('a refusal overrides what the client claimed about its address', () => {
  const answer = refusal([
    'OPTIONS sip:b SIP/2.0',
    'Via: SIP/2.0/UDP 192.0.2.1;received=192.0.2.66;rport=9;branch=z9hG4bKa',
    'CSeq: x',
  ]);
  assert.ok(
    answer?.includes('Via: SIP/2.0/UDP 192.0.2.1;received=203.0.113.9;rport=5077;branch=z9hG4bKa\r\n'),
    answer ?? 'no answer',
  );
});

test('the same bad request gets the same To tag each time; another gets another', () => {
  const lines: readonly string[] = [
    'OPTIONS sip:b SIP/2.0',
    'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa',
    'To: <sip:b>',
    'CSeq: x',
  ];
  assert.strictEqual(refusal(lines), refusal(lines));
  assert.notStrictEqual(refusal(lines), refusal(lines.map((line) => line.replace('bKa', 'bKb'))));
  assert.ok(
    refusal(['OPTIONS sip:b SIP/2.0', 'Via: SIP/2.0/UDP a', 'To: <sip:b>;tag=x', 'CSeq: x'])?.includes(
      'To: <sip:b>;tag=x\r\n',
    ),
  );
});

test('no refusal for responses, ACKs, and what has neither Via nor Call-ID', () => {
  assert.strictEqual(refusal(['SIP/2.0 200 OK', 'Via: SIP/2.0/UDP a']), undefined);
  assert.strictEqual(refusal(['ACK sip:b SIP/2.0', 'Via: SIP/2.0/UDP a']), undefined);
  assert.strictEqual(refusal(['GET / HTTP/1.1', 'Host: a']), undefined);
  assert.ok(refusal(['OPTIONS sip:b SIP/2.0', 'Call-ID: x'])?.startsWith('SIP/2.0 400 '));
});
