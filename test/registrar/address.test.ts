/**
 * Kinds of hosts, against the address code of the runtime (node:net), which the pure code must not use.
 * Seen failing with: `missing < 0` instead of `missing < 1` for the gap of an IPv6 address; the mapped form not taken apart.
 */
import assert from 'node:assert/strict';
import { BlockList, SocketAddress, isIPv4, isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { hostKind, parseAddress, sameAddress } from '../../src/registrar/address.ts';

test('what is an address is decided as the runtime does', () => {
  const groups = fc.array(fc.constantFrom('0', 'a', 'ffff'), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(groups, fc.nat(9), (parts, gap) => {
      const host = `${parts.slice(0, gap).join(':')}::${parts.slice(gap).join(':')}`;
      assert.equal(parseAddress(host) !== undefined, isIPv6(host), host);
    }),
  );
  const text = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.ipV4Extended(),
    fc
      .array(fc.constantFrom('0', '1', 'f', 'ff', ':', '::', '.', '255', '01', '10.0.0.1'), { maxLength: 12 })
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (host) => {
      assert.equal(parseAddress(host) !== undefined, isIPv4(host) || isIPv6(host), host);
    }),
    { numRuns: 2000 },
  );
});

test('two spellings of one address are the same, two addresses are not', () => {
  const canonical = (host: string): string => {
    const mapped = /^::ffff:(.*)$/.exec(
      new SocketAddress({ address: host, family: isIPv4(host) ? 'ipv4' : 'ipv6' }).address,
    )?.[1];
    return mapped !== undefined && isIPv4(mapped)
      ? mapped
      : new SocketAddress({ address: host, family: isIPv4(host) ? 'ipv4' : 'ipv6' }).address;
  };
  const host = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.ipV4().map((v4) => `::ffff:${v4}`),
    fc.constantFrom('::', '::1', '0:0:0:0:0:0:0:1', '127.0.0.1', '::ffff:7f00:1', '0::ffff:127.0.0.1'),
  );
  fc.assert(
    fc.property(host, host, (a, b) => {
      assert(sameAddress(a, `${isIPv6(a) ? `[${a}]` : a}`));
      assert.equal(sameAddress(a, b), canonical(a) === canonical(b));
    }),
    { numRuns: 1000 },
  );
  assert(
    sameAddress('::1', '0:0:0:0:0:0:0:1') &&
      sameAddress('::ffff:127.0.0.1', '127.0.0.1') &&
      sameAddress('2001:DB8::1', '2001:db8:0::1'),
  );
  assert(!sameAddress('h.example', 'h.example') && !sameAddress('::1', '127.0.0.1'));
});

test('every address falls into the block that the registries say', () => {
  const blocks: readonly (readonly [string, readonly (readonly [string, number])[]])[] = [
    [
      'unspecified',
      [
        ['0.0.0.0', 8],
        ['::', 128],
      ],
    ],
    [
      'loopback',
      [
        ['127.0.0.0', 8],
        ['::1', 128],
      ],
    ],
    [
      'private',
      [
        ['10.0.0.0', 8],
        ['172.16.0.0', 12],
        ['192.168.0.0', 16],
        ['100.64.0.0', 10],
        ['fc00::', 7],
      ],
    ],
    [
      'link-local',
      [
        ['169.254.0.0', 16],
        ['fe80::', 10],
      ],
    ],
    [
      'multicast',
      [
        ['224.0.0.0', 4],
        ['ff00::', 8],
      ],
    ],
    ['broadcast', [['255.255.255.255', 32]]],
    ['reserved', [['240.0.0.0', 4]]],
  ];
  const kindOf = (host: string): string => {
    const family = isIPv4(host) ? 'ipv4' : 'ipv6';
    for (const [kind, subnets] of blocks) {
      const list = new BlockList();
      for (const [net, prefix] of subnets)
        if (net.includes(':') === (family === 'ipv6')) list.addSubnet(net, prefix, family);
      if (list.check(host, family)) return kind;
    }
    return 'global';
  };
  const edges = blocks
    .flatMap(([, subnets]) => subnets.map(([net]) => net))
    .filter((net) => !net.includes(':'))
    .flatMap((net) => {
      const number = net.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
      return [-1, 0, 1, 65_535, 65_536]
        .map((by) => (number + by + 2 ** 32) % 2 ** 32)
        .map((value) => [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.'));
    });
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.constantFrom(...edges)), (host) => {
      assert.equal(hostKind(host), kindOf(host));
      assert.equal(hostKind(`::ffff:${host}`), kindOf(host));
    }),
    { numRuns: 1000 },
  );
  const first = fc.constantFrom('fe80', 'febf', 'fec0', 'fe7f', 'fc00', 'fdff', 'ff02', 'feff', '2001', '0', '1');
  fc.assert(
    fc.property(first, fc.constantFrom('::', '::1', ':0:0:0:0:0:0:1', ':db8::'), (head, tail) => {
      assert.equal(hostKind(head + tail), kindOf(head + tail));
    }),
  );
});

test('names', () => {
  const kinds = {
    'h.example': 'name',
    'pc33': 'name',
    '4f3c2d1a': 'name',
    'h.example.': 'name',
    'x.INVALID': 'invalid-name',
    'invalid': 'invalid-name',
    'localhost': 'localhost',
    'a.localhost.': 'localhost',
  };
  for (const [host, kind] of Object.entries(kinds)) assert.equal(hostKind(host), kind, host);
  for (const host of [
    '',
    '2130706433',
    '0x7f000001',
    '127.1',
    '127.0.0.0x1',
    '0x',
    '1.2.3.4.5',
    '010.0.0.1',
    '256.1.1.1',
    'a:b',
    '[::1',
  ])
    assert.equal(hostKind(host), 'malformed', host);
});
