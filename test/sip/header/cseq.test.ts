/** CSeq values (RFC 3261 20.16). */
import assert from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCSeq, writeCSeq } from '../../../src/sip/header/cseq.ts';
import { token } from '../../arbitraries/sip.ts';

test('writing and parsing again (RFC 3261 20.16)', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 31 - 1), token, (number, method) => {
      assert.deepStrictEqual(parseCSeq(writeCSeq({ number, method })), { number, method });
    }),
  );
});

test('refused: everything but a number below 2**31, white space and a method', () => {
  for (const text of [
    '',
    '1',
    'INVITE',
    '1INVITE',
    '-1 INVITE',
    '2147483648 INVITE',
    '99999999999999999999999 INVITE',
    '1 INV ITE',
    '1 INVITE ',
    ' 1 INVITE',
    '0x1 INVITE',
  ]) {
    assert.strictEqual(parseCSeq(text), undefined, text);
  }
});
