/** Bodies and queries of the API: bounded, checked by hand-sized schemas, refused with one sentence. */
import * as z from 'zod';
import { limits } from '../limits.ts';
import {
  AdminError,
  pageEntriesMax,
  type LimitQuery,
  type NewUser,
  type PageQuery,
  type RegistrationQuery,
} from './port.ts';

/** Nesting of a JSON text is at most this deep, counted before it is parsed. */
export const jsonDepthMax = 32;

const after = z.string().max(4_096).default('');
const limit = z.coerce.number().int().min(1).max(pageEntriesMax).default(100);
const aor = z
  .string()
  .max(limits.uriBytesMax)
  .regex(/^sip:[^@\s<>"]+@[^@\s<>";?]+$/i, { error: 'write sip:USER@DOMAIN' });

const pageQuery = z.strictObject({ after, limit });
const registrationQuery = z.strictObject({ after, limit, aor: aor.optional() });
const limitQuery = z.strictObject({ after, limit, name: z.string().min(1).max(limits.limitNameOctetsMax).optional() });
const newUser = z.strictObject({ aor, password: z.string().min(1).max(256) });

export function readPageQuery(raw: unknown): PageQuery {
  return read(pageQuery, raw);
}

export function readRegistrationQuery(raw: unknown): RegistrationQuery {
  const { aor: wanted, ...page } = read(registrationQuery, raw);
  return wanted === undefined ? page : { ...page, aor: wanted };
}

export function readLimitQuery(raw: unknown): LimitQuery {
  const { name, ...page } = read(limitQuery, raw);
  return name === undefined ? page : { ...page, name };
}

export function readNewUser(raw: unknown): NewUser {
  return read(newUser, raw);
}

export function readAor(raw: unknown): string {
  return read(aor, raw);
}

/** Deeper than allowed? Brackets inside of strings do not count. */
export function isTooDeep(json: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < json.length; i += 1) {
    const char = json.charCodeAt(i);
    if (inString) {
      if (char === backslash) i += 1;
      else if (char === quote) inString = false;
    } else if (char === quote) inString = true;
    else if (char === openBracket || char === openBrace) {
      depth += 1;
      if (depth > jsonDepthMax) return true;
    } else if (char === closeBracket || char === closeBrace) depth -= 1;
  }
  return false;
}

const [quote, backslash, openBracket, closeBracket, openBrace, closeBrace] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

function read<T>(schema: z.ZodType<T>, raw: unknown): T {
  const result = schema.safeParse(raw ?? {});
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = issue?.path.join('.') ?? '';
  throw new AdminError('refused', `${path === '' ? '' : `${path}: `}${issue?.message ?? 'not understood'}`);
}
