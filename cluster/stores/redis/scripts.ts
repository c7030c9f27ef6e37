/** The Lua scripts beside this file. Each is one atomic step of the store; their heads say keys, arguments and replies. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const names = [
  'now',
  'lease',
  'vote',
  'release',
  'members',
  'table',
  'cas-table',
  'seal',
  'owner',
  'write',
  'load',
  'put-users',
  'remove-user',
  'user',
  'users',
  'schema',
] as const;

export type ScriptName = (typeof names)[number];

export interface Script {
  readonly text: string;
  /** By this Redis knows a script that it has seen. */
  readonly sha: string;
}

export type Scripts = Readonly<Record<ScriptName, Script>>;

/** @param clock Lua text that defines `now()`; tests have a clock of their own */
export function readScripts(clock = read('clock')): Scripts {
  const scripts: Partial<Record<ScriptName, Script>> = {};
  for (const name of names) {
    const body = read(name);
    const text = body.includes('now()') ? `${clock}\n${body}` : body;
    scripts[name] = { text, sha: createHash('sha1').update(text).digest('hex') };
  }
  return scripts as Scripts;
}

function read(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
}
