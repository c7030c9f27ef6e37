/** Short keyed hashes, beside the ones of node:crypto. */
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { KeyedHash } from '../src/keyed-hash.ts';

test('it is half of SHA-256 of one block of key and the text', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.string({ unit: 'binary' }), (secret, text) => {
      const block = createHash('sha256').update(secret).digest('hex');
      const whole = createHash('sha256').update(block).update(text, 'utf8').digest('latin1');
      assert.equal(block.length, 64);
      assert.equal(new KeyedHash(secret).of(text), whole.slice(0, 16));
    }),
  );
});

test('another secret or another text gives another hash', () => {
  const secrets = fc.uint8Array({ minLength: 1 });
  fc.assert(
    fc.property(secrets, secrets, fc.string(), fc.string(), (secret, other, text, otherText) => {
      const same = Buffer.compare(secret, other) === 0 && text === otherText;
      assert.equal(new KeyedHash(secret).of(text) === new KeyedHash(other).of(otherText), same);
    }),
  );
});
