// Who may ask the API. Seen failing with: the Host check dropped; wrong credentials accepted on open paths.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { refusal, type GuardRules, type RequestHead } from '../../src/admin/guard.ts';

const open: GuardRules = { token: undefined, loopback: true };
const locked: GuardRules = { token: 'right-token', loopback: true };

function head(fields: Partial<RequestHead>): RequestHead {
  const none = { authorization: undefined, origin: undefined, fetchSite: undefined };
  return { method: 'GET', url: '/v1/cluster', host: '127.0.0.1:8080', ...none, ...fields };
}

test('without a token everybody on this machine may ask', () => {
  assert.equal(refusal(head({}), open), undefined);
  assert.equal(refusal(head({ method: 'POST' }), open), undefined);
});

test('only the right token opens', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const authorization = `Bearer ${text}`;
      assert.equal(refusal(head({ authorization }), locked)?.status, text.trim() === 'right-token' ? undefined : 401);
      assert.equal(refusal(head({ authorization, url: '/healthz' }), open)?.status, 401);
    }),
  );
  assert.equal(refusal(head({ authorization: 'Bearer right-token' }), locked), undefined);
  assert.equal(refusal(head({ authorization: 'bearer  right-token' }), locked), undefined);
  assert.equal(refusal(head({ authorization: 'Basic right-token' }), locked)?.status, 401);
  assert.equal(refusal(head({}), locked)?.status, 401);
});

test('health and console need no token, metrics do', () => {
  for (const url of ['/healthz', '/readyz', '/', '/console.js?x=1'])
    assert.equal(refusal(head({ url }), locked), undefined);
  for (const url of ['/metrics', '/v1/users', '/healthz/', '//healthz'])
    assert.equal(refusal(head({ url }), locked)?.status, 401);
});

test('a page of another site can neither read by rebinding nor write by a form', () => {
  for (const host of ['evil.test', '127.0.0.1.evil.test', 'localhost.evil.test:8080', '', undefined]) {
    assert.equal(refusal(head({ host }), open)?.status, 400, String(host));
  }
  for (const host of ['localhost', 'LOCALHOST:8080', '127.0.0.1', '[::1]:8080'])
    assert.equal(refusal(head({ host }), open), undefined);
  assert.equal(refusal(head({ method: 'POST', origin: 'http://evil.test' }), open)?.status, 403);
  assert.equal(refusal(head({ method: 'POST', origin: 'null' }), open)?.status, 403);
  assert.equal(refusal(head({ method: 'DELETE', fetchSite: 'cross-site' }), open)?.status, 403);
  assert.equal(
    refusal(head({ method: 'POST', origin: 'http://127.0.0.1:8080', fetchSite: 'same-origin' }), open),
    undefined,
  );
});

test('ways up and control characters in the URL are refused, however they are written', () => {
  for (const url of [
    '/a/../b',
    '/static/..%2f..%2fetc',
    '/%2e%2e/x',
    '/%2E./x',
    '/a\\..\\b',
    '/x?aor=%0d%0aSet-Cookie:',
    '/x?y=%00',
    '/x\u007f',
    'http://x/',
  ]) {
    assert.equal(refusal(head({ url }), open)?.status, 400, url);
  }
  for (const url of ['/v1/users/sip%3Aa%40b.test', '/v1/users?after=sip:a..b@c', '/..a/b'])
    assert.equal(refusal(head({ url }), open), undefined, url);
});
