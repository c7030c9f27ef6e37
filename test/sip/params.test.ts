/** Parameters, quoted strings and folds. */
import assert from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  findParam,
  formatParams,
  oneLine,
  quote,
  readParams,
  skipQuoted,
  unfold,
  unquote,
} from '../../src/sip/params.ts';

test('quoting any text gives a quoted string of that text, but for CR and LF', () => {
  const octets = fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
  fc.assert(
    fc.property(octets, (text) => {
      const quoted = quote(text);
      assert.strictEqual(unquote(quoted), text.replaceAll(/[\r\n]/g, ' '));
      assert.strictEqual(skipQuoted(quoted, 0, quoted.length), quoted.length);
      assert.ok(!quoted.includes('\r') && !quoted.includes('\n'));
    }),
    { numRuns: 1000 },
  );
});

test('quoted strings that do not end, or quote a line end', () => {
  for (const text of ['"', '"a', '"a\\', '"a\\"', '"a\\\r\n b"', '"\\\xe9"'])
    assert.strictEqual(skipQuoted(text, 0, text.length), -1, text);
  assert.strictEqual(skipQuoted('"a"b"', 0, 5), 3);
});

test('a fold with the white space around it is one space (RFC 3261 7.3.1)', () => {
  for (const [text, expected] of [
    ['a', 'a'],
    ['a\r\n b', 'a b'],
    ['a  \r\n\t b', 'a b'],
    ['a\r\n \r\n b', 'a b'],
    ['a  b', 'a  b'],
    ['a\r\n b\r\n c', 'a b c'],
  ] as const)
    assert.strictEqual(unfold(text), expected);
});

test('unfolding is linear', () => {
  const before = performance.now();
  assert.strictEqual(unfold(`a${'\r\n b'.repeat(50_000)}`).length, 100_001);
  assert.ok(performance.now() - before < 200);
});

test('names are without case, and may be names of JavaScript members', () => {
  const params = readParams(' ; A=1;b ; C = "x;y" ;__proto__=2, d=3', 0, 37);
  assert.deepStrictEqual(params, [
    ['a', '1'],
    ['b', undefined],
    ['c', '"x;y"'],
    ['__proto__', '2'],
  ]);
  assert.deepStrictEqual(
    ['a', 'b', '__proto__', 'constructor'].map((name) => findParam(params, name)),
    ['1', '', '2', undefined],
  );
  assert.strictEqual(formatParams(params), ';a=1;b;c="x;y";__proto__=2');
});

test('text for one line has no line ends', () => {
  assert.strictEqual(oneLine('a\r\nb\nc'), 'a  b c');
});
