/** Via: the way back of a response (RFC 3261 20.42, RFC 3581 `rport`). */
import { limits } from '../../limits.ts';
import type { ErrorCode } from '../../errors.ts';
import { isWord } from '../chars.ts';
import { addressAt, formatHost, hostAt, portAt, skipHost } from '../host.ts';
import type { Params } from '../params.ts';
import { findParam, formatParams, found, foundName, readParams, skipLws, skipParam, skipToken } from '../params.ts';

/** The cookie that says: this branch is unique (RFC 3261 8.1.1.7). */
export const magicCookie = 'z9hG4bK';

export class Via {
  /** Upper case: `UDP`, `TCP`, `TLS`, `WS`, ... */
  readonly transport: string;
  /** Lower case, IPv6 without brackets. */
  readonly host: string;
  /** 0 when absent. */
  readonly port: number;
  /** '' when absent. */
  readonly branch: string;
  /** An IP address without brackets. */
  readonly received: string | undefined;
  /** 0 for the parameter without a value, with which a client asks for its port. */
  readonly rport: number | undefined;
  readonly #text: string;
  readonly #paramsStart: number;
  readonly #end: number;

  constructor(text: string, end: number) {
    this.transport = transportAt(text, scanned.transportStart, scanned.transportEnd);
    this.host = hostAt(text, scanned.hostStart, scanned.hostEnd);
    this.port = scanned.port;
    this.branch = scanned.branchStart < 0 ? '' : text.slice(scanned.branchStart, scanned.branchEnd);
    this.received = scanned.receivedStart < 0 ? undefined : addressAt(text, scanned.receivedStart, scanned.receivedEnd);
    this.rport = scanned.rport < 0 ? undefined : scanned.rport;
    this.#text = text;
    this.#paramsStart = scanned.paramsStart;
    this.#end = end;
  }

