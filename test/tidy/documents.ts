/** Documents: a title each, and no reference to a file that is not there. */
import { existsSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SourceFile } from './source.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const topFolders = /^(src|actors|cluster|sim|test|bench|docs|examples|deploy|\.ci)\//;

export function documentProblems({ path, text }: SourceFile): string[] {
  const problems: string[] = [];
  if (!/^# \S/.test(text)) problems.push(`${path} has no title`);
  const prose = text.replaceAll(/^```[\s\S]*?^```/gm, '');
  for (const [, target = ''] of prose.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    if (!existsSync(join(root, posix.dirname(path), target)))
      problems.push(`${path} links to ${target}, which does not exist`);
  }
  for (const [, target = ''] of prose.matchAll(/`([\w./-]+)`/g)) {
    if (topFolders.test(target) && !existsSync(join(root, target)))
      problems.push(`${path} names ${target}, which does not exist`);
  }
  return problems;
}
