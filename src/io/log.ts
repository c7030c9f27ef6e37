/**
 * The log: one JSON line for each event, to standard error or a file, written by pino. What comes from the network is
 * made harmless here, in one place: texts are cut to `logTextCharsMax` characters, and characters that move the cursor,
 * end a line or turn the direction of writing are escaped. Fields whose name says that they are secret are never written.
 */
import { mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import pino from 'pino';
import { limits } from '../limits.ts';
import type { Log, LogLevel } from '../outside.ts';

export interface LogOptions {
  readonly level: LogLevel;
  /** Path of a file that lines are added to; standard error when absent. */
  readonly file?: string;
  /** Fields on every line: node, worker. */
  readonly fields?: Readonly<Record<string, string | number>>;
}

export interface FileLog extends Log {
  /** Writes out what is held, at once. For the end of the process. */
  flush(): void;
}

/** Opens the log. Throws when the file cannot be opened. */
export function openLog(options: LogOptions): FileLog {
  if (options.file !== undefined) mkdirSync(dirname(options.file), { recursive: true });
  const fd = options.file === undefined ? 2 : openSync(options.file, 'a');
  const destination = pino.destination({ fd, sync: true, retryEAGAIN: () => false });
  // A full disk or a closed pipe must not end the server: the lines are lost.
  destination.on('error', () => {});
  const logger = pino(
    {
      level: options.level,
      base: options.fields === undefined ? null : harmlessFields(options.fields),
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'event',
    },
    destination,
  );
  return {
    write(level, event, fields) {
      if (!logger.isLevelEnabled(level)) return;
      if (fields === undefined) logger[level](harmlessText(event));
      else logger[level](harmlessFields(fields), harmlessText(event));
    },
    flush() {
      try {
        destination.flushSync();
      } catch {
        // Nothing is left that could take the lines.
      }
    },
  };
}

const secretName = /secret|password|passwd|token|authorization|credential|private|ha1|cookie/i;
const reservedNames = new Set(['level', 'time', 'event']);
const depthMax = 3;
const membersMax = 32;

/** The fields of a line, every value harmless. */
export function harmlessFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields).slice(0, membersMax)) {
    const key = harmlessText(name);
    out[reservedNames.has(key) ? `${key}_` : key] = secretName.test(name) ? '[hidden]' : harmlessValue(value, 1);
  }
  return out;
}

function harmlessValue(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return harmlessText(value);
    case 'number':
    case 'boolean':
      return value;
    case 'bigint':
      return String(value);
    case 'object':
      break;
    default:
      return value === undefined ? undefined : `[${typeof value}]`;
  }
  if (value === null) return null;
  if (value instanceof Error) return harmlessError(value);
  if (value instanceof Uint8Array)
    return harmlessText(Buffer.from(value.subarray(0, limits.logTextCharsMax)).toString('latin1'));
  if (depth >= depthMax) return '[deep]';
  if (Array.isArray(value)) return value.slice(0, membersMax).map((member) => harmlessValue(member, depth + 1));
  const out: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value).slice(0, membersMax)) {
    out[harmlessText(name)] = secretName.test(name) ? '[hidden]' : harmlessValue(member, depth + 1);
  }
  return out;
}

/** The stack is ours and is what one needs; its first line is the message, which may hold text of a stranger. */
function harmlessError(error: Error): Record<string, unknown> {
  const frames = (error.stack ?? '')
    .split('\n')
    .filter((line) => line.startsWith('    at '))
    .slice(0, 12);
  return {
    name: harmlessText(error.name),
    message: harmlessText(error.message),
    at: frames.map((line) => harmlessText(line.trim())),
  };
}

/** At most `logTextCharsMax` characters; what could act on a terminal or a reader's eye is written as `\u....`. */
export function harmlessText(text: string): string {
  const cut = text.length > limits.logTextCharsMax ? `${text.slice(0, limits.logTextCharsMax)}...` : text;
  return /^[\x20-\x7e]*$/.test(cut)
    ? cut
    : cut.replace(actingCharacters, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Controls (C0, DEL, C1), line and paragraph separators, zero widths, directions, lone surrogates, the byte order mark. */
const actingCharacters =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
