/**
 * Who may ask the API, decided from the head of a request before any of its body is read. Pure: a head in, a refusal
 * out. The order of the checks matters: wrong credentials are told so even on paths that do not exist.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

export interface RequestHead {
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  readonly host: string | undefined;
  readonly authorization: string | undefined;
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
}

export interface GuardRules {
  readonly token: string | undefined;
  /** The API listens on a loopback address: only names of loopback may stand in Host (no DNS rebinding). */
  readonly loopback: boolean;
}

export interface Refusal {
  readonly status: 400 | 401 | 403;
  readonly message: string;
}

/** Reachable without token: no secret in them. Everything else that exists needs it. */
const openPaths = new Set(['/', '/healthz', '/readyz', '/console.js', '/console.css']);

export function refusal(head: RequestHead, rules: GuardRules): Refusal | undefined {
  const offered = bearer(head.authorization);
  if (head.authorization !== undefined && !matches(offered, rules.token)) return wrongToken;
  if (!isCleanUrl(head.url)) return { status: 400, message: 'the path or query holds octets that have no place there' };
  if (rules.loopback && !isLoopbackHost(head.host)) {
    return { status: 400, message: 'the Host header does not name this machine' };
  }
  if (isForeignWrite(head)) return { status: 403, message: 'another web site may not change anything here' };
  const path = head.url.split('?', 1)[0] ?? '';
  if (rules.token !== undefined && head.authorization === undefined && !openPaths.has(path)) return missingToken;
  return undefined;
}

const wrongToken: Refusal = { status: 401, message: 'the token is not the one of this cluster' };
const missingToken: Refusal = { status: 401, message: 'a token is needed: Authorization: Bearer TOKEN' };

/** '' when the header holds no bearer token. */
function bearer(authorization: string | undefined): string {
  const match = /^bearer +([^\s]+)$/i.exec(authorization ?? '');
  return match?.[1] ?? '';
}

/** In the same time for every wrong token: digests of equal length are compared. */
function matches(offered: string, token: string | undefined): boolean {
  if (token === undefined) return false;
  return timingSafeEqual(sha256(offered), sha256(token));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

/** No control characters, not even escaped, no backslash, and no way up in the path. */
function isCleanUrl(url: string): boolean {
  if (!url.startsWith('/') || /[\u0000-\u0020\u007f\\]|%0[0-9a-f]|%1[0-9a-f]|%7f/i.test(url)) return false;
  const path = (url.split('?', 1)[0] ?? '').replaceAll(/%2e/gi, '.').replaceAll(/%2f|%5c/gi, '/');
  return !path.split('/').includes('..');
}

function isLoopbackHost(host: string | undefined): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i.test(host ?? '');
}

/** A browser says where a request comes from; a program does not and is no danger of this kind. */
function isForeignWrite(head: RequestHead): boolean {
  if (head.method === 'GET' || head.method === 'HEAD') return false;
  if (head.fetchSite !== undefined && head.fetchSite !== 'same-origin' && head.fetchSite !== 'none') return true;
  return head.origin !== undefined && head.origin !== `http://${head.host}` && head.origin !== `https://${head.host}`;
}
