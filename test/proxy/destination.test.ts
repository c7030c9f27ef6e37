/** Where a URI leads, and where nothing of ours goes. Seen failing with: prefixes of text instead of addresses for IPv6. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { destinationOf, isForbidden } from '../../src/proxy/destination.ts';
import { parseUri } from '../../src/sip/uri.ts';
import { self } from './request.ts';

function to(text: string): unknown {
  const uri = parseUri(text);
  assert.ok(uri !== undefined, text);
  const flow = destinationOf(uri, self, 0);
  return typeof flow === 'string' ? flow : `${flow.protocol} ${flow.listener} ${flow.address} ${flow.port}`;
}

test('transport and port by parameter and default, maddr before host: RFC 3263 4', () => {
  assert.equal(to('sip:bob@10.0.0.9'), 'udp 0 10.0.0.9 5060');
  assert.equal(to('sip:bob@phone.test:5080;transport=TCP'), 'tcp 1 phone.test 5080');
  assert.equal(to('sip:bob@[fd00::9]:5080'), 'udp 0 fd00::9 5080');
  assert.equal(to('sip:bob@phone.test;maddr=10.0.0.9'), 'udp 0 10.0.0.9 5060');
  assert.equal(to('sip:bob@phone.test;transport=sctp'), 'unsupported-transport');
  assert.equal(to('sips:bob@phone.test'), 'unsupported-scheme');
  assert.equal(to('tel:+4930'), 'unsupported-scheme');
  assert.equal(to('sip:bob@phone.test;maddr=224.0.1.75'), 'forbidden-address');
});

test('no multicast, broadcast or unspecified address, in no spelling', () => {
  fc.assert(
    fc.property(
      fc.constantFrom([0, 0, 0, 0], [224, 0, 1, 75], [239, 255, 255, 255], [240, 0, 0, 1], [255, 255, 255, 255]),
      fc.constantFrom('4', 'dotted', 'hex', 'long'),
      (octets, form) => {
        const [a = 0, b = 0, c = 0, d = 0] = octets;
        const dotted = octets.join('.');
        const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        const text = {
          '4': dotted,
          'dotted': `::ffff:${dotted}`,
          'hex': `::FFFF:${hex}`,
          'long': `0:0:0:0:0:ffff:${hex}`,
        }[form];
        assert.ok(isForbidden(text), text);
      },
    ),
  );
  for (const text of ['', '::', '0::0', 'ff02::1', 'FF0E::1', '224.1', '3758096385', '0x7f000001', '0'])
    assert.ok(isForbidden(text), text);
  for (const text of ['10.0.0.1', '127.0.0.1', 'phone.test', '::ffff:10.0.0.1', 'fe80::1', '2001:db8::1'])
    assert.ok(!isForbidden(text), text);
});
