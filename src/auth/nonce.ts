/**
 * Stateless digest nonces: any node that knows the cluster secret can tell whether a nonce was issued by this cluster and when,
 * so a challenge from one node is answered at another (RFC 7616 3.3 leaves the construction to the server).
 *
 * Text, 40 characters of base64url: 20 of prefix (7 octets of cluster time in milliseconds, 8 unpredictable octets) and 20 of
 * HMAC-SHA256 over the prefix *text*, cut to 15 octets. The MAC covers the characters themselves, so no second spelling passes.
 */
import { Buffer } from 'node:buffer';
import { timingSafeEqual } from 'node:crypto';
import assert from 'node:assert';
import { Hmac } from '../hmac.ts';
import { limits } from '../limits.ts';

export interface NonceCheck {
  /** `fresh`: ours and within its lifetime. `stale`: ours but too old, or from further ahead than clocks may differ. `forged`: not ours. */
  readonly state: 'fresh' | 'stale' | 'forged';
  /** Cluster time of issue in milliseconds; 0 when forged. */
  readonly issuedAtMs: number;
}

/** A new nonce. `random8` are 8 octets nobody can guess; `nowMs` is cluster time. */
export function make(secret: string, nowMs: number, random8: Uint8Array): string {
  assert(random8.length === randomOctets, 'a nonce takes 8 random octets');
  assert(Number.isSafeInteger(nowMs) && nowMs >= 0, 'cluster time is whole milliseconds since 1970');
  const octets = Buffer.alloc(timeOctets + randomOctets);
  // 2 ** 53 needs 7 octets: one high octet and 6 low ones (writeUIntBE takes at most 6).
  octets.writeUInt8(Math.floor(nowMs / 2 ** 48), 0);
  octets.writeUIntBE(nowMs % 2 ** 48, 1, 6);
  octets.set(random8, timeOctets);
  const prefix = octets.toString('base64url');
  return prefix + mac(secret, prefix);
}

/** Whether `nonce` is ours and still good at `nowMs` (cluster time). Constant time in the compared characters. */
export function verify(secret: string, nonce: string, nowMs: number): NonceCheck {
  if (nonce.length !== nonceLength) return forged;
  const prefix = nonce.slice(0, prefixLength);
  const given = Buffer.from(nonce.slice(prefixLength), 'latin1');
  const expected = Buffer.from(mac(secret, prefix), 'latin1');
  if (!timingSafeEqual(given, expected)) return forged;
  const issuedAtMs = issueTimeMs(nonce);
  const ageMs = nowMs - issuedAtMs;
  const fresh = ageMs <= limits.nonceLifetimeMs && ageMs >= -limits.nonceClockSkewMs;
  return { state: fresh ? 'fresh' : 'stale', issuedAtMs };
}

/** The issue time that a nonce claims, in milliseconds. Believe it only after {@link verify}. */
export function issueTimeMs(nonce: string): number {
  const octets = Buffer.from(nonce.slice(0, prefixLength), 'base64url');
  if (octets.length < timeOctets) return 0;
  return octets.readUInt8(0) * 2 ** 48 + octets.readUIntBE(1, 6);
}

const timeOctets = 7;
const randomOctets = 8;
const prefixLength = 20;
const macOctets = 15;
const nonceLength = 40;

const forged: NonceCheck = { state: 'forged', issuedAtMs: 0 };

/** Bound to its purpose by the label, so that no other HMAC under the same secret can be passed off as a nonce. */
function mac(secret: string, prefix: string): string {
  if (hmac === undefined || secret !== hmac.secret) hmac = { secret, of: new Hmac(secret) };
  const digest = hmac.of.ofText(`carillon digest nonce 1:${prefix}`);
  return Buffer.from(digest, 'latin1').toString('base64url', 0, macOctets);
}

/** Of the secret that was used last: a process has one. */
let hmac: { readonly secret: string; readonly of: Hmac } | undefined;
