/** name-addr and addr-spec (RFC 3261 20.10). What is refused stands in parse.test.ts. */
import assert from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { displayText, parseAddress, parseAddresses, writeAddress } from '../../../src/sip/header/address.ts';
import { address, token } from '../../arbitraries/sip.ts';

test('parts', () => {
  assert.deepStrictEqual(parseAddress('"A \\"B\\"" <sip:a@b;x>;Tag=t ; q = 0.5;f'), {
    displayName: '"A \\"B\\""',
    uri: 'sip:a@b;x',
    params: [
      ['tag', 't'],
      ['q', '0.5'],
      ['f', undefined],
    ],
  });
  assert.deepStrictEqual(parseAddress('sip:a@b;x'), { displayName: '', uri: 'sip:a@b', params: [['x', undefined]] });
  assert.strictEqual(displayText({ displayName: '"A \\"B\\""', uri: '', params: [] }), 'A "B"');
  assert.strictEqual(displayText({ displayName: 'A B', uri: '', params: [] }), 'A B');
});

test('lists: commas in quotes and brackets do not separate', () => {
  const all = parseAddresses('"A, B" <sip:a@b;x=1>;q=1, <sip:c,d@e> ,sip:f@g');
  assert.deepStrictEqual(
    all?.map(({ uri }) => uri),
    ['sip:a@b;x=1', 'sip:c,d@e', 'sip:f@g'],
  );
  for (const bad of ['', ',', 'sip:a@b,', ',sip:a@b', 'sip:a@b,,sip:c@d', 'sip:a@b, none'])
    assert.strictEqual(parseAddresses(bad), undefined, bad);
  assert.strictEqual(parseAddress('sip:a@b, sip:c@d'), undefined);
});

test('writing and parsing again', () => {
  fc.assert(
    fc.property(address(token.map((tag) => `;tag=${tag}`)), (text) => {
      const first = parseAddress(text);
      assert.ok(first, text);
      assert.deepStrictEqual(parseAddress(writeAddress(first)), first);
      assert.deepStrictEqual(parseAddresses(`${text},${text}`), [first, first]);
    }),
    { numRuns: 1000 },
  );
});
