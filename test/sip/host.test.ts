/** Hosts and ports, IPv6 against the implementation of Node. */
import assert from 'node:assert';
import { isIPv4, isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressAt, formatHost, hostAt, isIpv4, isIpv6, portAt, skipHost } from '../../src/sip/host.ts';

function ipv6(text: string): boolean {
  return isIpv6(text, 0, text.length);
}

const almostIpv6 = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constant(':') },
      fc.constantFrom('::', '0', '1', 'ffff', '2001', '12345', 'g', '192.0.2.1', '.'),
    ),
    {
      minLength: 1,
      maxLength: 16,
    },
  )
  .map((parts) => parts.join(''));

test('IPv6 as Node has it, but for the ::: of RFC 5118', () => {
  fc.assert(
    fc.property(fc.oneof(almostIpv6, fc.ipV6()), (text) => {
      if (!text.includes(':::')) assert.strictEqual(ipv6(text), isIPv6(text), text);
    }),
    { numRuns: 5000 },
  );
  assert.ok(ipv6('2001:db8:::192.0.2.1'));
  for (const text of [':::', '1:::2', ':::192.0.2.1:1', '::::192.0.2.1', '', ':', '1:', '::1%eth0'])
    assert.ok(!ipv6(text), text);
});

test('IPv4 as Node has it, but for leading zeros, which are digits here', () => {
  const almost = fc
    .array(fc.oneof(fc.nat(300).map(String), fc.constantFrom('.', '', 'a')), { maxLength: 8 })
    .map((parts) => parts.join('.'));
  fc.assert(
    fc.property(fc.oneof(almost, fc.ipV4()), (text) => {
      if (!/(^|\.)0\d/.test(text)) assert.strictEqual(isIpv4(text, 0, text.length), isIPv4(text), text);
    }),
    { numRuns: 3000 },
  );
});

test('host names', () => {
  const whole = (text: string): boolean => skipHost(text, 0, text.length) === text.length;
  for (const text of [
    'a',
    'example.com',
    'example.com.',
    'a-b.c',
    'x_y',
    '4f3a2b',
    '1.2.3.4',
    '[::1]',
    '[2001:db8:::192.0.2.1]',
  ])
    assert.ok(whole(text), text);
  for (const text of [
    '',
    '.',
    'a..b',
    '-a',
    'a-',
    'a.-b',
    'a-.b',
    '1.2.3',
    '1.2.3.4.5',
    '2001',
    '[::1',
    '::1',
    '[a]',
    'a%b',
    'é',
    'a'.repeat(256),
  ]) {
    assert.ok(!whole(text), text);
  }
  assert.strictEqual(hostAt('[2001:DB8:::192.0.2.1]', 0, 22), '2001:db8::192.0.2.1');
  assert.strictEqual(hostAt('EXAMPLE.com', 0, 11), 'example.com');
  assert.deepStrictEqual(['::1', '1.2.3.4', 'a.b'].map(formatHost), ['[::1]', '1.2.3.4', 'a.b']);
});

test('addresses with and without brackets (RFC 5118 4.5)', () => {
  const at = (text: string): string | undefined => addressAt(text, 0, text.length);
  assert.deepStrictEqual(['[2001:DB8::1]', '2001:db8::1', '192.0.2.1'].map(at), [
    '2001:db8::1',
    '2001:db8::1',
    '192.0.2.1',
  ]);
  assert.deepStrictEqual(
    ['[192.0.2.1]', 'example.com', '', '[]', '[::1', '::1]'].map(at),
    Array.from({ length: 6 }, () => undefined),
  );
});

test('ports', () => {
  const at = (text: string): number => portAt(text, 0, text.length);
  assert.deepStrictEqual(['1', '5060', '65535', '00001'].map(at), [1, 5060, 65_535, 1]);
  for (const text of ['', '0', '65536', '-1', '+1', '1e3', ' 1', '000001', '99999999999'])
    assert.strictEqual(at(text), -1, text);
});