  /** All parameters as written: ttl, maddr, and those nobody knows. */
  get params(): Params {
    return readParams(this.#text, this.#paramsStart, this.#end);
  }

  get ttl(): number | undefined {
    const text = findParam(this.params, 'ttl');
    return text === undefined ? undefined : Number.parseInt(text, 10);
  }

  get maddr(): string | undefined {
    return findParam(this.params, 'maddr');
  }
}

/** Where the last scan found the parts; -1 for what is absent. */
export const scanned = {
  failure: 'via' as ErrorCode,
  transportStart: 0,
  transportEnd: 0,
  hostStart: 0,
  hostEnd: 0,
  port: 0,
  paramsStart: 0,
  branchStart: -1,
  branchEnd: -1,
  receivedStart: -1,
  receivedEnd: -1,
  rport: -1,
  /** From the `;` to the end of the parameter: what an edit replaces. */
  receivedFrom: -1,
  rportFrom: -1,
  rportEnd: -1,
};

/** One Via value from `at` to its comma or `end`; returns that position, -1 (and `scanned.failure`) when it is malformed. */
export function scanVia(text: string, at: number, end: number): number {
  scanned.failure = 'via';
  scanned.branchStart = -1;
  scanned.receivedStart = -1;
  scanned.receivedFrom = -1;
  scanned.rport = -1;
  scanned.rportFrom = -1;
  let next = skipProtocol(text, skipLws(text, at, end), end);
  if (next < 0) return -1;
  scanned.transportStart = next;
  next = skipToken(text, next, end);
  scanned.transportEnd = next;
  if (next === scanned.transportStart) return -1;
  scanned.hostStart = skipLws(text, next, end);
  if (scanned.hostStart === next) return -1;
  next = skipHost(text, scanned.hostStart, end);
  if (next < 0) return -1;
  scanned.hostEnd = next;
  scanned.port = 0;
  next = skipLws(text, next, end);
  if (next < end && text.charCodeAt(next) === 0x3a) {
    const portStart = skipLws(text, next + 1, end);
    const portEnd = skipToken(text, portStart, end);
    // Port 0 fits the grammar (25.1, `1*DIGIT`) and SIPp writes it with a socket per call: as good as none.
    const isZero = portEnd - portStart === 1 && text.charCodeAt(portStart) === 0x30;
    scanned.port = isZero ? 0 : portAt(text, portStart, portEnd);
    if (scanned.port < 0) return -1;
    next = skipLws(text, portEnd, end);
  }
  scanned.paramsStart = next;
  return scanViaParams(text, next, end);
}

function scanViaParams(text: string, at: number, end: number): number {
  let next = at;
  let count = 0;
  while (next < end && text.charCodeAt(next) === 0x3b) {
    const from = next;
    count += 1;
    next = skipParam(text, next + 1, end);
    if (next < 0 || count > limits.paramsPerValueMax || !keepParam(text, from)) return -1;
    next = skipLws(text, next, end);
  }
  return next === end || text.charCodeAt(next) === 0x2c ? next : -1;
}

/** False when a parameter we act on is malformed or there twice. */
function keepParam(text: string, from: number): boolean {
  const length = found.nameEnd - found.nameStart;
  if (length === 6 && foundName(text, 'branch')) {
    if (scanned.branchStart >= 0 || found.valueStart < 0 || text.charCodeAt(found.valueStart) === 0x22) return false;
    if (found.valueEnd - found.valueStart > limits.branchBytesMax) {
      scanned.failure = 'branch';
      return false;
    }
    scanned.branchStart = found.valueStart;
    scanned.branchEnd = found.valueEnd;
  } else if (length === 8 && foundName(text, 'received')) {
    if (scanned.receivedStart >= 0 || found.valueStart < 0) return false;
    if (addressAt(text, found.valueStart, found.valueEnd) === undefined) return false;
    scanned.receivedFrom = from;
    scanned.receivedStart = found.valueStart;
    scanned.receivedEnd = found.valueEnd;
  } else if (length === 5 && foundName(text, 'rport')) {
    if (scanned.rport >= 0) return false;
    scanned.rport = found.valueStart < 0 ? 0 : portAt(text, found.valueStart, found.valueEnd);
    if (scanned.rport < 0) return false;
    scanned.rportFrom = from;
    scanned.rportEnd = found.valueStart < 0 ? found.nameEnd : found.valueEnd;
  }
  return true;
}

/** `SIP / 2.0 /` with white space anywhere between; returns the start of the transport. */
function skipProtocol(text: string, at: number, end: number): number {
  if (text.startsWith('SIP/2.0/', at) && at + 8 < end) return skipLws(text, at + 8, end); // As everybody writes it.
  const nameEnd = skipToken(text, at, end);
  if (!isWord(text, at, nameEnd, 'sip')) return -1;
  let next = skipSlash(text, nameEnd, end);
  if (next < 0) return -1;
  const versionEnd = skipToken(text, next, end);
  if (!isWord(text, next, versionEnd, '2.0')) return -1;
  next = skipSlash(text, versionEnd, end);
  return next;
}

function skipSlash(text: string, at: number, end: number): number {
  const slash = skipLws(text, at, end);
  return slash < end && text.charCodeAt(slash) === 0x2f ? skipLws(text, slash + 1, end) : -1;
}

const transports = ['UDP', 'TCP', 'TLS', 'WS', 'WSS', 'SCTP'] as const;

function transportAt(text: string, start: number, end: number): string {
  for (let i = 0; i < transports.length; i += 1) {
    const name = transports[i] ?? '';
    if (name.length === end - start && text.startsWith(name, start)) return name;
  }
  return text.slice(start, end).toUpperCase();
}

/** One Via value; undefined when it is malformed. */
export function parseVia(text: string): Via | undefined {
  const end = text.length;
  return scanVia(text, 0, end) === end ? new Via(text, end) : undefined;
}

export function writeVia(via: { transport: string; host: string; port: number; params: Params }): string {
  const port = via.port === 0 ? '' : `:${via.port}`;
  return `SIP/2.0/${via.transport} ${formatHost(via.host)}${port}${formatParams(via.params)}`;
}
