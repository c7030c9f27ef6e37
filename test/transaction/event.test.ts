/** Message to event. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { SipMessage } from '../../src/sip/message.ts';
import { eventOf, eventOfStatus } from '../../src/transaction/event.ts';

test('statuses by class', () => {
  for (let status = 100; status < 700; status += 1) {
    const expected = status < 200 ? '1xx' : status < 300 ? '2xx' : '3xx-6xx';
    assert.equal(eventOfStatus(status), expected);
    assert.equal(eventOf({ isRequest: false, status, method: 'INVITE' } as SipMessage), expected);
  }
});

test('requests by method: only INVITE and ACK have their own arrows', () => {
  const of = (method: string): string => eventOf({ isRequest: true, status: 0, method } as SipMessage);
  assert.deepEqual(['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'NEWMETHOD', 'invite'].map(of), [
    'INVITE',
    'ACK',
    'request',
    'request',
    'request',
    'request',
    'request',
  ]);
});
