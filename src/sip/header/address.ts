/** From, To, Contact, Route and their like: `"name" <uri>;params` or `uri;params` (RFC 3261 20.10, 25.1). */
import { limits } from '../../limits.ts';
import type { ErrorCode } from '../../errors.ts';
import { ALPHA_START, DISPLAY, LWS, TOKEN, URI, is } from '../chars.ts';
import type { Params } from '../params.ts';
import {
  formatParams,
  found,
  foundName,
  noParams,
  readParams,
  skipLws,
  skipParam,
  skipQuoted,
  unfold,
  unquote,
} from '../params.ts';

export interface NameAddr {
  /** As written, quotes included; '' when absent. `displayText` gives the words. */
  readonly displayName: string;
  /** As written, without angle brackets. Any scheme. */
  readonly uri: string;
  /** Parameters of the header value, not of the URI. */
  readonly params: Params;
}

/** Where the last scan found the parts; -1 for what is absent. */
export const scanned = {
  displayStart: 0,
  displayEnd: 0,
  uriStart: 0,
  uriEnd: 0,
  paramsStart: 0,
  tagStart: -1,
  tagEnd: -1,
  /** What was wrong when the scan returned -1: 'tag' when a tag was too long, otherwise the caller knows better. */
  failure: undefined as ErrorCode | undefined,
};

/** One value from `at` to its comma or `end`; returns that position, -1 when it is malformed. */
export function scanAddress(text: string, at: number, end: number): number {
  scanned.failure = undefined;
  scanned.tagStart = -1;
  const start = skipLws(text, at, end);
  scanned.displayStart = start;
  scanned.displayEnd = start;
  const next = scanUri(text, start, end);
  if (next < 0 || scanned.uriEnd - scanned.uriStart > limits.uriBytesMax) return -1;
  scanned.paramsStart = next;
  return scanParams(text, skipLws(text, next, end), end);
}

function scanUri(text: string, start: number, end: number): number {
  const first = text.charCodeAt(start);
  if (first === 0x3c) return scanBracketed(text, start, end);
  if (first === 0x22) {
    const close = skipQuoted(text, start, end);
    if (close < 0) return -1;
    scanned.displayEnd = close;
    return scanBracketed(text, skipLws(text, close, end), end);
  }
  // Tokens: a display name when `<` follows, the scheme of a bare URI when `:` does.
  let next = start;
  let last = start;
  while (next < end && is(text.charCodeAt(next), DISPLAY | LWS)) {
    if (!is(text.charCodeAt(next), LWS)) last = next + 1;
    next += 1;
  }
  if (next >= end || last === start) return -1;
  if (text.charCodeAt(next) === 0x3c) {
    scanned.displayEnd = last;
    return scanBracketed(text, next, end);
  }
  return text.charCodeAt(next) === 0x3a ? scanBare(text, start, end) : -1;
}

function scanBracketed(text: string, at: number, end: number): number {
  if (at >= end || text.charCodeAt(at) !== 0x3c) return -1;
  let next = skipScheme(text, at + 1, end);
  if (next < 0) return -1;
  const body = next;
  while (next < end && is(text.charCodeAt(next), URI)) next += 1;
  if (next === body || next >= end || text.charCodeAt(next) !== 0x3e) return -1;
  scanned.uriStart = at + 1;
  scanned.uriEnd = next;
  return next + 1;
}

/** Without brackets a semicolon starts header parameters, and comma and question mark are forbidden (RFC 3261 20). */
function scanBare(text: string, at: number, end: number): number {
  let next = skipScheme(text, at, end);
  if (next < 0) return -1;
  const body = next;
  for (; next < end; next += 1) {
    const code = text.charCodeAt(next);
    if (code === 0x3b || code === 0x2c || !is(code, URI)) break;
    if (code === 0x3f) return -1;
  }
  if (next === body) return -1;
  scanned.uriStart = at;
  scanned.uriEnd = next;
  return next;
}

/** `scheme:`; returns the position after the colon (RFC 3261 25.1 scheme). */
function skipScheme(text: string, at: number, end: number): number {
  if (!is(text.charCodeAt(at), ALPHA_START)) return -1;
  let next = at;
  while (next < end && is(text.charCodeAt(next), TOKEN)) next += 1;
  return next < end && text.charCodeAt(next) === 0x3a ? next + 1 : -1;
}

function scanParams(text: string, at: number, end: number): number {
  let next = at;
  let count = 0;
  while (next < end && text.charCodeAt(next) === 0x3b) {
    count += 1;
    next = skipParam(text, next + 1, end);
    if (next < 0 || count > limits.paramsPerValueMax) return -1;
    if (found.nameEnd - found.nameStart === 3 && foundName(text, 'tag')) {
      if (scanned.tagStart >= 0 || found.valueStart < 0) return -1;
      if (found.valueEnd - found.valueStart > limits.tagBytesMax) {
        scanned.failure = 'tag';
        return -1;
      }
      scanned.tagStart = found.valueStart;
      scanned.tagEnd = found.valueEnd;
    }
    next = skipLws(text, next, end);
  }
  return next === end || text.charCodeAt(next) === 0x2c ? next : -1;
}

/** The value that the last scan went over; `end` is what it returned. */
export function scannedAddress(text: string, end: number): NameAddr {
  const { displayStart, displayEnd, uriStart, uriEnd, paramsStart } = scanned;
  return {
    displayName: displayEnd === displayStart ? '' : unfold(text.slice(displayStart, displayEnd)),
    uri: text.slice(uriStart, uriEnd),
    params: paramsStart === end ? noParams : readParams(text, paramsStart, end),
  };
}

/** One value; undefined when it is malformed or more follows. */
export function parseAddress(text: string): NameAddr | undefined {
  const end = scanAddress(text, 0, text.length);
  return end === text.length ? scannedAddress(text, end) : undefined;
}

/** A comma-separated list; undefined when any value is malformed. */
export function parseAddresses(text: string): readonly NameAddr[] | undefined {
  let at = scanAddress(text, 0, text.length);
  if (at < 0) return undefined;
  const all = [scannedAddress(text, at)];
  for (at += 1; at <= text.length; at += 1) {
    at = scanAddress(text, at, text.length);
    if (at < 0) return undefined;
    all.push(scannedAddress(text, at));
  }
  return all;
}

/** Always with angle brackets: the form that is never ambiguous. */
export function writeAddress(address: NameAddr): string {
  const display = address.displayName === '' ? '' : `${address.displayName} `;
  return `${display}<${address.uri}>${formatParams(address.params)}`;
}

/** The words of a display name: unquoted, as octets (decode as UTF-8 for people). */
export function displayText(address: NameAddr): string {
  return unquote(address.displayName);
}
