/** What is saved of a message that was refused. */
import assert from 'node:assert';
import { test } from 'node:test';
import { errors } from '../../src/errors.ts';
import { limits } from '../../src/limits.ts';
import { isFailure, refuse } from '../../src/sip/failure.ts';
import type { PartialMessage } from '../../src/sip/failure.ts';

function saved(...lines: string[]): PartialMessage {
  return refuse(Buffer.from([...lines, '', ''].join('\r\n'), 'latin1'), 'cseq').partial;
}

test('the first of each, all Vias, unfolded, compact names known', () => {
  assert.deepStrictEqual(
    saved('OPTIONS x', 'v: a', 'Via :\r\n b,\r\n c', 'f: 1', 'From: 2', 't: 3', 'i: 4', 'CSEQ: 5', 'X: y'),
    {
      isRequest: true,
      method: 'OPTIONS',
      via: ['a', 'b, c'],
      from: '1',
      to: '3',
      callId: '4',
      cseq: '5',
    },
  );
});

test('what cannot be put into a response is left out', () => {
  const partial = saved(
    'OPTIONS x',
    'Via: a\0',
    'To: a\rVia: evil',
    'From',
    'Call-ID:',
    'CSeq: a\nb',
    `Via: ${'a'.repeat(limits.headerValueBytesMax)}`,
  );
  assert.deepStrictEqual(partial, {
    isRequest: true,
    method: 'OPTIONS',
    via: [],
    from: undefined,
    to: undefined,
    callId: undefined,
    cseq: undefined,
  });
});

test('noise', () => {
  for (const noise of ['', '\0', 'SIP/2.0 200 OK', ' x', '\r\n\r\n']) {
    const failure = refuse(Buffer.from(noise, 'latin1'), 'cseq');
    assert.deepStrictEqual([failure.status, failure.partial.isRequest, failure.partial.method], [0, false, ''], noise);
  }
});

test('an ACK is never answered; other requests get the status of the catalogue', () => {
  assert.strictEqual(refuse(Buffer.from('ACK x'), 'cseq').status, 0);
  assert.strictEqual(refuse(Buffer.from('BYE x'), 'version').status, 505);
  assert.ok(isFailure(refuse(Buffer.from('BYE x'), 'version')));
});

test('the number of Vias is bounded', () => {
  assert.strictEqual(
    saved('BYE x', ...Array.from({ length: limits.viaValuesMax + 5 }, () => 'v: a')).via.length,
    limits.viaValuesMax,
  );
});

test('the catalogue: a status that is answered has a phrase, and each row a sentence', () => {
  for (const [code, row] of Object.entries(errors)) {
    assert.strictEqual(row.phrase === '', row.status === 0, code);
    assert.match(row.sentence, /^[A-Z].*\.$/, code);
    assert.ok(row.status === 0 || (row.status >= 400 && row.status < 700), code);
  }
});
