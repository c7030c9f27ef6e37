/**
 * RFC 3261 16.6: the copy differs from the request in the named lines and in nothing else.
 * Seen failing with: Path pushed in the wrong order; the inbound Record-Route on top; strict routing with a Path.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { forwardRequest } from '../../src/proxy/forward.ts';
import type { Forward } from '../../src/proxy/forward.ts';
import { planRoute } from '../../src/proxy/route-set.ts';
import { HeaderId } from '../../src/sip/header/names.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { message, request, requestText, self, udpFlow } from './request.ts';

const [udp, tcp] = self.listeners;
assert.ok(udp !== undefined && tcp !== undefined);

function forwarded(received: SipMessage, more: Partial<Forward> = {}): SipMessage {
  const bytes = forwardRequest(received, {
    plan: planRoute(received, self, 'proof', 0),
    source: udpFlow,
    requestUri: 'sip:bob@10.0.0.3',
    path: [],
    recordRoute: undefined,
    listener: udp ?? assert.fail(),
    branch: 'z9hG4bK.cX',
    maxBreadth: -1,
    ownRealm: '',
    ...more,
  });
  return message(bytes.toString('latin1'));
}

test('untouched lines leave as they came, octet for octet and in order', () => {
  const odd = fc.constantFrom(
    'X-Odd :  spaced\t ',
    's: compact',
    'Subject: folded\r\n  line',
    'DATE: not a date',
    'X-Latin: \xe4\xff',
    'k: a,b , c',
    'Contact: "x;y" <sip:alice@10.0.0.2;ob>;+x="<urn:z>"',
    'Record-Route: <sip:px.test;lr>',
    'Unknown: ',
  );
  fc.assert(
    fc.property(fc.array(odd, { maxLength: 8 }), fc.string({ unit: 'binary-ascii', maxLength: 20 }), (lines, body) => {
      const once = [...new Set(lines)];
      const copy = forwarded(request({ lines: once, body, maxForwards: '9' }), {
        recordRoute: { inbound: udp ?? assert.fail(), outbound: udp ?? assert.fail(), proof: 'p' },
      });
      const text = copy.bytes.toString('latin1');
      const expected = requestText({ lines: once, body, maxForwards: '9' })
        .replace('INVITE sip:bob@example.test ', 'INVITE sip:bob@10.0.0.3 ')
        .replace('Max-Forwards: 9', 'Max-Forwards: 8')
        .replace('branch=z9hG4bKa;rport', 'branch=z9hG4bKa;rport=5060;received=10.0.0.2')
        .replace('Via: ', `Via: SIP/2.0/UDP sip.example.test:5060;branch=z9hG4bK.cX;rport\r\nVia: `);
      const ours = 'Record-Route: <sip:sip.example.test:5060;lr;p=p>\r\n';
      assert.ok(text.includes(ours));
      assert.equal(marked(text.replace(ours, '')), marked(expected));
    }),
  );
});

/** The order of the two parameters that 18.2.1 and RFC 3581 add says nothing. */
function marked(text: string): string {
  return text.replace('received=10.0.0.2;rport=5060', 'rport=5060;received=10.0.0.2');
}

test('step 3: one hop less, 70 when there was none', () => {
  assert.equal(forwarded(request({ maxForwards: '1' })).maxForwards, 0);
  assert.equal(forwarded(request({ maxForwards: '' })).maxForwards, 70);
});

test('step 4: what the next one sees first is the side it is on, on either transport', () => {
  const recordRoute = { inbound: udp, outbound: tcp, proof: 'p' };
  const copy = forwarded(request({ lines: ['Record-Route: <sip:before.test;lr>'] }), { recordRoute, listener: tcp });
  assert.deepEqual(copy.values(HeaderId.RecordRoute), [
    '<sip:10.0.0.1:5070;transport=tcp;lr;p=p>',
    '<sip:sip.example.test:5060;lr;p=p>',
    '<sip:before.test;lr>',
  ]);
  assert.match(copy.values(HeaderId.Via)[0] ?? '', /^SIP\/2\.0\/TCP 10\.0\.0\.1:5070;branch=z9hG4bK\.cX;rport$/);
});

test('step 6: Path before the routes of the sender, strict routers swapped, against a list model', () => {
  const route = fc.constantFrom('<sip:sip.example.test;lr>', '<sip:loose.test;lr>', '<sip:strict.test>');
  const path = fc.array(fc.constantFrom('<sip:edge1.test;lr>', '<sip:edge2.test;lr;ob>'), { maxLength: 2 });
  fc.assert(
    fc.property(fc.array(route, { maxLength: 4 }), path, fc.boolean(), (routes, hops, joined) => {
      const lines =
        joined && routes.length > 0 ? [`Route: ${routes.join(',')}`] : routes.map((each) => `Route: ${each}`);
      const copy = forwarded(request({ lines }), { path: hops });
      const own = routes.findIndex((each) => !each.includes('example'));
      let rest: string[] = [...hops, ...(own < 0 ? [] : routes.slice(own))];
      let uri = 'sip:bob@10.0.0.3';
      const first = rest[0];
      if (first !== undefined && !first.includes(';lr')) {
        rest = [...rest.slice(1), `<${uri}>`];
        uri = first.slice(1, -1);
      }
      assert.equal(copy.requestUri, uri);
      assert.deepEqual(copy.values(HeaderId.Route), rest);
    }),
    { numRuns: 500 },
  );
});

test('16.4: the Request-URI that a strict router moved comes back', () => {
  const lines = ['Route: <sip:loose.test;lr>, <sip:alice@10.0.0.2>'];
  const received = request({ uri: 'sip:sip.example.test:5060;lr;p=proof', lines });
  const { requestUri } = planRoute(received, self, 'proof', 0);
  const copy = forwarded(received, { requestUri });
  assert.equal(copy.requestUri, 'sip:alice@10.0.0.2');
  assert.deepEqual(copy.values(HeaderId.Route), ['<sip:loose.test;lr>']);
});

test('step 9: a stream is told the length that a datagram need not tell', () => {
  const text = requestText({ body: 'v=0\r\n' }).replace(/Content-Length: \d+\r\n/, '');
  assert.equal(forwarded(message(text), { listener: tcp }).header(HeaderId.ContentLength), '5');
});

test('22.3: our credentials end here, those of others go on', () => {
  const mine = 'Digest username="a", realm="example.test", nonce="n", uri="sip:b", response="r"';
  const theirs = 'Digest username="a", realm="next.test", nonce="n", uri="sip:b", response="r"';
  const received = request({ lines: [`Proxy-Authorization: ${theirs}`, `Proxy-Authorization: ${mine}`] });
  assert.deepEqual(forwarded(received).lines('Proxy-Authorization'), [theirs, mine]);
  assert.deepEqual(forwarded(received, { ownRealm: 'example.test' }).lines('Proxy-Authorization'), [theirs]);
  const single = request({ lines: [`Proxy-Authorization: ${mine}`] });
  assert.deepEqual(forwarded(single, { ownRealm: 'example.test' }).lines('Proxy-Authorization'), []);
});

test('RFC 5393 5.3: the breadth of this branch replaces what came', () => {
  assert.deepEqual(forwarded(request({ lines: ['Max-Breadth: 9'] }), { maxBreadth: 4 }).lines('Max-Breadth'), ['4']);
});
