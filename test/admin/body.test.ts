// Bodies and queries. Seen failing with: escaped quotes not skipped in isTooDeep.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  isTooDeep,
  jsonDepthMax,
  readAor,
  readNewUser,
  readPageQuery,
  readRegistrationQuery,
} from '../../src/admin/body.ts';

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

test('depth is counted as the parsed value has it', () => {
  const text = fc.string({ unit: fc.constantFrom('[', '{', '"', '\\', 'a', ']') });
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'max', maxDepth: 40 },
      text,
      fc.array(tie('value'), { maxLength: 2 }),
      fc.dictionary(text, tie('value'), { maxKeys: 2 }),
    ),
  }));
  fc.assert(fc.property(value, (any) => assert.equal(isTooDeep(JSON.stringify(any)), depthOf(any) > jsonDepthMax)));
});

test('the limit of depth, just below and just above', () => {
  assert.equal(isTooDeep('['.repeat(jsonDepthMax)), false);
  assert.equal(isTooDeep('['.repeat(jsonDepthMax + 1)), true);
});

test('brackets in strings do not count, whatever is escaped before them', () => {
  for (const before of ['', '"', '\\', '\\"', '"\\']) {
    const text = JSON.stringify({ [before + '['.repeat(40)]: before + '{'.repeat(40) });
    assert.equal(isTooDeep(text), false, text);
    assert.equal(isTooDeep(`[${text},${'['.repeat(jsonDepthMax)}`), true, text);
  }
});

test('queries have defaults and bounds', () => {
  assert.deepEqual(readPageQuery(undefined), { after: '', limit: 100 });
  assert.deepEqual(readPageQuery({ after: 'x', limit: '1000' }), { after: 'x', limit: 1_000 });
  for (const limit of ['0', '1001', '-1', '1.5', 'x', '1e9'])
    assert.throws(() => readPageQuery({ limit }), /limit: /, limit);
  assert.throws(() => readPageQuery({ after: ['a', 'b'] }), /after: /);
  assert.throws(() => readPageQuery({ page: '1' }), /page/);
  assert.deepEqual(readRegistrationQuery({ aor: 'sip:a@b' }), { after: '', limit: 100, aor: 'sip:a@b' });
  assert.deepEqual(readRegistrationQuery({}), { after: '', limit: 100 });
});

test('users are named by an address-of-record', () => {
  assert.deepEqual(readNewUser({ aor: 'sip:a@b.test', password: 'x' }), { aor: 'sip:a@b.test', password: 'x' });
  assert.throws(() => readNewUser({ aor: 'a', password: 'x' }), /aor: write sip:USER@DOMAIN/);
  assert.throws(() => readNewUser({ aor: 'sip:a@b', password: '' }), /password/);
  assert.throws(() => readNewUser([]), /./);
  for (const aor of [
    'sip:a@b\r\nx',
    'sip:a b@c',
    'sip:@c',
    'sip:a@',
    'sip:a@b;x=y',
    `sip:${'a'.repeat(3_000)}@b`,
    '',
  ]) {
    assert.throws(() => readAor(aor), /./, aor);
  }
});
