/** What is answered without state: RFC 3261 16.3, 8.2.2, 11.2. Seen failing with: CANCEL refused with 483. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admit } from '../../src/proxy/admission.ts';
import { request, self } from './request.ts';
import type { Words } from './request.ts';

function status(words: Words): number {
  return admit(request(words), self)?.status ?? 0;
}

test('scheme, Max-Forwards and Proxy-Require, in this order', () => {
  assert.equal(status({}), 0);
  assert.equal(status({ maxForwards: '' }), 0);
  assert.equal(status({ maxForwards: '1' }), 0);
  assert.equal(status({ maxForwards: '0' }), 483);
  assert.equal(status({ uri: 'nobodyknows:x', maxForwards: '0' }), 416);
  assert.equal(status({ uri: 'tel:+4930' }), 0);
  const answer = admit(request({ lines: ['Proxy-Require: a, b', 'Proxy-Require: c'] }), self);
  assert.deepEqual([answer?.status, answer?.headers], [420, [['Unsupported', 'a, b, c']]]);
  assert.equal(status({ lines: ['Proxy-Require: x'], maxForwards: '0' }), 483);
  assert.equal(status({ lines: ['Require: x'] }), 0, 'Require is for the end, not for a proxy');
});

test('CANCEL is hop by hop: neither hops nor extensions stop it', () => {
  assert.equal(status({ method: 'CANCEL', maxForwards: '0', lines: ['Proxy-Require: x'] }), 0);
});

test('OPTIONS to us is answered here, to a user it goes on', () => {
  const ours = { method: 'OPTIONS', uri: 'sip:example.test' };
  assert.equal(status(ours), 200);
  assert.equal(status({ ...ours, maxForwards: '0' }), 200);
  assert.equal(status({ ...ours, uri: 'sip:10.0.0.1:506' }), 200);
  assert.equal(status({ ...ours, uri: 'sip:bob@example.test' }), 0);
  assert.equal(status({ ...ours, uri: 'sip:elsewhere.test' }), 0);
  assert.equal(status({ ...ours, lines: ['Route: <sip:sip.example.test;lr>'] }), 200, 'by way of us as outbound proxy');
  assert.equal(status({ ...ours, lines: ['Route: <sip:sip.example.test;lr>, <sip:elsewhere.test;lr>'] }), 0);
  assert.equal(status({ ...ours, lines: ['Require: foo'] }), 420);
  const headers = new Map(admit(request(ours), self)?.headers);
  for (const name of ['Allow', 'Accept', 'Accept-Encoding', 'Supported']) assert.ok(headers.has(name), name);
});

test('a registrar checks Require and To', () => {
  const register = { method: 'REGISTER', uri: 'sip:example.test', maxForwards: '0' };
  assert.equal(status(register), 0, 'it ends here, hops do not matter');
  assert.equal(status({ ...register, lines: ['Require: path'] }), 0);
  assert.equal(status({ ...register, lines: ['Require: foo'] }), 420);
  assert.equal(status({ ...register, to: '<tel:+4930>' }), 400);
});
