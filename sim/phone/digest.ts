/** Digest credentials as a phone makes them (RFC 7616, RFC 2617), apart from the server's own code. */
import { createHash } from 'node:crypto';

export interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  readonly algorithm: 'MD5' | 'SHA-256';
  readonly stale: boolean;
}

/** The first challenge with the algorithm that this phone can. */
export function readChallenge(values: readonly string[], algorithm: Challenge['algorithm']): Challenge | undefined {
  for (const value of values) {
    const param = (name: string): string => new RegExp(`\\b${name}="?([^",]*)"?`, 'i').exec(value)?.[1] ?? '';
    if ((param('algorithm') || 'MD5') !== algorithm) continue;
    return { realm: param('realm'), nonce: param('nonce'), algorithm, stale: param('stale').toLowerCase() === 'true' };
  }
  return undefined;
}

export function credentials(
  challenge: Challenge,
  user: string,
  password: string,
  method: string,
  uri: string,
  count: number,
  cnonce: string,
): string {
  const { realm, nonce, algorithm } = challenge;
  const hash = (text: string): string =>
    createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
      .update(text, 'latin1')
      .digest('hex');
  const nc = count.toString(16).padStart(8, '0');
  const response = hash(
    `${hash(`${user}:${realm}:${password}`)}:${nonce}:${nc}:${cnonce}:auth:${hash(`${method}:${uri}`)}`,
  );
  return (
    `Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}", ` +
    `algorithm=${algorithm}, cnonce="${cnonce}", qop=auth, nc=${nc}`
  );
}
