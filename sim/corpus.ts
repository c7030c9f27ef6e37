/** Seeds that failed once, each with what was wrong: they are run before any other. */
import { readFileSync } from 'node:fs';

export interface CorpusEntry {
  readonly seed: number;
  readonly invariant: number;
  /** What was wrong, and what changed. */
  readonly fix: string;
}

export function readCorpus(): readonly CorpusEntry[] {
  const text = readFileSync(new URL('corpus.json', import.meta.url), 'utf8');
  return JSON.parse(text) as readonly CorpusEntry[];
}
