/** The torture messages of RFC 4475 and RFC 5118 with what is expected of them. */
import { readFileSync } from 'node:fs';

export interface Expectation {
  readonly name: string;
  readonly file: string;
  readonly octets: number | undefined;
  readonly kind: 'request' | 'response' | undefined;
  readonly method: string | null | undefined;
  /** What our server makes of it: accept = processed, reject = a final status of `any_of`, drop = no answer. */
  readonly ours: {
    readonly outcome: 'accept' | 'reject' | 'drop';
    readonly any_of?: readonly number[];
    readonly none_of?: readonly number[];
  };
  readonly checks: readonly string[];
  readonly bytes: Buffer;
}

interface Entry extends Omit<Expectation, 'bytes' | 'checks'> {
  readonly checks?: readonly string[];
  readonly wire_file?: string;
}

const folder = new URL('./', import.meta.url);

function load(): readonly Expectation[] {
  const file = JSON.parse(readFileSync(new URL('expected.json', folder), 'utf8')) as Record<
    'rfc4475' | 'rfc5118' | 'extra',
    Entry[]
  >;
  return [...file.rfc4475, ...file.rfc5118, ...file.extra].map((entry) => {
    const path = entry.wire_file ?? entry.file;
    // The octet count of expected.json is that of the archive; RFC 5118 files are sent in their CRLF form.
    const octets = entry.wire_file === undefined ? entry.octets : undefined;
    const name = entry.name ?? path.slice(path.lastIndexOf('/') + 1, path.lastIndexOf('.'));
    return { ...entry, name, octets, checks: entry.checks ?? [], bytes: readFileSync(new URL(path, folder)) };
  });
}

export const torture = load();
