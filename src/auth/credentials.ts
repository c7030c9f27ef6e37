/**
 * One Authorization or Proxy-Authorization value taken apart: RFC 7616 3.4, RFC 3261 25.1 `credentials`.
 * A hand-written scanner over a string whose length and number of parameters are bounded. Known parameters land in the fields of
 * an object of fixed shape; names of JavaScript members (`__proto__`) are unknown parameters like any other and are dropped.
 */
import { limits } from '../limits.ts';

/** Strings as received (latin1); absent ones are ''. */
export interface DigestCredentials {
  /** Without quotes and escapes. */
  readonly username: string;
  /** Without quotes and escapes. */
  readonly realm: string;
  /** Between the quotes, escapes kept: these four enter the hash as they were sent (RFC 7616 3.4.1 `unq`). */
  readonly nonce: string;
  readonly uri: string;
  readonly cnonce: string;
  readonly response: string;
  /** Upper case; '' means MD5 (RFC 7616 3.4). */
  readonly algorithm: string;
  /** As sent, '' when the client speaks RFC 2069. */
  readonly qop: string;
  /** The 8 digits as sent. */
  readonly nc: string;
}

/**
 * The credentials in `value`, or undefined when the scheme is not Digest or the text is malformed: a parameter twice, a broken
 * quoted string, no username, realm, nonce, uri or response, more parameters or octets than the limits allow.
 */
export function parseCredentials(value: string): DigestCredentials | undefined {
  if (value.length > limits.headerValueBytesMax) return undefined;
  const end = value.length;
  let at = skipBlanks(value, 0);
  const schemeEnd = tokenEnd(value, at);
  if (schemeEnd - at !== 6 || value.slice(at, schemeEnd).toLowerCase() !== 'digest') return undefined;
  at = skipBlanks(value, schemeEnd);
  if (at === schemeEnd) return undefined;

  const found = {
    username: '',
    realm: '',
    nonce: '',
    uri: '',
    cnonce: '',
    response: '',
    algorithm: '',
    qop: '',
    nc: '',
  };
  let seen = 0;
  for (let count = 0; ; count += 1) {
    if (count === limits.paramsPerValueMax) return undefined;
    const nameEnd = tokenEnd(value, at);
    if (nameEnd === at) return undefined;
    const field = fieldOf(value.slice(at, nameEnd).toLowerCase());
    at = skipBlanks(value, nameEnd);
    if (at >= end || value.charCodeAt(at) !== equals) return undefined;
    at = skipBlanks(value, at + 1);
    const quoted = at < end && value.charCodeAt(at) === quote;
    const start = quoted ? at + 1 : at;
    const stop = quoted ? quotedEnd(value, start) : tokenEnd(value, at);
    if (stop < 0 || (!quoted && stop === at)) return undefined;
    if (field !== undefined) {
      const bit = 1 << fields.indexOf(field);
      if ((seen & bit) !== 0) return undefined; // Whoever names himself twice is authenticated as nobody.
      seen |= bit;
      const text = value.slice(start, stop);
      found[field] = quoted && (field === 'username' || field === 'realm') ? unescape(text) : text;
    }
    at = skipBlanks(value, quoted ? stop + 1 : stop);
    if (at >= end) break;
    if (value.charCodeAt(at) !== comma) return undefined;
    at = skipBlanks(value, at + 1);
  }
  if ((seen & required) !== required) return undefined;
  found.algorithm = found.algorithm.toUpperCase();
  return found;
}

type Field = keyof DigestCredentials;
/** The first five are required of every client; `username` must not be empty either, which the user table decides. */
const fields: readonly Field[] = ['username', 'realm', 'nonce', 'uri', 'response', 'cnonce', 'algorithm', 'qop', 'nc'];
const required = 0b11111;

function fieldOf(name: string): Field | undefined {
  const index = (fields as readonly string[]).indexOf(name);
  return index < 0 ? undefined : fields[index];
}

const quote = 0x22;
const comma = 0x2c;
const equals = 0x3d;
const backslash = 0x5c;

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && isBlank(text.charCodeAt(at))) at += 1;
  return at;
}

/** Folded lines may arrive with their line ends: LWS of RFC 3261 25.1. */
function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d || code === 0x0a;
}

/** End of the run of characters that are neither separators nor blanks nor controls. Wider than `token`: nc and qop come unquoted, uri of old clients too. */
function tokenEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code <= 0x20 || code === 0x7f || code === quote || code === comma || code === equals) break;
    at += 1;
  }
  return at;
}

/** Index of the closing quote, or -1. A backslash takes the next character with it. */
function quotedEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) return at;
    if (code === backslash) at += 1;
    else if (code < 0x20 && code !== 0x09) return -1;
  }
  return -1;
}

function unescape(text: string): string {
  if (!text.includes('\\')) return text;
  let plain = '';
  for (let at = 0; at < text.length; at += 1) {
    if (text.charCodeAt(at) === backslash) at += 1;
    plain += text.charAt(at);
  }
  return plain;
}
