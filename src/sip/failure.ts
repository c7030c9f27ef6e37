/**
 * A message that was refused, with what could be saved of it so that a response can still be built.
 *
 * The saving scan is separate from the parser and forgiving: it takes the first line of each header a response needs
 * (all of them for Via), as long as it is printable, and skips everything else.
 */
import type { ErrorCode } from '../errors.ts';
import { errors } from '../errors.ts';
import { limits } from '../limits.ts';
import { LWS, TOKEN, is, lower } from './chars.ts';
import { HeaderId, headerIdAt, nameHash } from './header/names.ts';
import { unfold } from './params.ts';

export interface PartialMessage {
  /** False also when nobody can tell. */
  readonly isRequest: boolean;
  /** '' when there is none, or it is too long. */
  readonly method: string;
  /** Unfolded values as received, top first; not checked against any grammar. */
  readonly via: readonly string[];
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly callId: string | undefined;
  readonly cseq: string | undefined;
}

export interface ParseFailure {
  readonly failure: ErrorCode;
  /** The SIP status to answer with; 0 = nothing is to be answered. */
  readonly status: number;
  /** The reason phrase of that response. */
  readonly reason: string;
  readonly partial: PartialMessage;
}

/** True for what `parse` returns when it refuses a message. */
export function isFailure<T extends object>(parsed: T | ParseFailure): parsed is ParseFailure {
  return 'failure' in parsed;
}

/** Refuses a message. Responses and ACK are never answered (RFC 3261 8.2.6, 17.1.1.3), so their status is 0. */
export function refuse(bytes: Buffer, code: ErrorCode): ParseFailure {
  const partial = save(bytes);
  const row = errors[code];
  const status = partial.isRequest && partial.method !== 'ACK' ? row.status : 0;
  return { failure: code, status, reason: row.phrase, partial };
}

function save(bytes: Buffer): PartialMessage {
  const text = bytes.toString('latin1', 0, Math.min(bytes.length, limits.headBytesMax));
  const methodEnd = skipMethod(text);
  const isRequest = methodEnd > 0 && text.charCodeAt(methodEnd) === 0x20;
  const kept: (string | undefined)[] = [];
  const via: string[] = [];
  let at = text.indexOf('\r\n') + 2;
  while (at >= 2 && at < text.length && !text.startsWith('\r\n', at)) {
    const end = lineEnd(text, at);
    if (end < 0) break;
    keep(bytes, text, at, end, kept, via);
    at = end + 2;
  }
  return {
    isRequest,
    method: isRequest && methodEnd <= limits.methodBytesMax ? text.slice(0, methodEnd) : '',
    via,
    from: kept[HeaderId.From],
    to: kept[HeaderId.To],
    callId: kept[HeaderId.CallId],
    cseq: kept[HeaderId.CSeq],
  };
}

function skipMethod(text: string): number {
  let at = 0;
  while (at < text.length && is(text.charCodeAt(at), TOKEN)) at += 1;
  return at;
}

/** The end of a header line with its folds; -1 when it does not end. */
function lineEnd(text: string, start: number): number {
  let end = text.indexOf('\r\n', start);
  while (end >= 0 && (text.charCodeAt(end + 2) === 0x20 || text.charCodeAt(end + 2) === 0x09))
    end = text.indexOf('\r\n', end + 2);
  return end;
}

function keep(
  bytes: Buffer,
  text: string,
  start: number,
  end: number,
  kept: (string | undefined)[],
  via: string[],
): void {
  let at = start;
  let hash = 0;
  for (; at < end && is(text.charCodeAt(at), TOKEN); at += 1) hash = nameHash(hash, lower(text.charCodeAt(at)));
  const id = headerIdAt(bytes, start, at, hash);
  if (
    id !== HeaderId.Via &&
    id !== HeaderId.From &&
    id !== HeaderId.To &&
    id !== HeaderId.CallId &&
    id !== HeaderId.CSeq
  )
    return;
  while (at < end && (text.charCodeAt(at) === 0x20 || text.charCodeAt(at) === 0x09)) at += 1;
  if (text.charCodeAt(at) !== 0x3a || end - at > limits.headerValueBytesMax) return;
  if (!isPrintable(text, at + 1, end)) return;
  const value = unfold(text.slice(at + 1, end)).trim();
  if (value === '') return;
  if (id !== HeaderId.Via) kept[id] ??= value;
  else if (via.length < limits.viaValuesMax) via.push(value);
}

/** No control octets, and CR LF only where a line is folded. */
function isPrintable(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x7f || (code < 0x20 && !is(code, LWS))) return false;
    if (code === 0x0d && text.charCodeAt(at + 1) !== 0x0a) return false;
    if (code === 0x0a && text.charCodeAt(at - 1) !== 0x0d) return false;
  }
  return true;
}
