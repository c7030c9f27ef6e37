/** The four tables by name. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Kind } from '../../src/transaction/table.ts';
import { tableOf, tables } from '../../src/transaction/tables.ts';

test('every kind has its own table', () => {
  const kinds: readonly Kind[] = ['invite-client', 'invite-server', 'client', 'server'];
  for (const kind of kinds) assert.equal(tableOf(kind).kind, kind);
  assert.deepEqual(tables.map((t) => t.kind).sort(), [...kinds].sort());
});
