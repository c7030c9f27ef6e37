/** Digits, and only digits. */
import assert from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { digitsAt } from '../../../src/sip/header/number.ts';

test('a number of digits comes back, unless it is over the maximum', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (number, max) => {
      const text = `x${number}y`;
      assert.strictEqual(digitsAt(text, 1, text.length - 1, max), number <= max ? number : -1);
    }),
  );
});

test('what Number() would take is refused', () => {
  for (const text of ['', '-1', '+1', '1.0', '1e3', '0x10', '1_0', ' 1', '1 ', '٣', 'Infinity', '9'.repeat(400)]) {
    assert.strictEqual(digitsAt(text, 0, text.length, 2 ** 31), -1, text);
  }
  assert.strictEqual(digitsAt('0068', 0, 4, 255), 68);
});
