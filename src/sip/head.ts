/**
 * The index of a message: one pass over the octets of start line and headers, which finds every header line, knows its
 * name, and refuses what no value may contain. Nothing is decoded and nothing allocated per line.
 *
 * Two numbers a line: `id * 2**15 + start of the name`, and `start of the value * 2**15 + end of the value` (both trimmed).
 */
import assert from 'node:assert';
import type { ErrorCode } from '../errors.ts';
import { limits } from '../limits.ts';
import { LWS, TOKEN, is, lower } from './chars.ts';
import { HeaderId, headerFacts, headerIdAt, nameHash } from './header/names.ts';

assert(limits.headBytesMax < 2 ** 15, 'two offsets must fit into one small integer');

/** What the last call of `indexHead` found. Copied by the parser before anything else can run. */
export const head = {
  /** Header lines, two numbers each. */
  lines: Array.from({ length: limits.headerLinesMax * 2 }, () => 0),
  /** Numbers used in `lines`. */
  length: 0,
  /** End of the start line, before its CRLF. */
  startLineEnd: 0,
  /** Position after the empty line: where the body starts. */
  end: 0,
  /** The first header that must not be repeated and is, Unknown when all is well. */
  repeated: HeaderId.Unknown as HeaderId,
  /** How many Content-Length lines there are. */
  contentLengths: 0,
  /** Position in `lines` of the first line of each header, plus one; 0 when absent. By id. */
  first: new Uint16Array(headerFacts.length),
};

const once = new Uint8Array(headerFacts.map((facts) => (facts.once ? 1 : 0)));

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const HTAB = 0x09;
const DEL = 0x7f;

/** Octets of header names in lower case; 0 for octets that no name may have. */
const nameOctets = Uint8Array.from({ length: 256 }, (_, code) => (is(code, TOKEN) ? lower(code) : 0));

/** Fills `head`; returns what is wrong with the octets, undefined when every line is well formed. */
export function indexHead(bytes: Uint8Array): ErrorCode | undefined {
  const end = bytes.length < limits.headBytesMax ? bytes.length : limits.headBytesMax;
  head.length = 0;
  head.repeated = HeaderId.Unknown;
  head.contentLengths = 0;
  head.first.fill(0);
  let at = 0;
  while (at < end) {
    const code = bytes[at] ?? 0;
    if (code === CR) break;
    if ((code < SP && code !== HTAB) || code === DEL) return at === 0 ? 'not-sip' : 'start-line';
    at += 1;
  }
  if (at + 2 >= end) return unfinished(bytes);
  if (at === 0 || bytes[at + 1] !== LF) return at === 0 ? 'not-sip' : 'line-end';
  head.startLineEnd = at;
  at += 2;
  for (;;) {
    if (at + 1 >= end) return unfinished(bytes);
    if (bytes[at] === CR) {
      if (bytes[at + 1] !== LF) return 'line-end';
      head.end = at + 2;
      return undefined;
    }
    if (head.length === limits.headerLinesMax * 2) return 'header-count';
    const next = indexLine(bytes, at, end);
    if (next < 0) return lineFailure;
    at = next;
  }
}

let lineFailure: ErrorCode = 'header-line';

function fail(code: ErrorCode): -1 {
  lineFailure = code;
  return -1;
}

/** One header line with its folds, from its first octet to the first of the next line. */
function indexLine(bytes: Uint8Array, nameStart: number, end: number): number {
  let at = nameStart;
  let hash = 0;
  while (at < end) {
    const folded = nameOctets[bytes[at] ?? 0] ?? 0;
    if (folded === 0) break;
    hash = nameHash(hash, folded);
    at += 1;
  }
  const nameEnd = at;
  if (nameEnd === nameStart || nameEnd - nameStart > limits.headerNameBytesMax) return fail('header-name');
  while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at += 1;
  if (at >= end) return fail(unfinished(bytes));
  if (bytes[at] !== 0x3a) return fail(bytes[at] === CR || bytes[at] === LF ? 'header-line' : 'header-name');
  const from = at + 1;
  at = skipValue(bytes, from, end);
  if (at < 0) return -1;
  let valueStart = from;
  while (valueStart < at && is(bytes[valueStart] ?? 0, LWS)) valueStart += 1;
  let valueEnd = at;
  while (valueEnd > valueStart && is(bytes[valueEnd - 1] ?? 0, LWS)) valueEnd -= 1;
  if (valueEnd - valueStart > limits.headerValueBytesMax) {
    if (unfoldedLength(bytes, valueStart, valueEnd) > limits.headerValueBytesMax) return fail('value-too-long');
  }
  enter(headerIdAt(bytes, nameStart, nameEnd, hash), nameStart, valueStart, valueEnd);
  return at + 2;
}

