/** Who we are, in every spelling. Seen failing with: hosts kept in brackets; the port left out of isSocket. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseUri } from '../../src/sip/uri.ts';
import { Self } from '../../src/proxy/self.ts';
import { self, tcpFlow, udpFlow } from './request.ts';

function responsible(text: string): boolean {
  const uri = parseUri(text);
  assert.ok(uri !== undefined, text);
  return self.isResponsible(uri);
}

test('RFC 3261 16.5: our domains and sockets, not the sockets of others', () => {
  for (const text of [
    'sip:bob@example.test',
    'sip:bob@EXAMPLE.test',
    'sip:bob@other.test:5060',
    'sip:bob@sip.example.test',
    'sip:bob@10.0.0.1:5070',
    'sip:bob@[fd00::1]',
    'sip:bob@[FD00:0:0:0:0:0:0:1]:5060',
  ])
    assert.ok(responsible(text), text);
  for (const text of [
    'sip:bob@example.test:5090',
    'sip:bob@10.0.0.1:5090',
    'sip:bob@10.0.0.2',
    'sip:bob@sub.example.test',
    'sip:bob@[fd00::2]',
    'tel:+4930',
    'sip:bob@example.test;maddr=10.0.0.1',
  ])
    assert.ok(!responsible(text), text);
});

test('a socket is ours by host and port, whatever the case', () => {
  const hosts = ['sip.example.test', '10.0.0.1', 'fd00::1', '[fd00::1]', 'example.test', 'other.test'];
  const strange = ['10.0.0.2', 'fd00::2', 'example.com', 'sip.example.test.evil'];
  fc.assert(
    fc.property(
      fc.constantFrom(...hosts, ...strange),
      fc.constantFrom(0, 5060, 5070, 5061, 1),
      fc.boolean(),
      (host, port, upper) => {
        const ours = hosts.includes(host) && [0, 5060, 5070].includes(port);
        assert.equal(self.isSocket(upper ? host.toUpperCase() : host, port), ours, `${host}:${port}`);
        assert.equal(self.isHost(upper ? host.toUpperCase() : host), hosts.includes(host));
      },
    ),
  );
});

test('the listener of the message is kept when it speaks the protocol', () => {
  assert.equal(self.listenerFor('udp', 2), 2);
  assert.equal(self.listenerFor('tcp', 2), 1);
  assert.equal(self.listenerFor('udp', -1), 0);
});

test('the addresses of the other nodes are ours while they live, and a flow shows the address of its node', () => {
  const here = new Self(
    [
      { protocol: 'udp', address: '10.77.0.1', port: 5060, host: '10.77.0.1' },
      { protocol: 'tcp', address: '10.77.0.1', port: 5060, host: '10.77.0.1' },
    ],
    ['example.test'],
  );
  const viaB = { ...udpFlow, connection: 'b/-/udp' };
  const uri = parseUri('sip:bob@10.77.0.2:5070');
  assert.ok(uri !== undefined);
  assert.equal(here.listenerOf(viaB), here.listeners[0], 'of a node that nobody knows: ours');
  const sockets = [
    { host: '10.77.0.2', port: 5070 },
    { host: '[FD00::2]', port: 5071 },
  ];
  here.know([{ node: 'b', workers: 1, sockets }]);
  assert.ok(here.isResponsible(uri) && here.isSocket('10.77.0.2', 5070) && here.isSocket('fd00:0::2', 5071));
  assert.ok(!here.isSocket('10.77.0.2', 5060) && !here.isSocket('10.77.0.2', 5071), 'each with its port');
  assert.deepEqual(here.listenerOf(viaB), { ...here.listeners[0], host: '10.77.0.2', advertisedPort: 5070 });
  assert.equal(here.listenerOf({ ...udpFlow, connection: 'c/-/udp' }), here.listeners[0]);
  assert.equal(here.listenerOf(udpFlow), here.listeners[0]);
  assert.equal(here.listenerOf({ ...tcpFlow, connection: 'b/0/1' })?.host, '[FD00::2]');
  here.know([{ node: 'b', workers: 1, sockets: [{ host: '10.77.0.1', port: 5060 }] }]);
  assert.equal(here.listenerOf(viaB), here.listeners[0], 'the same name is the same listener: one Record-Route');
  here.know([]);
  assert.ok(!here.isResponsible(uri) && !here.isHost('10.77.0.2'));
});
