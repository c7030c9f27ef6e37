/**
 * The PROXY protocol against a writer of our own. Seen failing with: the ports of IPv6 read behind those of IPv4; a line of
 * 108 octets taken; the length of TLVs not counted to the header.
 */
import assert from 'node:assert/strict';
import { SocketAddress } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../../src/limits.ts';
import { readProxyHeader } from '../../src/transport/proxy-header.ts';
import type { ProxyHeader } from '../../src/transport/proxy-header.ts';

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const v4 = fc.ipV4();
// Without the IPv4-compatible addresses of old (::1.2.3.4), which the system still writes so.
const v6 = fc.ipV6().filter((text) => !/^::\d/.test(canonical(text)) || canonical(text) === '::1');
const port = fc.integer({ min: 1, max: 65_535 });
const tlvs = fc.uint8Array({ maxLength: 600 });
const rest = fc.oneof(fc.constant(''), fc.constant('\r\n\r\n'), fc.constant('OPTIONS sip:a SIP/2.0\r\n'));

/** As the system writes this address. */
function canonical(address: string): string {
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  const written = new SocketAddress({ address, family }).address;
  return written.startsWith('::ffff:') && written.includes('.') ? written.slice(7) : written;
}

function octetsOf(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const [head = '', ...quad] = dotted === null ? [address] : dotted.slice(1);
  const [a = 0, b = 0, c = 0, d = 0] = quad.map(Number);
  const hex = (high: number, low: number): string => ((high << 8) | low).toString(16);
  const text = dotted === null ? address : `${head}${hex(a, b)}:${hex(c, d)}`;
  const [left = '', right] = text.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [first, last] = [groups(left), groups(right ?? '')];
  const all =
    right === undefined ? first : [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
  return Buffer.concat(all.map((group) => Buffer.from([group >> 8, group & 0xff])));
}

function binary(command: number, family: number, body: Uint8Array): Buffer {
  const head = Buffer.from([0x20 | command, family, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([signature, head, body]);
}

function addresses(from: string, to: string, fromPort: number, toPort: number, more: Uint8Array): Buffer {
  const ports = Buffer.from([fromPort >> 8, fromPort & 0xff, toPort >> 8, toPort & 0xff]);
  return Buffer.concat([octetsOf(from), octetsOf(to), ports, more]);
}

function whole(bytes: number, address: string, from: number): ProxyHeader {
  return { is: 'whole', bytes, source: { address: canonical(address), port: from } };
}

/** Read at every length: partial until it is whole, and then whatever follows changes nothing. */
function readsAs(header: Buffer, following: string, expected: ProxyHeader): void {
  for (let length = 0; length < header.length; length += 1)
    assert.deepEqual(readProxyHeader(header.subarray(0, length)), { is: 'partial' }, `${length} of ${header.length}`);
  assert.deepEqual(readProxyHeader(Buffer.concat([header, Buffer.from(following)])), expected);
}

test('version 1: the source of a line, however it is cut', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.tuple(v4, v4), fc.tuple(v6, v6)),
      port,
      port,
      rest,
      ([from, to], fromPort, toPort, more) => {
        const family = from.includes(':') ? 'TCP6' : 'TCP4';
        const line = Buffer.from(`PROXY ${family} ${from} ${to} ${fromPort} ${toPort}\r\n`);
        fc.pre(line.length <= 107);
        readsAs(line, more, whole(line.length, from, fromPort));
      },
    ),
  );
});

test('version 2: the source of IPv4 and IPv6, however it is cut, with whatever TLVs', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.tuple(v4, v4), fc.tuple(v6, v6)),
      port,
      port,
      tlvs,
      rest,
      ([from, to], fromPort, toPort, more, next) => {
        const body = addresses(from, to, fromPort, toPort, more);
        const header = binary(1, from.includes(':') ? 0x21 : 0x11, body);
        readsAs(header, next, whole(header.length, from, fromPort));
      },
    ),
    { numRuns: 50 },
  );
});

