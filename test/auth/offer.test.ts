/** What a client is offered. Seen failing with: the prefix compared the other way round. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { offeredTo } from '../../src/auth/offer.ts';

it('everybody is offered all algorithms but those who are known to give up at the sight of one', () => {
  assert.deepEqual(offeredTo(''), ['MD5', 'SHA-256']);
  assert.deepEqual(offeredTo('baresip v3.10.1 (x86_64/Linux)'), ['MD5', 'SHA-256']);
  assert.deepEqual(offeredTo('baresip v1.0.0 (x86_64/linux)'), ['MD5']);
  assert.deepEqual(offeredTo('not baresip v1.0.0'), ['MD5', 'SHA-256']);
});
