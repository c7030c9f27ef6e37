/** Where responses go: RFC 3261 18.2.2, RFC 3581. Seen failing with: rport of the Via taken for the port of the packet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hasViaBelow, needsMark, receivedMark, responseFlow, sentByFlow } from '../../src/proxy/response-flow.ts';
import { message, request, tcpFlow, udpFlow } from './request.ts';

test('always to the address the request came from, never to one that a Via names', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('10.0.0.2', '10.9.9.9', 'phone.test', '[fd00::9]'),
      fc.constantFrom(0, 5060, 6000),
      fc.constantFrom('', ';rport', ';rport=9', ';received=10.8.8.8', ';maddr=224.0.1.75'),
      fc.integer({ min: 1024, max: 65_535 }),
      (host, port, extra, source) => {
        const via = `SIP/2.0/UDP ${host}${port === 0 ? '' : `:${port}`};branch=z9hG4bKa${extra}`;
        const flow = responseFlow(request({ via: [via] }), { ...udpFlow, port: source });
        assert.equal(flow.address, udpFlow.address);
        assert.equal(flow.port, extra.startsWith(';rport') ? source : port === 0 ? 5060 : port);
      },
    ),
  );
});

test('on a stream: the same connection, and when that is gone the port of sent-by', () => {
  const asked = request({ via: ['SIP/2.0/TCP phone.test:5080;branch=z9hG4bKa'] });
  assert.equal(responseFlow(asked, tcpFlow), tcpFlow);
  assert.deepEqual(sentByFlow(asked, tcpFlow), { ...tcpFlow, port: 5080, connection: '' });
  const silent = request({ via: ['SIP/2.0/TCP phone.test;branch=z9hG4bKa'] });
  assert.equal(sentByFlow(silent, tcpFlow).port, 5060);
});

test('18.2.1: the source is noted unless sent-by says it', () => {
  assert.ok(!needsMark(request({ via: ['SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKa'] }), udpFlow));
  assert.ok(needsMark(request({ via: ['SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKa;rport'] }), udpFlow));
  assert.ok(needsMark(request({ via: ['SIP/2.0/UDP phone.test;branch=z9hG4bKa'] }), udpFlow));
  assert.ok(needsMark(request({ via: ['SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKa;received=1.2.3.4'] }), udpFlow));
  assert.deepEqual(receivedMark(request(), udpFlow), { received: { address: '10.0.0.2', port: 5060 } });
});

test('16.7 step 3: how the Vias are written does not matter for whether one is left', () => {
  const vias = fc.array(fc.constantFrom('SIP/2.0/UDP a;branch=z9hG4bKx', 'SIP/2.0/TCP b:1;x="a,b"'), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(vias, fc.boolean(), (values, joined) => {
      const lines = joined ? [`Via: ${values.join(', ')}`] : values.map((value) => `v: ${value}`);
      const text = [
        'SIP/2.0 200 OK',
        ...lines,
        'From: <sip:a@b>;tag=1',
        'To: <sip:c@d>;tag=2',
        'Call-ID: c',
        'CSeq: 1 INVITE',
        'Content-Length: 0',
        '',
        '',
      ];
      assert.equal(hasViaBelow(message(text.join('\r\n'))), values.length > 1);
    }),
  );
});
