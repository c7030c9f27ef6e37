/** Networks against node:net's BlockList. Seen failing with: the last bits of a group left out. */
import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { Networks } from '../../src/transport/networks.ts';

/** Near to each other, so that some are in. */
const four = fc
  .tuple(fc.constantFrom(10, 11), fc.constantFrom(0, 1, 127), fc.constantFrom(0, 255), fc.nat(7))
  .map((parts) => parts.join('.'));
const six = fc
  .tuple(fc.constantFrom('2001', '2003'), fc.constantFrom('0', '8', '8000'), fc.nat(3))
  .map(([a, b, c]) => `${a}:db8:${b}::${c}`);

test('an address is in a network exactly if the system says so', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.record({ address: four, network: four, bits: fc.integer({ min: 1, max: 32 }) }),
        fc.record({ address: six, network: six, bits: fc.integer({ min: 1, max: 128 }) }),
      ),
      ({ address, network, bits }) => {
        const family = address.includes(':') ? 'ipv6' : 'ipv4';
        const list = new BlockList();
        list.addSubnet(network, bits, family);
        assert.equal(new Networks([`${network}/${bits}`]).has(address), list.check(address, family));
      },
    ),
    { numRuns: 1_000 },
  );
});

test('one address, none, all, and IPv4 in the clothes of IPv6', () => {
  assert.ok(new Networks(['192.0.2.7']).has('192.0.2.7') && !new Networks(['192.0.2.7']).has('192.0.2.8'));
  assert.ok(new Networks(['0.0.0.0/0']).has('192.0.2.7') && !new Networks(['0.0.0.0/0']).has('::1'));
  assert.ok(new Networks(['10.0.0.0/8', '::1']).has('::1') && new Networks(['::ffff:10.0.0.0/104']).has('10.1.2.3'));
  assert.ok(new Networks(['10.0.0.0/8']).has('::ffff:10.1.2.3') && !new Networks([]).has('10.1.2.3'));
  assert.ok(!new Networks(['10.0.0.0/8']).has('') && !new Networks(['nonsense']).has('10.0.0.1'));
});
