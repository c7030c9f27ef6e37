/** Runs a scenario of driver.ts in the namespace of the clients and reads what it found. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { finish, start } from '../children.ts';
import { commandIn, makeNamespaces, namespacesEnvironment, removeNamespaces } from './namespaces.ts';
import type { Findings } from './driver.ts';

/** @throws when the driver does not end in time, or with an error: its output is in the message */
export async function runOnHosts(
  scenario: string,
  hosts: number,
  folder: string,
  timeoutMs: number,
  words: readonly string[] = [],
): Promise<Findings> {
  makeNamespaces(hosts);
  try {
    const driver = fileURLToPath(new URL('driver.ts', import.meta.url));
    const [command, args] = commandIn('clients', process.execPath, driver, scenario, folder, ...words);
    const child = start('driver', command, args, { log: `${folder}/driver.log`, env: namespacesEnvironment });
    const code = await finish(child, timeoutMs);
    const file = `${folder}/findings.json`;
    if (code !== 0 || !existsSync(file))
      throw new Error(`${folder}: ended with ${code}\n${child.output().slice(-6_000)}`);
    return JSON.parse(readFileSync(file, 'utf8')) as Findings;
  } finally {
    removeNamespaces();
  }
}
