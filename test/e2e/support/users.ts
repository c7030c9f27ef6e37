/** Users of the tests and the CSV files in which SIPp reads about them. */
import { writeFileSync } from 'node:fs';

export interface TestUser {
  readonly name: string;
  readonly aor: string;
  readonly password: string;
}

export const domain = 'example.test';

/** `prefix` and a number: u0001, u0002, ... Each has a password of its own. */
export function makeUsers(count: number, prefix = 'u', inDomain = domain): TestUser[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `${prefix}${String(index + 1).padStart(4, '0')}`;
    return { name, aor: `sip:${name}@${inDomain}`, password: `secret-${name}` };
  });
}

/** A file of SIPp: one line per call, fields separated by semicolons. */
export function writeCsv(file: string, rows: readonly (readonly string[])[]): string {
  for (const row of rows) for (const field of row) if (/[;\n]/.test(field)) throw new Error(`not for a CSV: ${field}`);
  writeFileSync(file, `SEQUENTIAL\n${rows.map((row) => row.join(';')).join('\n')}\n`);
  return file;
}

/** The field with which SIPp answers a challenge. */
export function sippCredentials(user: TestUser): string {
  return `[authentication username=${user.name} password=${user.password}]`;
}
