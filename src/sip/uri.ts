/**
 * SIP, SIPS and TEL URIs (RFC 3261 19.1 and 25.1, RFC 3966).
 *
 * The parts stay as they were written, escapes included: unescaping is done once, where the meaning is needed, and never
 * again (RFC 4475 3.1.1.3). Only the host is put into lower case, since it is compared without case everywhere.
 */
import { limits } from '../limits.ts';
import { HEX, PASSWORD, PHONE, UNRESERVED, URI_HEADER, URI_PARAM, USER, is, isAll, isWord } from './chars.ts';
import { formatHost, hostAt, portAt, skipHost } from './host.ts';
import type { Params } from './params.ts';
import { noParams } from './params.ts';

export interface SipUri {
  readonly scheme: 'sip' | 'sips' | 'tel';
  /** '' when absent. Of a tel URI: the number, as written. */
  readonly user: string;
  /** '' when absent. */
  readonly password: string;
  /** Lower case, IPv6 without brackets; '' for tel. */
  readonly host: string;
  /** 0 when absent. */
  readonly port: number;
  /** Names unescaped and in lower case, values as written; undefined for a name alone. */
  readonly params: Params;
  /** What follows `?`: names and values as written. */
  readonly headers: Params;
}

/** The parts of a sip, sips or tel URI; undefined for another scheme or bad grammar. */
export function parseUri(text: string): SipUri | undefined {
  return uriAt(text, 0, text.length);
}

/** The same for a stretch of a text. */
export function uriAt(text: string, start: number, end: number): SipUri | undefined {
  if (end - start > limits.uriBytesMax) return undefined;
  const colon = text.indexOf(':', start);
  if (colon < 0 || colon >= end) return undefined;
  if (isWord(text, start, colon, 'sip')) return sipUriAt('sip', text, colon + 1, end);
  if (isWord(text, start, colon, 'sips')) return sipUriAt('sips', text, colon + 1, end);
  if (isWord(text, start, colon, 'tel')) return telUriAt(text, colon + 1, end);
  return undefined;
}

/** The value of a URI parameter, unescaped once; '' for a name alone, undefined when absent. `name` in lower case. */
export function uriParam(uri: SipUri, name: string): string | undefined {
  for (let i = 0; i < uri.params.length; i += 1) {
    const param = uri.params[i];
    if (param !== undefined && param[0] === name) return param[1] === undefined ? '' : unescapeUri(param[1]);
  }
  return undefined;
}

export function formatUri(uri: SipUri): string {
  const params = uri.params
    .map(([name, value]) => (value === undefined ? `;${escapeParam(name)}` : `;${escapeParam(name)}=${value}`))
    .join('');
  if (uri.scheme === 'tel') return `tel:${uri.user}${params}`;
  const password = uri.password === '' ? '' : `:${uri.password}`;
  const userinfo = uri.user === '' ? '' : `${uri.user}${password}@`;
  const port = uri.port === 0 ? '' : `:${uri.port}`;
  const headers = uri.headers.map(([name, value]) => `${name}=${value ?? ''}`).join('&');
  return `${uri.scheme}:${userinfo}${formatHost(uri.host)}${port}${params}${headers === '' ? '' : `?${headers}`}`;
}

/**
 * The address-of-record as one key (RFC 3261 10.3 step 5): no parameters, port or password, host in lower case, scheme
 * `sip` also for sips. The user is put into one form: escapes of characters that need none are resolved, all others stay
 * escaped (so `%00` never shortens a name and `%40` never moves the host).
 */
export function aorOf(uri: SipUri): string {
  if (uri.scheme === 'tel') return `tel:${phoneDigits(uri.user)}`;
  if (uri.user === '') return `sip:${formatHost(uri.host)}`;
  return `sip:${canonicalEscapes(uri.user, USER)}@${formatHost(uri.host)}`;
}

/** RFC 3261 19.1.4. Not transitive, so never a key. */
export function uriEquals(a: SipUri, b: SipUri): boolean {
  if (a.scheme !== b.scheme || a.host !== b.host || a.port !== b.port) return false;
  if (a.scheme === 'tel') return phoneDigits(a.user) === phoneDigits(b.user) && sameParams(a, b) && sameParams(b, a);
  if (canonicalEscapes(a.user, UNRESERVED) !== canonicalEscapes(b.user, UNRESERVED)) return false;
  if (canonicalEscapes(a.password, UNRESERVED) !== canonicalEscapes(b.password, UNRESERVED)) return false;
  return sameParams(a, b) && sameParams(b, a) && sameHeaders(a.headers, b.headers);
}

