/**
 * What is seen of a Contact without taking it apart is what its host is. Seen failing with: no look at what follows the address.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { namesHost } from '../../../actors/call/reach.ts';
import { parseUri } from '../../../src/sip/uri.ts';

const host = fc.constantFrom('192.0.2.1', '192.0.2.10', '192.0.2.1.example.test', '[2001:db8::1]', 'example.test');
const user = fc.constantFrom('', 'u@', 'u:p@', '192.0.2.1@', 'sip%40@', '+1;x=192.0.2.1@');
const rest = fc.constantFrom('', ':5060', ';lr', ';maddr=192.0.2.1', ':5060;transport=tcp', '?x=1', '.', '0');
const scheme = fc.constantFrom('sip:', 'sips:', 'tel:', 'x:', '');

test('a Contact whose host is seen at once has that host, or is none', () => {
  let seen = 0;
  fc.assert(
    fc.property(scheme, user, host, rest, fc.constantFrom('192.0.2.1', '192.0.2.10'), (a, b, c, d, address) => {
      const contact = `${a}${b}${c}${d}`;
      if (!namesHost(contact, address)) return;
      seen++;
      const uri = parseUri(contact);
      assert(uri === undefined || uri.host === address, contact);
    }),
    { numRuns: 3_000 },
  );
  assert(seen > 100, 'some are seen at once');
});
