/** The table of header fields: every spelling is found, nothing else is. */
import assert from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { lower } from '../../../src/sip/chars.ts';
import { HeaderId, headerFacts, headerIdAt, headerIdOf, headerName, nameHash } from '../../../src/sip/header/names.ts';

function idOfOctets(name: string): number {
  const bytes = Buffer.from(name, 'latin1');
  return headerIdAt(
    bytes,
    0,
    bytes.length,
    bytes.reduce((hash, code) => nameHash(hash, lower(code)), 0),
  );
}

test('the position of a row is its id, and each id has a row', () => {
  headerFacts.forEach((facts, position) => assert.strictEqual(facts.id, position));
  assert.strictEqual(headerFacts.length, Object.keys(HeaderId).length);
});

test('no name or compact form is there twice', () => {
  const all = headerFacts
    .flatMap(({ name, compact }) => [name, compact])
    .filter((name) => name !== '')
    .map((name) => name.toLowerCase());
  assert.strictEqual(new Set(all).size, all.length);
});

test('names in any case, full and compact', () => {
  for (const { id, name, compact } of headerFacts.slice(1)) {
    for (const form of [name, compact].filter((text) => text !== '')) {
      for (const spelt of [form, form.toUpperCase(), form.toLowerCase()]) {
        assert.strictEqual(headerIdOf(spelt), id, spelt);
        assert.strictEqual(idOfOctets(spelt), id, spelt);
      }
    }
    assert.strictEqual(headerName(id), name);
  }
});

test('other names are unknown, those of JavaScript members too', () => {
  const known = new Set(headerFacts.flatMap(({ name, compact }) => [name.toLowerCase(), compact]));
  for (const name of [
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '',
    'Vi',
    'Viaa',
    'Content_Length',
    'Content-Length\x00',
    'CONTENT\rLENGTH',
  ]) {
    assert.deepStrictEqual([headerIdOf(name), idOfOctets(name)], [HeaderId.Unknown, HeaderId.Unknown], name);
  }
  fc.assert(
    fc.property(fc.string({ maxLength: 20 }), (name) => {
      if (!known.has(name.toLowerCase())) assert.strictEqual(headerIdOf(name), HeaderId.Unknown);
    }),
  );
});
