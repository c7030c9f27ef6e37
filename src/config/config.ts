/**
 * The configuration as the rest of the server sees it: checked, complete, frozen plain data that may be posted to
 * another thread or process as it is.
 */
import type * as z from 'zod';
import { formatHostPort, isLoopback } from './address.ts';
import { isWildcard, listenerAddress } from './listener.ts';
import { problemsOf, type ConfigProblem } from './problems.ts';
import { configSchema } from './schema.ts';

type DeepReadonly<T> = T extends (infer U)[]
  ? readonly DeepReadonly<U>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

export type Config = DeepReadonly<z.output<typeof configSchema>>;

/** Check a raw value (the parsed file). Either the frozen configuration or everything that is wrong with it. */
export function parseConfig(raw: unknown): Config | readonly ConfigProblem[] {
  const result = configSchema.safeParse(raw);
  if (!result.success) return problemsOf(configSchema, raw, result.error.issues);
  const config: Config = result.data;
  const problems = contradictions(config);
  return problems.length > 0 ? problems : deepFreeze(config);
}

export function isProblems(result: Config | readonly ConfigProblem[]): result is readonly ConfigProblem[] {
  return Array.isArray(result);
}

/** Rules between fields. Whatever would be open to strangers is refused here, with the way to close it. */
function contradictions(config: Config): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const add = (path: string, sentence: string): void => void problems.push({ path, sentence });

  if (!isLoopback(config.admin.listen.host) && (config.admin.token ?? '').length < 16) {
    const what = config.admin.token === undefined ? 'is missing' : 'is too short';
    const where = formatHostPort(config.admin.listen);
    add('admin.token', `${what}: ${where} is open to the network and needs a token of at least 16 characters`);
  }
  const outward = [config.node.link, config.node.advertiseLink].find(
    (one) => one !== undefined && !isLoopback(one.host),
  );
  if (outward !== undefined && config.cluster.secret.length < 16) {
    add(
      'cluster.secret',
      `is too short: links on ${formatHostPort(outward)} leave this machine and need at least 16 characters`,
    );
  }
  if (config.cluster.forward === 'datagrams' && config.node.linkTls !== undefined) {
    add('cluster.forward', 'must be "links" where node.linkTls is said: datagrams between workers are not encrypted');
  }
  if (config.registrar.minExpires > config.registrar.maxExpires) {
    add('registrar.minExpires', `must not be over registrar.maxExpires (${config.registrar.maxExpires})`);
  }
  const needsTls = config.listen.findIndex((one) => one.protocol === 'tls' || one.protocol === 'wss');
  if (needsTls !== -1 && config.tls === undefined) {
    add(`listen[${needsTls}]`, 'needs a certificate: say tls.cert and tls.key');
  }
  const seen = new Map<string, number>();
  for (const [index, one] of config.listen.entries()) {
    const text = listenerAddress(one);
    if (isWildcard(one.host) && one.advertise === undefined && config.advertise === undefined) {
      add(
        `listen[${index}]`,
        `${text} means all addresses, and none of them could stand in a Via: name one address, or say advertise`,
      );
    }
    const before = seen.get(text);
    if (before !== undefined) add(`listen[${index}]`, `repeats listen[${before}]: remove one of them`);
    seen.set(text, index);
  }
  for (const [index, user] of config.users.entries()) {
    const domain = user.aor.slice(user.aor.indexOf('@') + 1).toLowerCase();
    if (!config.domains.includes(domain))
      add(`users[${index}].aor`, `has the domain ${domain}: add it to domains or correct it`);
  }
  return problems;
}

/** `cluster.forward`, or what it is where nothing is said. */
export function forwardOf({ cluster, node }: Config): 'links' | 'datagrams' {
  return cluster.forward ?? (node.linkTls === undefined ? 'datagrams' : 'links');
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}
