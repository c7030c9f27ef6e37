/** The repository as text, for the test that checks the repository itself. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const skippedFolders = new Set(['node_modules', '.git', 'data', 'coverage']);

export interface SourceFile {
  /** From the top of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** Every file with one of the endings, in order of path. */
export function filesEnding(...endings: readonly string[]): SourceFile[] {
  const paths: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && !skippedFolders.has(entry.name)) walk(path);
      else if (entry.isFile() && endings.some((ending) => path.endsWith(ending))) paths.push(path);
    }
  };
  walk('');
  return paths.toSorted().map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

/** The code without comments and without the insides of strings; line breaks stay, so that lines can be counted. */
export function codeOf(text: string): string {
  const token = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g;
  return text.replaceAll(token, (found) => {
    if (found.startsWith('`')) return templateCode(found);
    const lines = found.replaceAll(/[^\n]/g, '');
    return found.startsWith('/') ? lines : `''${lines}`;
  });
}

/** Of a template only what stands between `${` and `}` is code. */
function templateCode(template: string): string {
  const inserts = [...template.matchAll(/\$\{([^`]*?)\}/g)].map((match) => match[1]);
  return `''${inserts.map((insert) => `+(${insert})`).join('')}${template.replaceAll(/[^\n]/g, '')}`;
}

export interface Import {
  /** `node:net`, `fast-check`, or a path from the top of the repository. */
  readonly target: string;
  readonly names: readonly string[];
}

/** What a file imports, statically, by `import()` or by re-export. */
export function importsOf({ path, text }: SourceFile): Import[] {
  const found: Import[] = [];
  const bare = text.replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, '');
  for (const match of bare.matchAll(/^\s*(?:import|export)\s+([^;'"]*?)\s*from\s+'([^']+)'/gm)) {
    const names = /\{([^}]*)\}/.exec(match[1] ?? '')?.[1] ?? '';
    found.push({ target: resolveTarget(path, match[2] ?? ''), names: namesIn(names) });
  }
  for (const match of bare.matchAll(/(?:^\s*import|\bimport\()\s*'([^']+)'/gm)) {
    found.push({ target: resolveTarget(path, match[1] ?? ''), names: [] });
  }
  return found;
}

function namesIn(list: string): string[] {
  const names = list.split(',').map((name) =>
    name
      .replace(/^\s*type\s/, '')
      .replace(/\sas\s.*$/, '')
      .trim(),
  );
  return names.filter((name) => name !== '');
}

function resolveTarget(from: string, specifier: string): string {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : specifier;
}
