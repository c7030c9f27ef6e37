/**
 * Is this request from the user it names? One decision for REGISTER (401) and everything else (407): RFC 3261 22, RFC 8760 2.4.
 * An unknown user costs the same hashes and gets the same answer as a wrong password, so nobody learns who exists.
 */
import { hash } from 'node:crypto';
import { limits } from '../limits.ts';
import { aorOf, escapeUser, parseUri } from '../sip/uri.ts';
import { parseCredentials } from './credentials.ts';
import type { DigestCredentials } from './credentials.ts';
import { algorithmOf, challenges, check, nonceCount } from './digest.ts';
import type { Algorithm } from './digest.ts';
import { make, verify as verifyNonce } from './nonce.ts';
import type { NonceWindows } from './replay.ts';

/** What is stored of a user. Hashes in lower-case hexadecimal; '' for an algorithm that this user cannot use. */
export interface UserRecord {
  /** Canonical address-of-record, `sip:user@domain`. The domain is the realm of the hashes. */
  readonly aor: string;
  readonly ha1Md5: string;
  readonly ha1Sha256: string;
}

/** The parts of a request that digest looks at: plain data, so that it can travel to the actor that keeps the user's nonces. */
export interface AuthRequest {
  readonly method: string;
  readonly requestUri: string;
  /** Every Authorization (or Proxy-Authorization) value, in order. */
  readonly authorization: readonly string[];
  /** See {@link requestIdentity}. */
  readonly identity: string;
}

export interface AuthContext {
  readonly realm: string;
  /** Key of the nonces, the same on all nodes. */
  readonly secret: string;
  /** What we offer, most preferred first. Credentials with anything else are refused. */
  readonly algorithms: readonly Algorithm[];
  /** Cluster time. */
  readonly nowMs: number;
  /** 8 fresh unpredictable octets for the nonce of a challenge. */
  readonly random8: Uint8Array;
  /** The used nonces of `user`. Undefined only where user is undefined. */
  readonly windows: NonceWindows | undefined;
}

export interface Refusal {
  /** Values for WWW-Authenticate (401) or Proxy-Authenticate (407), one header line each. */
  readonly challenge: readonly string[];
  /** The password was right, the nonce was not: the client may try again without asking its user. */
  readonly stale: boolean;
  /** For the log and the counters; never for the answer. */
  readonly cause: 'no-credentials' | 'wrong' | 'stale' | 'replay' | 'other-uri';
}

/** Who may proceed. `user` is what the store knows of {@link claimedAor}; undefined when it knows nothing. */
export function verify(request: AuthRequest, user: UserRecord | undefined, ctx: AuthContext): 'ok' | Refusal {
  const credentials = chooseCredentials(request.authorization, ctx.realm, ctx.algorithms);
  if (credentials === undefined) return refusal(ctx, 'no-credentials', false);
  const algorithm = algorithmOf(credentials)!; // Chosen among the offered ones.

  // Everything is computed for everybody before anything is decided.
  const nonce = verifyNonce(ctx.secret, credentials.nonce, ctx.nowMs);
  const stored = algorithm === 'MD5' ? user?.ha1Md5 : user?.ha1Sha256;
  const known = stored !== undefined && stored !== '' && user?.aor === aorOfUser(credentials.username, ctx.realm);
  const right = check(credentials, request.method, algorithm, known ? stored : dummyHa1[algorithm]) && known;

  if (!right) return refusal(ctx, 'wrong', false);
  // RFC 7616 3.3: stale only with a valid digest for the bad nonce. A nonce of a former secret is one of those.
  if (nonce.state !== 'fresh') return refusal(ctx, 'stale', true);
  // RFC 7616 3.4.6: the uri must name the requested resource; RFC 3261 22.4 item 6: not necessarily in the same words.
  if (!sameResource(credentials.uri, request.requestUri)) return refusal(ctx, 'other-uri', false);
  const count = credentials.qop === '' ? 0 : nonceCount(credentials.nc);
  const acceptance = ctx.windows?.accept(credentials.nonce, count, request.identity, ctx.nowMs);
  return acceptance === 'ok' || acceptance === 'again' ? 'ok' : refusal(ctx, 'replay', true);
}

/**
 * The address-of-record that the credentials for `realm` claim, or undefined when there are none that we could check. Only a name to
 * look up: nothing is proven yet.
 */
export function claimedAor(
  authorization: readonly string[],
  realm: string,
  offered: readonly Algorithm[],
): string | undefined {
  const credentials = chooseCredentials(authorization, realm, offered);
  return credentials === undefined ? undefined : aorOfUser(credentials.username, realm);
}

/**
 * What makes a retransmission the same request: all of its octets. Digest does not cover the Contact, so a Call-ID, CSeq and branch that
 * were overheard must not be enough to say other things with the same credentials.
 */
export function requestIdentity(bytes: Uint8Array): string {
  return Buffer.from(hash('sha256', bytes, 'binary'), 'latin1').toString('base64url', 0, identityOctets);
}

/** Of a user's snapshot a good part is identities; 128 bits are enough that nobody finds a second request with the same. */
const identityOctets = 16;

/** A password nobody has: hashes of the shape that check() compares against. */
const dummyHa1: Readonly<Record<Algorithm, string>> = { 'MD5': '0'.repeat(32), 'SHA-256': '0'.repeat(64) };

function refusal(ctx: AuthContext, cause: Refusal['cause'], stale: boolean): Refusal {
  const nonce = make(ctx.secret, ctx.nowMs, ctx.random8);
  return { challenge: challenges(ctx.realm, nonce, ctx.algorithms, stale), stale, cause };
}

/**
 * The first credentials for our realm that use what we offered (RFC 3261 22.1: several may be there, for other realms; RFC 8760 2.4:
 * one for each algorithm). Whatever is malformed is as good as absent.
 */
function chooseCredentials(
  values: readonly string[],
  realm: string,
  offered: readonly Algorithm[],
): DigestCredentials | undefined {
  const count = Math.min(values.length, limits.authorizationValuesMax);
  for (let at = 0; at < count; at += 1) {
    const credentials = parseCredentials(values[at]!);
    if (credentials === undefined || credentials.realm !== realm) continue;
    const algorithm = algorithmOf(credentials);
    if (algorithm === undefined || !offered.includes(algorithm)) continue;
    if (isComplete(credentials)) return credentials;
  }
  return undefined;
}

/** RFC 7616 3.4: with qop there must be cnonce and nc; nc counts from 1. We offered no other qop than `auth`. */
function isComplete(credentials: DigestCredentials): boolean {
  if (credentials.qop === '') return true;
  return credentials.qop.toLowerCase() === 'auth' && credentials.cnonce !== '' && nonceCount(credentials.nc) > 0;
}

/** A username is the user part of the address-of-record; the realm is its domain. The form is that of aorOf(). */
function aorOfUser(username: string, realm: string): string {
  return `sip:${escapeUser(username)}@${realm.toLowerCase()}`;
}

function sameResource(digestUri: string, requestUri: string): boolean {
  if (digestUri === requestUri) return true;
  const claimed = parseUri(digestUri);
  const actual = parseUri(requestUri);
  if (claimed === undefined || actual === undefined) return false;
  // Several clients (SIPp among them) name the server they send to, without a user, whatever they ask of it.
  return claimed.user === '' || aorOf(claimed) === aorOf(actual);
}
