/**
 * Every scenario in this folder, played anew, is what its file says. UPDATE_TRACES=1 rewrites the files; read the diff.
 * Seen failing with: `no CANCEL for the branches that lost`, `the final status is not in the snapshot`, `no gate for calls` and
 * others of sim/mutants/list.ts, by `CARILLON_MUTANT=... node --import ./sim/mutants/loader.ts`.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { play } from './ladder.ts';

const folder = new URL('./', import.meta.url);
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.txt'))
  .sort();

test('there are scenarios to play', () => assert(names.length >= 24));

for (const name of names) {
  test(name, () => {
    const path = new URL(name, folder);
    const text = readFileSync(path, 'utf8');
    const played = play(text);
    if (process.env['UPDATE_TRACES'] === '1') writeFileSync(path, played);
    else assert.equal(text, played);
  });
}
