/**
 * Non-INVITE server transaction against its figure. Seen failing with: Completed on `request` made `absorb`, so that a client
 * whose 200 was lost asked until timer F and never got it.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { server } from '../../src/transaction/server.ts';
import { serverFigure } from './figure-server.ts';
import { check, runTable } from './world.ts';
import type { Run } from './world.ts';

test('the table is figure 8 with RFC 6026 8.8', () => check(server, serverFigure, 1_000));

test('17.2.2: one request goes up, one final response goes out, for 64*T1 it is repeated on demand', () => {
  check(server, (run: Run) => {
    assert.equal(run.happenings.filter((h) => h.what.startsWith('pass ')).length, 1);
    const finals = run.happenings.filter(
      (h) => h.what.startsWith('send ') && run.inputs[Number(h.what.slice(5)) - 1]?.event !== '1xx',
    );
    assert(finals.length <= 1);
    const [final] = finals;
    if (final === undefined || run.reliable) return;
    for (const input of run.inputs) {
      if (input.event !== 'request' || input.atMs < final.atMs || input.atMs > final.atMs + 32_000) continue;
      assert(run.happenings.some((h) => h.atMs === input.atMs && h.what === `re${final.what}`));
    }
  });
});

test('timer J is zero on reliable transports: the answer ends it', () => {
  const run = runTable(server, true, [{ atMs: 5, event: '2xx', id: 1 }]);
  assert.deepEqual(
    run.happenings.map((h) => `${h.atMs} ${h.what}`),
    ['0 pass 0', '5 send 1', '5 end'],
  );
});