/** `%XX` resolved once to octets (latin1 characters). */
export function unescapeUri(text: string): string {
  if (!text.includes('%')) return text;
  const parts: string[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const escaped = text.charCodeAt(at) === 0x25 ? escapeAt(text, at, text.length) : -1;
    if (escaped < 0) parts.push(text.charAt(at));
    else {
      parts.push(String.fromCharCode(escaped));
      at += 2;
    }
  }
  return parts.join('');
}

/** Any octets (latin1 characters) as the user part of a URI. */
export function escapeUser(text: string): string {
  return escapeOther(text, USER);
}

function escapeParam(text: string): string {
  return isAll(text, 0, text.length, URI_PARAM) ? text : escapeOther(text, URI_PARAM);
}

function escapeOther(text: string, mask: number): string {
  const parts: string[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    parts.push(is(code, mask) ? text.charAt(at) : `%${(code & 0xff).toString(16).toUpperCase().padStart(2, '0')}`);
  }
  return parts.join('');
}

function sipUriAt(scheme: 'sip' | 'sips', text: string, start: number, end: number): SipUri | undefined {
  let user = '';
  let password = '';
  let at = start;
  const mark = text.indexOf('@', start);
  if (mark >= 0 && mark < end) {
    const colon = text.indexOf(':', start);
    const userEnd = colon >= 0 && colon < mark ? colon : mark;
    if (userEnd === start || !isEscaped(text, start, userEnd, USER)) return undefined;
    user = text.slice(start, userEnd);
    if (userEnd < mark) {
      if (userEnd + 1 < mark && !isEscaped(text, userEnd + 1, mark, PASSWORD)) return undefined;
      password = text.slice(userEnd + 1, mark);
    }
    at = mark + 1;
  }
  const hostEnd = skipHost(text, at, end);
  if (hostEnd < 0) return undefined;
  const host = hostAt(text, at, hostEnd);
  at = hostEnd;
  let port = 0;
  if (at < end && text.charCodeAt(at) === 0x3a) {
    let portEnd = at + 1;
    while (portEnd < end && text.charCodeAt(portEnd) !== 0x3b && text.charCodeAt(portEnd) !== 0x3f) portEnd += 1;
    port = portAt(text, at + 1, portEnd);
    if (port < 0) return undefined;
    at = portEnd;
  }
  const paramsEnd = questionMark(text, at, end);
  const params = at < paramsEnd ? uriParamsAt(text, at, paramsEnd) : noParams;
  if (params === undefined) return undefined;
  const headers = paramsEnd < end ? uriHeadersAt(text, paramsEnd + 1, end) : noParams;
  if (headers === undefined) return undefined;
  return { scheme, user, password, host, port, params, headers };
}

/** RFC 3966 section 3. The phone-context that a local number should have is not demanded. */
function telUriAt(text: string, start: number, end: number): SipUri | undefined {
  let numberEnd = start;
  while (numberEnd < end && is(text.charCodeAt(numberEnd), PHONE)) numberEnd += 1;
  const number = text.slice(start, numberEnd);
  if (phoneDigits(number).length <= (number.startsWith('+') ? 1 : 0) || number.lastIndexOf('+') > 0) return undefined;
  const params = numberEnd < end ? uriParamsAt(text, numberEnd, end) : noParams;
  if (params === undefined) return undefined;
  return { scheme: 'tel', user: number, password: '', host: '', port: 0, params, headers: noParams };
}

function questionMark(text: string, start: number, end: number): number {
  for (let at = start; at < end; at += 1) if (text.charCodeAt(at) === 0x3f) return at;
  return end;
}

