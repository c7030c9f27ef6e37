/**
 * Non-INVITE client transaction against its figure. Seen failing with: `start('E')` in Proceeding in place of
 * `startAtCap('E')`, so that after an early 100 the request came again after 1 s, not after T2.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { client } from '../../src/transaction/client.ts';
import { clientFigure } from './figure-client.ts';
import { check, runTable } from './world.ts';
import type { Run } from './world.ts';

test('the table is figure 6', () => check(client, clientFigure, 1_000));

test('17.1.2.2: intervals of 500 ms, 1 s, 2 s, 4 s, 4 s, 4 s until timer F', () => {
  const run = runTable(client, false, []);
  assert.deepEqual(
    run.happenings.map((h) => `${h.atMs} ${h.what}`),
    [
      '0 send 0',
      '500 resend 0',
      '1500 resend 0',
      '3500 resend 0',
      '7500 resend 0',
      '11500 resend 0',
      '15500 resend 0',
      '19500 resend 0',
      '23500 resend 0',
      '27500 resend 0',
      '31500 resend 0',
      '32000 tell timeout',
      '32000 end',
    ],
  );
});

test('17.1.2.2: after a provisional response the running interval ends, then T2 each', () => {
  const run = runTable(client, false, [
    { atMs: 700, event: '1xx', id: 1 },
    { atMs: 14_000, event: '2xx', id: 2 },
  ]);
  assert.deepEqual(
    run.happenings.filter((h) => h.what === 'resend 0').map((h) => h.atMs),
    [500, 1500, 5500, 9500, 13500],
  );
});

test('exactly one final response is passed, whatever its class', () => {
  check(client, (run: Run) => {
    const finals = run.happenings.filter(
      (h) => h.what.startsWith('pass ') && run.inputs[Number(h.what.slice(5)) - 1]?.event !== '1xx',
    );
    const failed = run.happenings.some((h) => h.what.startsWith('tell '));
    assert.equal(finals.length, failed ? 0 : 1);
  });
});
