/**
 * What happens in the namespace of the clients: `driver.ts SCENARIO FOLDER [WORDS]`, started by run.ts. Writes what it found
 * to FOLDER/findings.json.
 */
import { writeFileSync } from 'node:fs';
import { across } from './across.ts';
import { grow } from './grow.ts';
import { lost } from './lost.ts';
import { parted } from './parted.ts';

/** Numbers and texts by name: what a scenario found. */
export type Findings = Readonly<Record<string, number | string>>;

const [, , scenario = '', folder = '', ...words] = process.argv;
const scenarios: Readonly<Record<string, (folder: string, words: readonly string[]) => Promise<Findings>>> = {
  across,
  lost,
  grow,
  parted,
};
const run = scenarios[scenario];
if (run === undefined) throw new Error(`no scenario ${scenario}`);
const findings = await run(folder, words);
writeFileSync(`${folder}/findings.json`, `${JSON.stringify(findings, null, 2)}\n`);
process.exit(0);