/** `;name=value` repeated. A name that occurs twice is refused (RFC 3261 19.1.1): elements would read different ones. */
function uriParamsAt(text: string, start: number, end: number): Params | undefined {
  const params: [string, string | undefined][] = [];
  let at = start;
  while (at < end) {
    if (text.charCodeAt(at) !== 0x3b || params.length === limits.paramsPerValueMax) return undefined;
    const nameStart = at + 1;
    let nameEnd = nameStart;
    while (nameEnd < end && text.charCodeAt(nameEnd) !== 0x3d && text.charCodeAt(nameEnd) !== 0x3b) nameEnd += 1;
    if (!isEscaped(text, nameStart, nameEnd, URI_PARAM)) return undefined;
    const name = unescapeUri(text.slice(nameStart, nameEnd)).toLowerCase();
    for (let i = 0; i < params.length; i += 1) if (params[i]?.[0] === name) return undefined;
    at = nameEnd;
    let value: string | undefined;
    if (at < end && text.charCodeAt(at) === 0x3d) {
      const valueStart = at + 1;
      at = valueStart;
      while (at < end && text.charCodeAt(at) !== 0x3b) at += 1;
      if (at > valueStart && !isEscaped(text, valueStart, at, URI_PARAM)) return undefined;
      value = text.slice(valueStart, at);
    }
    params.push([name, value]);
  }
  return params;
}

function uriHeadersAt(text: string, start: number, end: number): Params | undefined {
  const headers: [string, string | undefined][] = [];
  let at = start;
  while (at <= end) {
    if (headers.length === limits.paramsPerValueMax) return undefined;
    let stop = at;
    let equal = -1;
    for (; stop < end && text.charCodeAt(stop) !== 0x26; stop += 1)
      if (equal < 0 && text.charCodeAt(stop) === 0x3d) equal = stop;
    if (equal < 0 || !isEscaped(text, at, equal, URI_HEADER)) return undefined;
    if (equal + 1 < stop && !isEscaped(text, equal + 1, stop, URI_HEADER)) return undefined;
    headers.push([text.slice(at, equal), text.slice(equal + 1, stop)]);
    at = stop + 1;
  }
  return headers;
}

/** One or more characters of the class, or escapes. */
function isEscaped(text: string, start: number, end: number, mask: number): boolean {
  if (start >= end) return false;
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x25) {
      if (escapeAt(text, at, end) < 0) return false;
      at += 2;
    } else if (!is(code, mask)) return false;
  }
  return true;
}

/** The octet of the escape at a `%`, -1 when two hexadecimal digits do not follow. */
function escapeAt(text: string, at: number, end: number): number {
  if (at + 2 >= end) return -1;
  const high = text.charCodeAt(at + 1);
  const low = text.charCodeAt(at + 2);
  return is(high, HEX) && is(low, HEX) ? (hexValue(high) << 4) | hexValue(low) : -1;
}

function hexValue(code: number): number {
  return code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57;
}

/** Escapes of characters in `plain` resolved, all others in upper case. */
function canonicalEscapes(text: string, plain: number): string {
  if (!text.includes('%')) return text;
  const parts: string[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const octet = text.charCodeAt(at) === 0x25 ? escapeAt(text, at, text.length) : -1;
    if (octet < 0) parts.push(text.charAt(at));
    else {
      parts.push(is(octet, plain) ? String.fromCharCode(octet) : text.slice(at, at + 3).toUpperCase());
      at += 2;
    }
  }
  return parts.join('');
}

/** RFC 3966 section 4: visual separators do not count, letters have no case. */
function phoneDigits(number: string): string {
  const parts: string[] = [];
  for (let at = 0; at < number.length; at += 1) if (!'-.()'.includes(number.charAt(at))) parts.push(number.charAt(at));
  return parts.join('').toLowerCase();
}

/** Parameters that count even when only one URI has them; `transport` is in the examples of 19.1.4. */
const matters: ReadonlySet<string> = new Set(['user', 'ttl', 'method', 'maddr', 'transport']);

function sameParams(a: SipUri, b: SipUri): boolean {
  for (const [name, value] of a.params) {
    const other = b.params.find((param) => param[0] === name);
    if (other === undefined) {
      if (matters.has(name) || a.scheme === 'tel') return false;
    } else if (
      canonicalEscapes(value ?? '', UNRESERVED).toLowerCase() !==
      canonicalEscapes(other[1] ?? '', UNRESERVED).toLowerCase()
    )
      return false;
  }
  return true;
}

function sameHeaders(a: Params, b: Params): boolean {
  if (a.length !== b.length) return false;
  const key = ([name, value]: readonly [string, string | undefined]): string =>
    `${canonicalEscapes(name, UNRESERVED).toLowerCase()}=${canonicalEscapes(value ?? '', UNRESERVED)}`;
  const left = a.map(key).sort();
  const right = b.map(key).sort();
  return left.every((item, i) => item === right[i]);
}
