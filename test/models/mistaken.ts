/**
 * Imports a module together with everything of ours that it imports, one production file of it with a mistake. The modules
 * are others than those without the mistake: both can be used in one process.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

export interface Mistake {
  /** From the top of the repository: `actors/gate.ts`. */
  readonly file: string;
  /** Must be in the file once. */
  readonly line: string;
  readonly instead: string;
}

const top = new URL('../../', import.meta.url);
const mark = '?mistake=';
const made = new Map<string, Mistake>();

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    const parent = context.parentURL ?? '';
    const at = parent.indexOf(mark);
    if (at < 0 || !specifier.startsWith('.') || !resolved.url.endsWith('.ts')) return resolved;
    return { ...resolved, url: resolved.url + parent.slice(at) };
  },
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const at = url.indexOf(mark);
    const mistake = at < 0 ? undefined : made.get(url.slice(at + mark.length));
    if (mistake === undefined || new URL(mistake.file, top).href !== url.slice(0, at)) return loaded;
    const text = readFileSync(fileURLToPath(url.slice(0, at)), 'utf8');
    return { ...loaded, source: text.replace(mistake.line, () => mistake.instead), shortCircuit: true };
  },
});

/** @param path of the module, from the top of the repository. */
export async function withMistake<M>(path: string, mistake: Mistake): Promise<M> {
  const count = readFileSync(new URL(mistake.file, top), 'utf8').split(mistake.line).length - 1;
  if (count !== 1) throw new Error(`the line '${mistake.line}' is ${count} times in ${mistake.file}`);
  const name = String(made.size + 1);
  made.set(name, mistake);
  return (await import(new URL(path, top).href + mark + name)) as M;
}
