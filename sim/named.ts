/** Worlds that have a name: those of sim/corpus.json and the scenarios. */
import { readCorpus } from './corpus.ts';
import type { SimOptions } from './options.ts';
import { UsageError } from './replay.ts';
import { scenarios } from './scenarios/list.ts';
import type { Scenario } from './scenarios/scenario.ts';

export interface NamedWorld {
  readonly name: string;
  readonly options: SimOptions;
  /** What must be true of it beyond the invariants; undefined: it is of the corpus. */
  readonly scenario: Scenario | undefined;
}

/** @param words its name or a part of it. @throws UsageError when no world has that name, or several have. */
export function namedWorld(words: string): NamedWorld {
  const all: NamedWorld[] = [
    ...readCorpus().map(({ name, options }) => ({ name, options, scenario: undefined })),
    ...scenarios.map((scenario) => ({ name: scenario.name, options: scenario.options, scenario })),
  ];
  const found = all.filter(({ name }) => name.includes(words));
  const world = all.find(({ name }) => name === words) ?? (found.length === 1 ? found[0] : undefined);
  if (world !== undefined) return world;
  const names = found.map(({ name }) => `  ${name}`).join('\n');
  throw new UsageError(
    found.length === 0
      ? `--world: no world of sim/corpus.json and no scenario is called ${words}`
      : `--world: ${found.length} worlds have ${words} in their names:\n${names}`,
  );
}

/** The command that plays it. */
export function playNamed(name: string): string {
  return `carillon sim --world '${name.replaceAll("'", "'\\''")}'`;
}
