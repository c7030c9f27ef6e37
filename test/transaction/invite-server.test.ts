/**
 * INVITE server transaction against its figure. Seen failing with: `start('H')` left out of Proceeding on 3xx-6xx, so that a
 * refusal whose ACK never came was repeated without end.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { inviteServer } from '../../src/transaction/invite-server.ts';
import { inviteServerFigure } from './figure-invite-server.ts';
import { check, runTable } from './world.ts';
import type { Run } from './world.ts';

test('the table is figure 7 with RFC 6026', () => check(inviteServer, inviteServerFigure, 1_000));

test('17.2.1: without an ACK a refusal is repeated after T1, 2*T1, 4*T1, then every T2, until timer H', () => {
  const run = runTable(inviteServer, false, [{ atMs: 1, event: '3xx-6xx', id: 1 }]);
  assert.deepEqual(
    run.happenings.filter((h) => h.what === 'resend 1').map((h) => h.atMs - 1),
    [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500],
  );
  assert.deepEqual(
    run.happenings.slice(-2).map((h) => `${h.atMs} ${h.what}`),
    ['32001 tell timeout', '32001 end'],
  );
});

test('RFC 6026: Accepted absorbs the INVITE, passes the ACK, sends each 2xx of the TU, for 64*T1', () => {
  check(inviteServer, (run: Run) => {
    const accepted = run.inputs.find((i) => i.event === '2xx' || i.event === '3xx-6xx');
    if (accepted?.event !== '2xx') return;
    for (const input of run.inputs) {
      if (input.atMs < accepted.atMs || input.atMs > accepted.atMs + 32_000) continue;
      const done = run.happenings.filter((h) => h.atMs === input.atMs).map((h) => h.what);
      if (input.event === 'INVITE') assert.deepEqual(done, []);
      if (input.event === 'ACK') assert.deepEqual(done, [`pass ${input.id}`]);
      if (input.event === '2xx') assert.deepEqual(done, [`send ${input.id}`]);
    }
  });
});

test('RFC 6026 8.8: a transport error never ends it', () => {
  check(inviteServer, (run: Run) => {
    const ends = run.happenings.filter((h) => h.what === 'end').map((h) => h.atMs);
    for (const input of run.inputs) if (input.event === 'transport-error') assert(!ends.includes(input.atMs));
  });
});
