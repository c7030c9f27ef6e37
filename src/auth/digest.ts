/**
 * Digest authentication, the arithmetic and the challenge: RFC 7616 as RFC 8760 applies it to SIP, with RFC 2617 and RFC 2069
 * clients still served (RFC 3261 22.4). qop `auth` is offered always; `auth-int` and the `-sess` algorithms are not offered.
 */
import { Buffer } from 'node:buffer';
import { hash, timingSafeEqual } from 'node:crypto';
import type { DigestCredentials } from './credentials.ts';

/**
 * In the order of the challenges. RFC 8760 2.4 has a client take the first that it supports, so strongest first would be
 * the rule; but clients of before that RFC look at the first challenge only and give up (seen with sipsak 0.9.8 and SIPp
 * 3.6), and those who know both may choose the second.
 */
export const algorithms = ['MD5', 'SHA-256'] as const;
export type Algorithm = (typeof algorithms)[number];

/** The algorithm that the client chose, or undefined when we do not know it. Absent means MD5 (RFC 7616 3.4). */
export function algorithmOf(credentials: DigestCredentials): Algorithm | undefined {
  if (credentials.algorithm === 'SHA-256') return 'SHA-256';
  return credentials.algorithm === '' || credentials.algorithm === 'MD5' ? 'MD5' : undefined;
}

/**
 * H(user:realm:password) in lower-case hexadecimal: all that is stored of a password (RFC 7616 3.4.2, A1).
 * The three are people's text and are hashed as UTF-8.
 */
export function ha1(user: string, realm: string, password: string, algorithm: Algorithm): string {
  return hash(hashName(algorithm), `${user}:${realm}:${password}`, 'hex');
}

/**
 * Whether the credentials prove knowledge of `ha1Hex` for `method` (RFC 7616 3.4.1). Two hashes whatever the answer, and a
 * comparison in constant time. `ha1Hex` must be of the algorithm that the credentials name.
 */
export function check(credentials: DigestCredentials, method: string, algorithm: Algorithm, ha1Hex: string): boolean {
  const expected = Buffer.from(responseOf(credentials, method, algorithm, ha1Hex), 'latin1');
  const given = Buffer.from(credentials.response.toLowerCase(), 'latin1');
  const sameLength = given.length === expected.length;
  // A response of the wrong length is compared as well, against the truth itself, so that it takes the same time.
  const equal = timingSafeEqual(sameLength ? given : expected, expected);
  return sameLength && equal;
}

/** The response that a client who knows `ha1Hex` sends: KD(H(A1), ...) of RFC 7616 3.4.1, without qop of RFC 2069. */
export function responseOf(
  credentials: DigestCredentials,
  method: string,
  algorithm: Algorithm,
  ha1Hex: string,
): string {
  const name = hashName(algorithm);
  const ha2 = hash(name, octetsOf(`${method}:${credentials.uri}`), 'hex');
  const middle = credentials.qop === '' ? '' : `${credentials.nc}:${credentials.cnonce}:${credentials.qop}:`;
  return hash(name, octetsOf(`${ha1Hex}:${credentials.nonce}:${middle}${ha2}`), 'hex');
}

/** What comes from a message is one octet for each char code. */
function octetsOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/**
 * Values for WWW-Authenticate or Proxy-Authenticate, one header line each, in the order of `offered` (RFC 8760 2.3).
 * `stale` tells the client that its password was right and only the nonce was not (RFC 7616 3.3).
 */
export function challenges(realm: string, nonce: string, offered: readonly Algorithm[], stale: boolean): string[] {
  const values: string[] = [];
  for (const algorithm of offered) {
    const tail = stale ? ', stale=true' : '';
    values.push(`Digest realm="${quotable(realm)}", nonce="${nonce}", qop="auth", algorithm=${algorithm}${tail}`);
  }
  return values;
}

/** The nonce count as a number, or 0 when it is not 8 hexadecimal digits (RFC 7616 3.4 `nc-value = 8LHEX`). */
export function nonceCount(nc: string): number {
  if (nc.length !== 8) return 0;
  let value = 0;
  for (let at = 0; at < 8; at += 1) {
    const digit = hexDigit(nc.charCodeAt(at));
    if (digit < 0) return 0;
    value = value * 16 + digit;
  }
  return value;
}

function hashName(algorithm: Algorithm): string {
  return algorithm === 'MD5' ? 'md5' : 'sha256';
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** A realm comes from the configuration; it must not be able to end its quoted string. */
function quotable(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
}
