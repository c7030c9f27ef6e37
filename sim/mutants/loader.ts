/**
 * Loads one production file with a mistake in it: `node --import ./sim/mutants/loader.ts ...` with the name of a mutant in
 * CARILLON_MUTANT. Fails when the line is not there, so that no mutant is killed by being nothing.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { mutants } from './list.ts';

const name = process.env['CARILLON_MUTANT'] ?? '';
const mutant = mutants.find((each) => each.name === name);
if (mutant === undefined) throw new Error(`there is no mutant named '${name}'`);
const target = new URL(`../../${mutant.file}`, import.meta.url).href;
const text = readFileSync(fileURLToPath(target), 'utf8');
const count = text.split(mutant.line).length - 1;
if (count !== 1) throw new Error(`mutant '${name}': its line is ${count} times in ${mutant.file}`);

registerHooks({
  load(url, context, nextLoad) {
    if (url !== target) return nextLoad(url, context);
    return { ...nextLoad(url, context), source: text.replace(mutant.line, () => mutant.instead), shortCircuit: true };
  },
});
