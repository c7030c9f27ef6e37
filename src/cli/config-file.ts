/** Configuration files: reading, `env:` values, relative paths. What the values mean is checked in src/config. */
import { readFileSync } from 'node:fs';
import { dirname, extname, isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse as parseYaml } from 'yaml';
import { isProblems, parseConfig, type Config } from '../config/config.ts';
import { formatPath, formatProblem, type ConfigProblem } from '../config/problems.ts';
import { ExitError, exitCodes } from './exit.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** @throws ExitError 78 with one line for each problem */
export async function loadConfig(file: string, environment: Environment): Promise<Config> {
  const checked = await checkConfigFile(file, environment);
  if (!isProblems(checked)) return checked;
  throw new ExitError(exitCodes.config, checked.map((problem) => formatProblem(file, problem)).join('\n'));
}

/** The configuration or everything that is wrong with the file. */
export async function checkConfigFile(
  file: string,
  environment: Environment,
): Promise<Config | readonly ConfigProblem[]> {
  const problems: ConfigProblem[] = [];
  let raw: unknown;
  try {
    raw = await readRaw(file);
  } catch (error) {
    return [{ path: '', sentence: readProblem(error) }];
  }
  const replaced = withEnvironment(raw, environment, [], problems);
  if (problems.length > 0) return problems;
  return parseConfig(withAbsolutePaths(replaced, dirname(resolve(file))));
}

async function readRaw(file: string): Promise<unknown> {
  switch (extname(file)) {
    case '.json':
      return JSON.parse(readFileSync(file, 'utf8'));
    case '.yaml':
    case '.yml':
      return parseYaml(readFileSync(file, 'utf8'), { maxAliasCount: 100 });
    case '.ts': {
      readFileSync(file);
      const module: unknown = await import(pathToFileURL(resolve(file)).href);
      const config = Reflect.get(Object(module), 'default') ?? Reflect.get(Object(module), 'config');
      if (config === undefined) throw new Error('exports no configuration: export it as `config` or as default');
      return structuredClone(config);
    }
    default:
      throw new Error('has no known ending: use .json, .yaml or .ts');
  }
}

function readProblem(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && error.code === 'ENOENT' && 'syscall' in error) return 'there is no such file';
  if ('code' in error && error.code === 'EISDIR') return 'is a folder';
  // The first line says it; yaml adds a picture of the place below it.
  const [line = ''] = error.message.split('\n');
  return error.name === 'SyntaxError' ? `cannot be read as JSON or TypeScript: ${line}` : line;
}

/** Strings that begin with `env:` become the value of that variable. */
function withEnvironment(
  value: unknown,
  environment: Environment,
  path: readonly (string | number)[],
  problems: ConfigProblem[],
): unknown {
  if (typeof value === 'string' && value.startsWith('env:')) {
    const name = value.slice(4);
    const found = Object.hasOwn(environment, name) ? environment[name] : undefined;
    if (found === undefined || found === '') {
      problems.push({ path: formatPath(path), sentence: `the environment variable ${name} is not set` });
    }
    return found;
  }
  if (Array.isArray(value))
    return value.map((one, index) => withEnvironment(one, environment, [...path, index], problems));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, withEnvironment(one, environment, [...path, key], problems)]),
  );
}

/** Relative paths of a file start at its own folder, wherever the command is run. */
function withAbsolutePaths(raw: unknown, folder: string): unknown {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw;
  const root: Record<string, unknown> = { ...raw };
  const { cluster, node, tls, routes } = root;
  if (typeof routes === 'string' && routes !== '') root['routes'] = absolute(routes, folder);
  if (isRecord(tls)) {
    root['tls'] = { ...tls, ...pathField(tls, 'cert', folder), ...pathField(tls, 'key', folder) };
  }
  if (isRecord(node) && isRecord(node['linkTls'])) {
    const files = node['linkTls'];
    const linkTls = { ...files, ...pathField(files, 'cert', folder), ...pathField(files, 'key', folder) };
    root['node'] = { ...node, linkTls: { ...linkTls, ...pathField(files, 'ca', folder) } };
  }
  const store = isRecord(cluster) ? (cluster['store'] ?? 'sqlite:./data/carillon.db') : undefined;
  if (isRecord(cluster) && typeof store === 'string' && /^sqlite:./.test(store)) {
    root['cluster'] = { ...cluster, store: `sqlite:${absolute(store.slice('sqlite:'.length), folder)}` };
  }
  return root;
}

function pathField(fields: Record<string, unknown>, name: string, folder: string): Record<string, unknown> {
  const path = fields[name];
  return typeof path === 'string' && path !== '' ? { [name]: absolute(path, folder) } : {};
}

function absolute(path: string, folder: string): string {
  return isAbsolute(path) ? path : resolve(folder, path);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
