/** Via values: what is read, what is refused (RFC 3261 20.42, RFC 3581). */
import assert from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseVia, writeVia } from '../../../src/sip/header/via.ts';
import { via } from '../../arbitraries/sip.ts';

test('everything of a Via', () => {
  const parsed = parseVia(
    'SIP/2.0/udp Example.COM:5070 ;branch=z9hG4bKa;received=[2001:db8::1];rport=7;ttl=16;maddr=224.2.0.1;X="a;b"',
  );
  assert.ok(parsed);
  assert.deepStrictEqual(
    [
      parsed.transport,
      parsed.host,
      parsed.port,
      parsed.branch,
      parsed.received,
      parsed.rport,
      parsed.ttl,
      parsed.maddr,
    ],
    ['UDP', 'example.com', 5070, 'z9hG4bKa', '2001:db8::1', 7, 16, '224.2.0.1'],
  );
  assert.deepStrictEqual(parsed.params.at(-1), ['x', '"a;b"']);
});

test('nothing but what must be', () => {
  const parsed = parseVia('SIP/2.0/TCP a');
  assert.ok(parsed);
  assert.deepStrictEqual(
    [parsed.port, parsed.branch, parsed.received, parsed.rport, parsed.params, parsed.ttl, parsed.maddr],
    [0, '', undefined, undefined, [], undefined, undefined],
  );
  assert.strictEqual(parseVia('SIP/2.0/TCP a;rport')?.rport, 0);
});

test('a list is not one value', () => {
  assert.strictEqual(parseVia('SIP/2.0/UDP a, SIP/2.0/UDP b'), undefined);
});

test('writing and parsing again', () => {
  fc.assert(
    fc.property(via, (text) => {
      const first = parseVia(text);
      assert.ok(first, text);
      const again = parseVia(writeVia(first));
      assert.ok(again, writeVia(first));
      assert.deepStrictEqual({ ...again, params: again.params }, { ...first, params: first.params });
    }),
    { numRuns: 1000 },
  );
});