/** From after the colon to the CR that ends the line; -1 when something in between is refused. */
function skipValue(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  let suspicious = false;
  for (;;) {
    let code = 0;
    for (; at < end; at += 1) {
      code = bytes[at] ?? 0;
      if (code < SP || code === DEL) break;
    }
    if (at + 2 >= end) return fail(unfinished(bytes));
    if (code === CR) {
      if (bytes[at + 1] !== LF) return fail('line-end');
      if (bytes[at + 2] !== SP && bytes[at + 2] !== HTAB) break;
      at += 3;
    } else if (code === LF) return fail('line-end');
    else {
      if (code !== HTAB) suspicious = true;
      at += 1;
    }
  }
  return suspicious && !controlsAreQuoted(bytes, from, at) ? fail('control-octet') : at;
}

function enter(id: HeaderId, nameStart: number, valueStart: number, valueEnd: number): void {
  const position = head.length;
  head.lines[position] = (id << 15) | nameStart;
  head.lines[position + 1] = (valueStart << 15) | valueEnd;
  head.length = position + 2;
  if (id === HeaderId.Unknown) return;
  if (head.first[id] === 0) head.first[id] = position + 1;
  else if (once[id] === 1 && head.repeated === HeaderId.Unknown) head.repeated = id;
  if (id === HeaderId.ContentLength) head.contentLengths += 1;
}

function unfinished(bytes: Uint8Array): ErrorCode {
  return bytes.length > limits.headBytesMax ? 'head-too-large' : 'head-unfinished';
}

/** Control octets are legal as the second half of a quoted-pair in a quoted string, and nowhere else (RFC 3261 25.1). */
function controlsAreQuoted(bytes: Uint8Array, start: number, end: number): boolean {
  let quoted = false;
  for (let at = start; at < end; at += 1) {
    const code = bytes[at] ?? 0;
    if (code === 0x22) quoted = !quoted;
    else if (code === 0x5c && quoted && bytes[at + 1] !== CR) at += 1;
    else if ((code < SP && !is(code, LWS)) || code === DEL) return false;
  }
  return !quoted;
}

/** Length with every fold as one space. */
function unfoldedLength(bytes: Uint8Array, start: number, end: number): number {
  let length = 0;
  for (let at = start; at < end; at += 1) {
    if (bytes[at] !== CR) {
      length += 1;
      continue;
    }
    let before = at;
    while (before > start && is(bytes[before - 1] ?? 0, LWS)) before -= 1;
    length -= at - before - 1;
    while (at + 1 < end && is(bytes[at + 1] ?? 0, LWS)) at += 1;
  }
  return length;
}

/** The Content-Length of the head indexed last: a number, -1 when absent, -2 when malformed or repeated. */
export function contentLength(bytes: Uint8Array): number {
  const first = head.first[HeaderId.ContentLength] ?? 0;
  if (first === 0) return -1;
  const span = head.lines[first] ?? 0;
  const start = span >> 15;
  const end = span & 0x7fff;
  if (head.contentLengths > 1 || start === end || end - start > limits.contentLengthDigitsMax) return -2;
  let length = 0;
  for (let at = start; at < end; at += 1) {
    const code = bytes[at] ?? 0;
    if (code < 0x30 || code > 0x39) return -2;
    length = length * 10 + code - 0x30;
  }
  return length;
}
