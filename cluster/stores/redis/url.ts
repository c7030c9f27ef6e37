/**
 * Store URLs of Redis:
 *
 *   redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]                    one server, or a name that follows the master
 *   redis+sentinel://[...@]HOST[:PORT],HOST[:PORT]/MASTER[/DATABASE]    the master that these Sentinels name
 *   redis+cluster://[...@]HOST[:PORT],HOST[:PORT]                       a Redis Cluster, found through these nodes
 *
 * `rediss` instead of `redis` is TLS to all of them. After `?`: `prefix=TEXT` begins the names of all keys ("carillon"), so
 * that several clusters can share a database; `sentinel-password=TEXT` is for the Sentinels themselves.
 */
import { StoreError } from '../../store-ports.ts';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

export interface RedisTarget {
  readonly kind: 'server' | 'sentinel' | 'cluster';
  readonly tls: boolean;
  readonly addresses: readonly [RedisAddress, ...RedisAddress[]];
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** Name of the master among those that the Sentinels watch. */
  readonly master: string;
  readonly sentinelPassword: string | undefined;
  readonly prefix: string;
  /** The URL without secrets, for messages. */
  readonly text: string;
}

const shape = /^redis(s)?(?:\+(sentinel|cluster))?:\/\/(?:([^@/?]*)@)?([^/?]+)(?:\/([^?]*))?(?:\?(.*))?$/i;
const prefixShape = /^[A-Za-z0-9._-]{1,64}$/;

/** @throws StoreError `unsupported` that says what is wrong; it never repeats a password */
export function parseRedisUrl(url: string): RedisTarget {
  const match = shape.exec(url);
  if (match === null) throw wrong('the store URL', 'is no Redis URL. Write redis://HOST:PORT, for example.');
  const [, tls, mode, login, hosts = '', path = '', query = ''] = match;
  const kind = mode === undefined ? 'server' : (mode.toLowerCase() as 'sentinel' | 'cluster');
  const text = `redis${tls === undefined ? '' : 's'}${mode === undefined ? '' : `+${kind}`}://${hosts}${path === '' ? '' : `/${path}`}`;
  const [first, ...rest] = hosts.split(',').map((host) => addressOf(host, kind === 'sentinel' ? 26_379 : 6_379, text));
  if (first === undefined) throw wrong(text, 'names no host.');
  if (kind === 'server' && rest.length > 0)
    throw wrong(text, 'names several hosts. Write redis+sentinel:// or redis+cluster:// for several.');
  const [username, password] = loginOf(login);
  const parameters = parametersOf(query, text);
  return {
    kind,
    tls: tls !== undefined,
    addresses: [first, ...rest],
    username,
    password,
    ...placeOf(kind, path, text),
    sentinelPassword: parameters.get('sentinel-password'),
    prefix: prefixOf(parameters.get('prefix'), text),
    text,
  };
}

function addressOf(text: string, defaultPort: number, url: string): RedisAddress {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? defaultPort);
  if (host === undefined || port < 1 || port > 65_535) throw wrong(url, `has "${text}" where HOST:PORT is expected.`);
  return { host, port };
}

function loginOf(login: string | undefined): [username: string | undefined, password: string | undefined] {
  if (login === undefined || login === '') return [undefined, undefined];
  const colon = login.indexOf(':');
  // As redis-cli reads it: redis://:PASSWORD@HOST; without a colon it is a user without password.
  const username = colon < 0 ? login : login.slice(0, colon);
  const password = colon < 0 ? '' : login.slice(colon + 1);
  return [username === '' ? undefined : decoded(username), password === '' ? undefined : decoded(password)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('the store URL', 'has a "%" in user or password that encodes nothing. Write %25 for "%".');
  }
}

function placeOf(kind: RedisTarget['kind'], path: string, url: string): { master: string; database: number } {
  const parts = path.split('/').filter((part) => part !== '');
  const master = kind === 'sentinel' ? decoded(parts.shift() ?? '') : '';
  const database = Number(parts.shift() ?? '0');
  if (kind === 'sentinel' && master === '')
    throw wrong(url, 'does not name the master. Write redis+sentinel://HOST:PORT,HOST:PORT/MASTER.');
  if (parts.length > 0 || !Number.isInteger(database) || database < 0)
    throw wrong(url, 'has a path that is no number of a database.');
  if (kind === 'cluster' && database !== 0)
    throw wrong(url, 'names a database, but a Redis Cluster has only one. Use ?prefix=NAME to keep clusters apart.');
  return { master, database };
}

function parametersOf(query: string, url: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (name !== 'prefix' && name !== 'sentinel-password')
      throw wrong(url, `has an unknown parameter "${name}". Known are prefix and sentinel-password.`);
    parameters.set(name, value);
  }
  return parameters;
}

function prefixOf(prefix: string | undefined, url: string): string {
  if (prefix === undefined) return 'carillon';
  if (!prefixShape.test(prefix)) throw wrong(url, 'has a prefix that is not 1 to 64 letters, digits, dots and dashes.');
  return prefix;
}

function wrong(what: string, sentence: string): StoreError {
  return new StoreError('unsupported', `${what} ${sentence}`);
}
