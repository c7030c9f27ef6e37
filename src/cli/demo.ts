/**
 * The configuration of `npm start`: everything on this machine, users with a known password, nothing to install but
 * Carillon. The secret is made once and kept beside the store.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isProblems, parseConfig, type Config } from '../config/config.ts';
import { formatHostPort } from '../config/address.ts';
import { ExitError, exitCodes } from './exit.ts';

/** Phones on this machine need no DNS for the first; the second shows a name. */
export const demoDomains = ['127.0.0.1', 'carillon.test'] as const;
export const demoPassword = 'carillon';
export const demoNames: readonly string[] = Array.from({ length: 10 }, (_, index) => String(1_001 + index));

/** @throws ExitError 73 when the folder cannot be written */
export function demoConfig(folder: string): Config {
  const config = parseConfig({
    cluster: { name: 'demo', store: `sqlite:${resolve(folder, 'demo.db')}`, secret: demoSecret(folder) },
    domains: demoDomains,
    users: demoDomains.flatMap((domain) =>
      demoNames.map((name) => ({ aor: `sip:${name}@${domain}`, password: demoPassword })),
    ),
    defence: { trusted: ['127.0.0.0/8'] },
  });
  if (isProblems(config)) throw new Error(`the demo configuration is wrong: ${JSON.stringify(config)}`);
  return config;
}

/** What to do with the cluster that now runs. */
export function demoText(configs: readonly Config[], pids: ReadonlyMap<string, number>): string {
  const [first] = configs;
  if (first === undefined) return '';
  const last = configs.at(-1)?.node.id ?? 'a';
  const nodes = configs.map(
    ({ node, admin }) => `  ${node.id}  http://${formatHostPort(admin.listen)}  process ${pids.get(node.id) ?? '-'}`,
  );
  return `
Carillon is ready: ${configs.length} nodes, one SIP server.

  SIP      ${first.listen.map((one) => `${one.protocol}:${formatHostPort(one)}`).join('  ')}
  console  http://${formatHostPort(first.admin.listen)}
  users    ${demoNames[0]} to ${demoNames.at(-1)} at ${demoDomains.join(' or ')}, password ${demoPassword}
${nodes.join('\n')}

Place a call, in another terminal (needs sipp; Debian: apt-get install sip-tester):

  examples/call.sh

Look at it, then kill a node while a call rings and see the call survive:

  npx carillon cluster status
  kill -9 ${pids.get(last) ?? 'PID'}

Ctrl-C drains and stops all.
`;
}

/** Random, readable by this user only, the same at every start. */
function demoSecret(folder: string): string {
  const file = resolve(folder, 'demo.secret');
  try {
    mkdirSync(folder, { recursive: true });
    try {
      writeFileSync(file, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ExitError(exitCodes.cannotCreate, `the folder ${folder} of the demo cannot be written: ${reason}`);
  }
}
