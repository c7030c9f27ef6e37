// Addresses of the configuration, held against node:net. Seen failing with: `::` allowed to stand for no group at all.
import assert from 'node:assert/strict';
import { isIPv4, isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatHostPort, isIpv4, isIpv6, isLoopback, isNetwork, parseHostPort } from '../../src/config/address.ts';

const host = fc.oneof(fc.ipV4(), fc.ipV6());
const nearlyAddress = fc.string({ unit: fc.constantFrom(':', '::', '.', '1', 'f', '255', '0', 'g'), maxLength: 16 });

test('IP literals are those that node:net takes', () => {
  fc.assert(
    fc.property(fc.oneof(host, nearlyAddress), (text) => {
      assert.equal(isIpv4(text), isIPv4(text), text);
      assert.equal(isIpv6(text), isIPv6(text), text);
    }),
    { numRuns: 1_000 },
  );
});

test('eight groups and a gap are one group too many', () => {
  const texts = [
    '1:2:3:4::5:6:7:8',
    '::1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7::',
    '1:2:3:4:5:6:1.2.3.4',
    '1:2:3:4:5:6:7:1.2.3.4',
    '1::2::3',
  ];
  for (const text of texts) assert.equal(isIpv6(text), isIPv6(text), text);
});

test('an address with a port that was written can be read again', () => {
  fc.assert(
    fc.property(host, fc.integer({ min: 1, max: 65_535 }), (address, port) => {
      assert.deepEqual(parseHostPort(formatHostPort({ host: address, port })), { host: address, port });
    }),
  );
});

test('what is no address is refused', () => {
  for (const text of [
    '',
    ':',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    '127.0.0.1:05060',
    '::1:5060',
    '[::1]',
    'localhost:1',
    '1.2.3:4',
    '01.2.3.4:5',
    '[127.0.0.1]:5',
    '127.0.0.1:1e3',
    '127.0.0.1: 1',
  ]) {
    assert.equal(parseHostPort(text), undefined, text);
  }
});

test('loopback and networks', () => {
  assert.ok(isLoopback('127.0.0.1') && isLoopback('127.255.0.3') && isLoopback('::1'));
  assert.ok(!isLoopback('0.0.0.0') && !isLoopback('::') && !isLoopback('10.127.0.1') && !isLoopback('127.evil.test'));
  assert.ok(isNetwork('10.0.0.0/8') && isNetwork('::/0') && isNetwork('::1/128') && isNetwork('192.0.2.1'));
  assert.ok(
    !isNetwork('10.0.0.0/33') &&
      !isNetwork('10.0.0/8') &&
      !isNetwork('::1/129') &&
      !isNetwork('any') &&
      !isNetwork('1.2.3.4/'),
  );
});
