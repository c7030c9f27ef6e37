/** Where packets come in: which entity gets them, and what is answered at once. Seen failing with: REGISTER keyed by Call-ID. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Edge } from '../../actors/edge.ts';
import type { Envelope } from '../../actors/envelope.ts';
import { partitionOf } from '../../cluster/hash.ts';
import type { Flow } from '../../src/outside.ts';
import { Identifiers, branchPrefix } from '../../src/proxy/identifiers.ts';
import { requestText, self, tcpFlow, udpFlow } from '../proxy/request.ts';
import type { Words } from '../proxy/request.ts';

class Seen {
  readonly delivered: string[] = [];
  readonly sent: { flow: Flow; text: string }[] = [];
  readonly counts: string[] = [];
  readonly edge: Edge;

  constructor() {
    this.edge = new Edge(self, new Identifiers(Buffer.from('secret')), {
      partitionOf,
      deliver: (partition, { to }: Envelope) => {
        assert.equal(partition, partitionOf(to.key));
        this.delivered.push(`${to.kind} ${to.key}`);
      },
      send: (flow, bytes) => void this.sent.push({ flow, text: Buffer.from(bytes).toString('latin1') }),
      note: () => {},
      count: (metric) => void this.counts.push(metric),
    });
  }

  receive(text: string, flow = udpFlow): this {
    this.edge.receive(Buffer.from(text, 'latin1'), flow);
    return this;
  }
}

function receive(words: Words): Seen {
  return new Seen().receive(requestText(words));
}

test('a call belongs to its Call-ID, a REGISTER to its address-of-record', () => {
  assert.deepEqual(receive({}).delivered, ['call c1']);
  assert.deepEqual(receive({ method: 'BYE', to: '<sip:bob@example.test>;tag=2' }).delivered, ['call c1']);
  for (const to of ['<sip:bob@example.test>', 'sip:bob@EXAMPLE.test', '"B" <sips:b%6Fb@example.test:5061;x=y>'])
    assert.deepEqual(receive({ method: 'REGISTER', uri: 'sip:example.test', to }).delivered, [
      'aor sip:bob@example.test',
    ]);
});

test('RFC 3261 18.1.2: a response is ours by its branch, or nobody hears of it', () => {
  const response = (branch: string): string =>
    `SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=${branch}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: c9\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n`;
  assert.deepEqual(new Seen().receive(response(`${branchPrefix}abc`)).delivered, ['call c9']);
  const stray = new Seen().receive(response('z9hG4bKother'));
  assert.deepEqual([stray.delivered, stray.counts], [[], ['received', 'stray-response']]);
});

test('what needs no state is answered at once and the same each time, with a tag', () => {
  const first = receive({ maxForwards: '0' });
  const again = receive({ maxForwards: '0' });
  assert.deepEqual(first.delivered, []);
  assert.equal(first.sent[0]?.text, again.sent[0]?.text);
  assert.match(first.sent[0]?.text ?? '', /^SIP\/2\.0 483 [^]*\r\nTo: [^\r]*;tag=/);
  assert.match(first.sent[0]?.text ?? '', /received=10\.0\.0\.2/);
});

test('an ACK is never answered, whatever is wrong with it', () => {
  for (const words of [{ maxForwards: '0' }, { uri: 'http://x' }, { lines: ['Proxy-Require: x'] }])
    assert.deepEqual(receive({ method: 'ACK', ...words }).sent, []);
});

test('what does not parse is answered to its source or dropped', () => {
  const bad = new Seen().receive(requestText({}).replace('CSeq: 7 INVITE', 'CSeq: x INVITE'), tcpFlow);
  assert.match(bad.sent[0]?.text ?? '', /^SIP\/2\.0 400 /);
  assert.equal(bad.sent[0]?.flow, tcpFlow);
  const noise = new Seen().receive('\0\x01\x02');
  assert.deepEqual([noise.sent, noise.delivered], [[], []]);
  assert.ok(noise.counts.includes('malformed'));
});
