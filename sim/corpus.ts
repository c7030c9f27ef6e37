/**
 * Worlds that failed once, each with what was wrong: they are played before any other. An entry keeps its options beside
 * its seed, made smaller while the mistake was there, so that a change of the drawing leaves it as it is.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { draw } from './options.ts';
import type { SimOptions } from './options.ts';
import { revive, UsageError } from './replay.ts';

const corpusUrl = new URL('corpus.json', import.meta.url);

export interface CorpusEntry {
  readonly name: string;
  readonly seed: number;
  /** It failed for. */
  readonly invariant: number;
  /** What was wrong, and what changed. */
  readonly fix: string;
  readonly options: SimOptions;
}

/** Before it has been kept with its options an entry may be no more than a seed and its words. */
interface StoredEntry extends Omit<CorpusEntry, 'options' | 'name'> {
  readonly name?: string;
  readonly options?: unknown;
}

/** @throws Error, naming the entry, when one cannot be read. */
export function readCorpus(): readonly CorpusEntry[] {
  const stored = JSON.parse(readFileSync(corpusUrl, 'utf8')) as readonly StoredEntry[];
  return stored.map((entry) => {
    try {
      const options = entry.options === undefined ? draw(entry.seed) : revive(entry.options);
      return { ...entry, name: entry.name ?? `seed ${entry.seed}`, options };
    } catch (error) {
      throw new Error(`sim/corpus.json, ${entry.name ?? `seed ${entry.seed}`}: ${String(error)}`, { cause: error });
    }
  });
}

/**
 * Adds a world. @param words `name: what was wrong, what changed`. @throws UsageError when they are not of that form or the
 * name is taken.
 */
export function keepInCorpus(words: string, options: SimOptions, invariant: number): void {
  const [, name, fix] = /^([^:]+): (.+)$/.exec(words) ?? [];
  if (name === undefined || fix === undefined)
    throw new UsageError('--keep wants `name: what was wrong, what changed`');
  const entries = readCorpus();
  if (entries.some((entry) => entry.name === name))
    throw new UsageError(`--keep: sim/corpus.json has a ${name} already`);
  writeCorpus([...entries, { name, seed: options.seed, invariant, fix, options }]);
}

/** One line for the words of an entry and one for its options. */
export function writeCorpus(entries: readonly CorpusEntry[]): void {
  const lines = entries.map(
    ({ options, ...words }) =>
      `  {\n${Object.entries(words)
        .map(([key, value]) => `    ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`)
        .join('')}    "options": ${JSON.stringify(options)}\n  }`,
  );
  writeFileSync(corpusUrl, `[\n${lines.join(',\n')}\n]\n`);
}
