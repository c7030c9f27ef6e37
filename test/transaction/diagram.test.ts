/** The document drawn from the tables is the one in the repository. UPDATE_DOCS=1 writes it. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { diagram, transactionsDocument } from '../../src/transaction/diagram.ts';
import { inviteServer } from '../../src/transaction/invite-server.ts';
import { tables } from '../../src/transaction/tables.ts';

const folder = new URL('../../docs/generated/', import.meta.url);

test('docs/generated/transactions.md is up to date', () => {
  const path = new URL('transactions.md', folder);
  if (process.env['UPDATE_DOCS'] === '1') {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, transactionsDocument(tables));
  }
  assert.equal(readFileSync(path, 'utf8'), transactionsDocument(tables));
});

test('every rule is one arrow', () => {
  const arrows = diagram(inviteServer)
    .split('\n')
    .filter((line) => line.includes('-->'));
  const rows = Object.values(inviteServer.states).reduce((sum, row) => sum + Object.keys(row).length, 0);
  assert.equal(arrows.length, rows + 2);
  assert(arrows.includes('  completed --> confirmed : ACK / stop G*, stop H, start I'));
});