test('what tells no client keeps the address of the balancer', () => {
  const none = (bytes: number): ProxyHeader => ({ is: 'whole', bytes, source: undefined });
  const body = addresses('192.0.2.1', '192.0.2.2', 1, 2, new Uint8Array());
  // LOCAL, UNSPEC, UDP over IPv4, a UNIX socket.
  readsAs(binary(0, 0x11, body), '', none(28));
  readsAs(binary(0, 0x00, Buffer.alloc(3)), 'x', none(19));
  readsAs(binary(1, 0x00, Buffer.alloc(0)), 'x', none(16));
  readsAs(binary(1, 0x12, body), 'x', none(28));
  readsAs(binary(1, 0x31, Buffer.alloc(216)), 'x', none(232));
  readsAs(Buffer.from('PROXY UNKNOWN\r\n'), 'x', none(15));
  readsAs(Buffer.from('PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n'), 'x', none(35));
});

test('an IPv4 client of an IPv6 balancer is an IPv4 client', () => {
  const line = 'PROXY TCP6 ::ffff:192.0.2.7 ::1 4000 5060\r\n';
  readsAs(Buffer.from(line), '', { is: 'whole', bytes: line.length, source: { address: '192.0.2.7', port: 4_000 } });
});

test('what nobody should send is refused, and how', () => {
  const four = addresses('192.0.2.1', '192.0.2.2', 1, 2, new Uint8Array());
  const noPort = addresses('192.0.2.1', '192.0.2.2', 0, 2, new Uint8Array());
  const version3 = binary(1, 0x11, four);
  version3[12] = 0x31;
  const cases: [string | Buffer, string][] = [
    ['REGISTER sip:a SIP/2.0\r\n', 'missing'],
    ['proxy TCP4 ', 'missing'],
    ['\r\n\r\nOPTIONS', 'missing'],
    ['PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.1 192.0.2.2 0 2\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n', 'malformed'],
    ['PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n', 'malformed'],
    ['PROXY TCP4 ::1 ::2 1 2\r\n', 'malformed'],
    ['PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n', 'malformed'],
    ['PROXY TCP6 [::1] ::2 1 2\r\n', 'malformed'],
    ['PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n', 'malformed'],
    ['PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n', 'malformed'],
    [`PROXY UNKNOWN ${'x'.repeat(93)}`, 'too-long'],
    [binary(1, 0x11, four.subarray(0, 11)), 'malformed'],
    [binary(1, 0x21, four), 'malformed'],
    [binary(1, 0x11, noPort), 'malformed'],
    [binary(2, 0x11, four), 'command'],
    [version3, 'version'],
    [binary(1, 0x11, Buffer.alloc(limits.proxyHeaderBytesMax)).subarray(0, 16), 'too-long'],
  ];
  for (const [octets, reason] of cases)
    assert.deepEqual(readProxyHeader(Buffer.from(octets)), { is: 'wrong', reason }, octets.toString('latin1'));
});

test('any octets: a verdict, never more than was given, the same for every longer piece', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(fc.nat(255), fc.nat(255), fc.uint8Array({ maxLength: 300 })).map(([a, b, body]) => {
      const header = binary(0, b, body);
      header[12] = a;
      return new Uint8Array(header);
    }),
    fc.string({ maxLength: 120 }).map((text) => new Uint8Array(Buffer.from(`PROXY TCP4 ${text}\r\n`))),
  );
  fc.assert(
    fc.property(piece, fc.uint8Array({ maxLength: 40 }), (octets, more) => {
      const verdict = readProxyHeader(Buffer.from(octets));
      if (verdict.is === 'partial') return;
      if (verdict.is === 'whole') assert.ok(verdict.bytes > 0 && verdict.bytes <= octets.length);
      assert.deepEqual(readProxyHeader(Buffer.concat([octets, more])), verdict);
    }),
    { numRuns: 1_000 },
  );
});
