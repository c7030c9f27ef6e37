/**
 * INVITE client transaction against its figure. Seen failing with: `stop('B')` left out of Calling on 1xx, so that a phone
 * that rings for 32 seconds met "unexpected B".
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { inviteClient } from '../../src/transaction/invite-client.ts';
import { inviteClientFigure } from './figure-invite-client.ts';
import { check, runTable } from './world.ts';
import type { Run } from './world.ts';

test('the table is figure 5 with RFC 6026', () => check(inviteClient, inviteClientFigure, 1_000));

test('17.1.1.2: 64*T1 is the time to send seven requests, at intervals that double', () => {
  const run = runTable(inviteClient, false, []);
  assert.deepEqual(
    run.happenings.map((h) => `${h.atMs} ${h.what}`),
    [
      '0 send 0',
      '500 resend 0',
      '1500 resend 0',
      '3500 resend 0',
      '7500 resend 0',
      '15500 resend 0',
      '31500 resend 0',
      '32000 tell timeout',
      '32000 end',
    ],
  );
});

test('one distinct final response of 3xx-6xx goes to the TU, and each copy gets an ACK', () => {
  check(inviteClient, (run: Run) => {
    const of = (verb: string, event: string): number =>
      run.happenings.filter(
        (h) => h.what.startsWith(`${verb} `) && run.inputs[Number(h.what.split(' ')[1]) - 1]?.event === event,
      ).length;
    const passed = of('pass', '3xx-6xx');
    assert(passed <= 1);
    if (of('pass', '2xx') > 0) assert.equal(passed + of('ack', '3xx-6xx'), 0);
    assert(of('ack', '3xx-6xx') >= passed);
    assert.equal(of('ack', '2xx'), 0, 'RFC 6026 8.4: never an ACK to a 2xx from the transaction');
  });
});

test('a call may ring for ever: no timer runs in Proceeding', () => {
  const run = runTable(inviteClient, false, [{ atMs: 100.5, event: '1xx', id: 1 }]);
  assert.equal(run.terminated, false);
  assert.deepEqual(run.running, []);
});
