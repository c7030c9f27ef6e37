/** What is wrong with a configuration, in sentences that say where and what to do. */
import type * as z from 'zod';
import { nearest } from './nearest.ts';

export interface ConfigProblem {
  /** `listen[0]`, `registrar.minExpires`; '' for the file as a whole. */
  readonly path: string;
  /** Reads on after the path: `must be a number, is a string`. */
  readonly sentence: string;
}

type Path = readonly PropertyKey[];

/** Every issue of the schema as a problem, one for each unknown field. */
export function problemsOf(schema: z.ZodType, raw: unknown, issues: readonly z.core.$ZodIssue[]): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') {
      problems.push({ path: formatPath(issue.path), sentence: sentenceOf(issue, valueAt(raw, issue.path)) });
      continue;
    }
    const known = fieldsAt(schema, issue.path);
    for (const key of issue.keys) {
      const near = nearest(key, known);
      const hint = near === undefined ? `known are ${known.join(', ')}` : `did you mean ${near}?`;
      problems.push({ path: formatPath([...issue.path, key]), sentence: `is not a known field; ${hint}` });
    }
  }
  return problems;
}

/** One line for people: `carillon.json: listen[0]: write PROTOCOL:ADDRESS:PORT ...`. */
export function formatProblem(file: string, problem: ConfigProblem): string {
  return problem.path === '' ? `${file}: ${problem.sentence}` : `${file}: ${problem.path}: ${problem.sentence}`;
}

export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? printable(String(step)) : `.${printable(String(step))}`;
  }
  return text;
}

function sentenceOf(issue: z.core.$ZodIssue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      if (value === undefined) return `is missing: say ${article(issue.expected)}`;
      return `must be ${article(issue.expected)}, is ${article(typeName(value))}`;
    case 'too_small':
      return ours(issue.message) ?? `must be at least ${issue.minimum}${unit(issue.origin)}`;
    case 'too_big':
      return ours(issue.message) ?? `must be at most ${issue.maximum}${unit(issue.origin)}`;
    default:
      return issue.message;
  }
}

/** A message of the schema's own; the library's begin with a fixed word. */
function ours(message: string): string | undefined {
  return message.startsWith('Too ') || message.startsWith('Invalid ') ? undefined : message;
}

function unit(origin: string): string {
  if (origin === 'string') return ' characters long';
  return origin === 'array' ? ' entries long' : '';
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'number' && !Number.isInteger(value)) return 'fraction';
  return typeof value;
}

function article(type: string): string {
  const names: Readonly<Record<string, string>> = {
    array: 'a list',
    list: 'a list',
    int: 'a whole number',
    // Every number of the schema is a whole one.
    number: 'a whole number',
    boolean: 'true or false',
    object: 'an object',
    null: 'null',
  };
  return Object.hasOwn(names, type) ? (names[type] ?? type) : `a ${type}`;
}

function valueAt(raw: unknown, path: Path): unknown {
  let value = raw;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}

/** Names of the fields that the schema has at this place. */
function fieldsAt(schema: z.ZodType, path: Path): string[] {
  let json: unknown = schema.toJSONSchema({ io: 'input', unrepresentable: 'any' });
  for (const step of path) json = valueAt(json, typeof step === 'number' ? ['items'] : ['properties', step]);
  return Object.keys(Object(valueAt(json, ['properties'])));
}

/** A name from a file may hold anything; a terminal gets only visible characters of it, and not too many. */
function printable(name: string): string {
  const visible = name.replace(/[^\x20-\x7e]/g, '?');
  return visible.length > 64 ? `${visible.slice(0, 61)}...` : visible;
}
