// docs/CONFIG.md says what the schema says. `npm run docs` writes it anew.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { configDocument } from '../../src/config/document.ts';

const file = new URL('../../docs/CONFIG.md', import.meta.url);

test('docs/CONFIG.md is the one that the schema writes', () => {
  if (process.env['CARILLON_DOCS'] === 'write') writeFileSync(file, configDocument());
  assert.equal(readFileSync(file, 'utf8'), configDocument(), 'run `npm run docs` and read the change');
});

test('every field has a meaning', () => {
  const rows = configDocument()
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  assert.ok(rows.length > 30);
  for (const row of rows) assert.match(row, /\| [^|]*[A-Za-z][^|]*\.[^|]* \|$/, row);
});
