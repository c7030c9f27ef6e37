/**
 * When a node may store a first table. Seen failing with: no time for who lives to give its table back; a time that begins with
 * the first lease, whichever life of the store granted it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TableKeeper } from '../../cluster/table-keeper.ts';
import type { LeaseReply } from '../../cluster/store-ports.ts';
import { profiles } from '../../src/limits.ts';

const { leaseRenewMs } = profiles.default;

/** Of a store that was read and has no table. */
function start(): TableKeeper {
  const keeper = new TableKeeper(16, profiles.default, {
    ask: (_op, _args, done) => {
      (done as (reply: { readonly result: undefined }, nowMs: number) => void)({ result: undefined }, 1);
      return 1;
    },
    note: () => {},
    adopted: () => {},
    planAgain: () => {},
    mayStore: () => true,
    nonce: () => 'n',
  });
  return keeper;
}

function granted(storeLife?: string): LeaseReply {
  return { result: 'ok', tableEpoch: 0, nowMs: 0, ...(storeLife !== undefined && { storeLife }) };
}

test('a store that forgets nothing and has no table is new', () => {
  const keeper = start();
  keeper.leased(granted(), 0);
  assert.equal(keeper.isSettled(0), false, 'not read yet');
  keeper.readIfWanted(1);
  assert.equal(keeper.isSettled(1), true);
});

test('one that may have forgotten its table gets time to have it back', () => {
  const keeper = start();
  keeper.leased(granted('one'), 0);
  keeper.readIfWanted(1);
  assert.equal(keeper.isSettled(leaseRenewMs), false, 'who lives has not renewed its lease yet');
  const emptiedMs = 2 * leaseRenewMs - 10;
  keeper.leased(granted('two'), emptiedMs);
  assert.equal(keeper.isSettled(2 * leaseRenewMs), false);
  keeper.leased(granted('two'), emptiedMs + leaseRenewMs);
  assert.equal(keeper.isSettled(emptiedMs + 2 * leaseRenewMs), true);
});
