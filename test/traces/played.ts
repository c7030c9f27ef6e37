/** Ladders in a folder of text files, played anew: each must be what its file says. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import test from 'node:test';

/** @param play gives the text of a file with what was said between its lines. @param least how many files there are at least */
export function testLadders(folder: URL, play: (text: string) => string, least: number): void {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.txt'))
    .sort();

  test('there are scenarios to play', () => assert(names.length >= least));

  for (const name of names) {
    test(name, () => {
      const path = new URL(name, folder);
      const text = readFileSync(path, 'utf8');
      const played = play(text);
      if (process.env['UPDATE_TRACES'] === '1') writeFileSync(path, played);
      else assert.equal(text, played);
    });
  }
}
