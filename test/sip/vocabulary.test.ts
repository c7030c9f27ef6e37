/** Methods, reason phrases and character classes. */
import assert from 'node:assert';
import { test } from 'node:test';
import * as chars from '../../src/sip/chars.ts';
import { isKnownMethod, makesDialog, methodLabel, methods } from '../../src/sip/method.ts';
import { reasonPhrase } from '../../src/sip/status.ts';

test('methods have a case, and labels of metrics are bounded', () => {
  for (const method of methods) assert.deepStrictEqual([isKnownMethod(method), methodLabel(method)], [true, method]);
  for (const method of ['invite', 'IN%56ITE', '', 'constructor', 'QZX9'])
    assert.deepStrictEqual([isKnownMethod(method), methodLabel(method)], [false, 'other']);
  assert.deepStrictEqual(['INVITE', 'SUBSCRIBE', 'REGISTER', 'BYE'].map(makesDialog), [true, true, false, false]);
});

test('an unknown status is that of its class (RFC 3261 8.1.3.2)', () => {
  assert.deepStrictEqual([486, 499, 299, 699, 799].map(reasonPhrase), [
    'Busy Here',
    'Bad Request',
    'OK',
    'Busy Everywhere',
    'Unknown',
  ]);
});

test('classes against the grammar (RFC 3261 25.1)', () => {
  const members = (mask: number): string =>
    Array.from({ length: 128 }, (_, code) => code)
      .filter((code) => chars.is(code, mask))
      .map((code) => String.fromCharCode(code))
      .join('');
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
  const sorted = (text: string): string => [...text].sort().join('');
  assert.strictEqual(members(chars.TOKEN), sorted(`${letters}${letters.toLowerCase()}0123456789-.!%*_+\`'~`));
  assert.strictEqual(members(chars.USER), sorted(`${letters}${letters.toLowerCase()}0123456789-_.!~*'()&=+$,;?/`));
  assert.strictEqual(members(chars.LWS), '\t\n\r ');
  assert.strictEqual(members(chars.HEX), '0123456789ABCDEFabcdef');
  assert.ok(!chars.is(Number.NaN, -1) && !chars.is(256, -1) && !chars.is(0x20ac, -1));
  assert.strictEqual(chars.lower(0x41), 0x61);
  assert.strictEqual(chars.lower(0x5b), 0x5b);
});
