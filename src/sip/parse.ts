/**
 * Octets to message. Everything that decides how a message is framed, matched, answered or placed is validated here,
 * before anything acts on it; the rest is read when somebody asks.
 */
import type { ErrorCode } from '../errors.ts';
import { limits } from '../limits.ts';
import { TOKEN, URI, VISIBLE, is, isAll, isWord } from './chars.ts';
import type { ParseFailure } from './failure.ts';
import { isFailure, refuse } from './failure.ts';
import { contentLength, head, indexHead } from './head.ts';
import { scanAddress, scanned as address } from './header/address.ts';
import { scanCSeq, scanned as cseq } from './header/cseq.ts';
import { HeaderId } from './header/names.ts';
import { digitsAt } from './header/number.ts';
import { Via, magicCookie, scanVia, scanned as via } from './header/via.ts';
import { SipMessage } from './message.ts';
import { isKnownMethod, methods } from './method.ts';
import type { SipUri } from './uri.ts';
import { uriAt } from './uri.ts';

export { isFailure };
export type { ParseFailure };

/**
 * One message. A datagram (`stream` false) may lack Content-Length, and octets after its body are ignored (RFC 3261 18.3).
 * `bytes` is kept by the message: nobody may write into it afterwards.
 */
export function parse(bytes: Buffer, stream: boolean): SipMessage | ParseFailure {
  const broken = indexHead(bytes);
  if (broken !== undefined) return refuse(bytes, broken);
  const text = bytes.toString('latin1', 0, head.end);
  const code = readStartLine(text) ?? readValues(bytes, text, stream);
  if (code !== undefined) return refuse(bytes, code);
  draft.bytes = draft.end === bytes.length ? bytes : bytes.subarray(0, draft.end);
  draft.head = text;
  draft.lines = head.lines.slice(0, head.length);
  draft.startLineEnd = head.startLineEnd;
  return new SipMessage(draft);
}

/** The values of the message being parsed, before it exists. */
const draft = {
  bytes: Buffer.alloc(0) as Buffer,
  head: '',
  lines: [] as readonly number[],
  startLineEnd: 0,
  end: 0,
  method: '',
  status: 0,
  reason: '',
  requestUri: '',
  uri: undefined as SipUri | undefined,
  callId: '',
  cseq: 0,
  cseqMethod: '',
  fromTag: '',
  toTag: '',
  maxForwards: -1,
  topVia: undefined as unknown as Via,
  viaCount: 0,
};

function readStartLine(text: string): ErrorCode | undefined {
  const end = head.startLineEnd;
  draft.status = 0;
  draft.reason = '';
  draft.requestUri = '';
  draft.uri = undefined;
  if (isWord(text, 0, 4, 'sip/')) return readStatusLine(text, end);
  let methodEnd = 0;
  while (methodEnd < end && is(text.charCodeAt(methodEnd), TOKEN)) methodEnd += 1;
  if (methodEnd === 0 || text.charCodeAt(methodEnd) !== 0x20) return 'start-line';
  if (methodEnd > limits.methodBytesMax) return 'method-too-long';
  draft.method = methodAt(text, 0, methodEnd);
  const uriStart = methodEnd + 1;
  const uriEnd = text.indexOf(' ', uriStart);
  if (uriEnd <= uriStart || uriEnd >= end) return 'start-line';
  if (uriEnd - uriStart > limits.uriBytesMax) return 'uri-too-long';
  if (!isWord(text, uriEnd + 1, end, 'sip/2.0')) return isVersion(text, uriEnd + 1, end) ? 'version' : 'start-line';
  return readRequestUri(text, uriStart, uriEnd);
}

/** `SIP/` digits `.` digits: another version, not another protocol. */
function isVersion(text: string, start: number, end: number): boolean {
  const dot = text.indexOf('.', start);
  if (!isWord(text, start, start + 4, 'sip/') || dot < 0) return false;
  return digitsAt(text, start + 4, dot, 1e9) >= 0 && digitsAt(text, dot + 1, end, 1e9) >= 0;
}

function readRequestUri(text: string, start: number, end: number): ErrorCode | undefined {
  draft.requestUri = text.slice(start, end);
  const uri = uriAt(text, start, end);
  draft.uri = uri;
  // RFC 3261 19.1.1 table: a Request-URI has no headers part.
  if (uri !== undefined) return uri.headers.length === 0 ? undefined : 'request-uri';
  const colon = text.indexOf(':', start);
  if (colon < 0 || colon + 1 >= end || !isAll(text, start, colon, TOKEN) || !isAll(text, start, end, URI))
    return 'request-uri';
  const ours =
    isWord(text, start, colon, 'sip') || isWord(text, start, colon, 'sips') || isWord(text, start, colon, 'tel');
  return ours ? 'request-uri' : undefined;
}

/** `SIP/2.0 SP 3DIGIT SP phrase`. Three digits from 100 to 699 and nothing else (RFC 4475 3.1.2.19). */
function readStatusLine(text: string, end: number): ErrorCode | undefined {
  if (!isWord(text, 0, 8, 'sip/2.0 ') || end < 12 || text.charCodeAt(11) !== 0x20) return 'status-line';
  const status = digitsAt(text, 8, 11, 699);
  if (status < 100) return 'status-line';
  draft.status = status;
  draft.reason = text.slice(12, end);
  return undefined;
}

function readValues(bytes: Buffer, text: string, stream: boolean): ErrorCode | undefined {
  if (head.repeated !== HeaderId.Unknown)
    return head.repeated === HeaderId.ContentLength ? 'content-length' : 'repeated-header';
  return readCSeq(text) ?? readIdentity(text) ?? readLists(text) ?? readLengths(bytes, text, stream);
}

function readCSeq(text: string): ErrorCode | undefined {
  const first = head.first[HeaderId.CSeq] ?? 0;
  if (first === 0) return 'missing-header';
  const span = head.lines[first] ?? 0;
  if (!scanCSeq(text, span >> 15, span & 0x7fff)) return 'cseq';
  draft.cseq = cseq.number;
  draft.cseqMethod = methodAt(text, cseq.methodStart, cseq.methodEnd);
  if (draft.status !== 0) draft.method = draft.cseqMethod;
  else if (draft.method !== draft.cseqMethod) return isKnownMethod(draft.method) ? 'cseq-method' : 'unknown-method';
  return undefined;
}

/** Call-ID, From and To: what names the dialog. */
function readIdentity(text: string): ErrorCode | undefined {
  const callId = head.first[HeaderId.CallId] ?? 0;
  const from = head.first[HeaderId.From] ?? 0;
  const to = head.first[HeaderId.To] ?? 0;
  if (callId === 0 || from === 0 || to === 0) return 'missing-header';
  const span = head.lines[callId] ?? 0;
  const start = span >> 15;
  const end = span & 0x7fff;
  if (end - start > limits.callIdBytesMax || !isAll(text, start, end, VISIBLE)) return 'call-id';
  draft.callId = text.slice(start, end);
  if (!isOneAddress(text, head.lines[from] ?? 0)) return address.failure ?? 'from';
  draft.fromTag = address.tagStart < 0 ? '' : text.slice(address.tagStart, address.tagEnd);
  if (!isOneAddress(text, head.lines[to] ?? 0)) return address.failure ?? 'to';
  draft.toTag = address.tagStart < 0 ? '' : text.slice(address.tagStart, address.tagEnd);
  return undefined;
}

function isOneAddress(text: string, span: number): boolean {
  return scanAddress(text, span >> 15, span & 0x7fff) === (span & 0x7fff);
}

/** Every value of Via, Contact, Route and Record-Route, and the counts that are limited. */
function readLists(text: string): ErrorCode | undefined {
  let vias = 0;
  let contacts = 0;
  let star = false;
  let routes = 0;
  let recordRoutes = 0;
  let authorizations = 0;
  for (let line = 0; line < head.length; line += 2) {
    const id = (head.lines[line] ?? 0) >> 15;
    const span = head.lines[line + 1] ?? 0;
    const start = span >> 15;
    const end = span & 0x7fff;
    if (id === HeaderId.Via) {
      vias = scanVias(text, start, end, vias);
      if (vias < 0) return via.failure;
      if (vias > limits.viaValuesMax) return 'via-count';
    } else if (id === HeaderId.Contact) {
      if (end - start === 1 && text.charCodeAt(start) === 0x2a) {
        if (contacts > 0 || star) return 'contact';
        star = true;
        continue;
      }
      const count = countAddresses(text, start, end);
      if (count < 0 || star) return 'contact';
      contacts += count;
    } else if (id === HeaderId.Route) {
      const count = countAddresses(text, start, end);
      if (count < 0) return 'route';
      routes += count;
    } else if (id === HeaderId.RecordRoute) {
      const count = countAddresses(text, start, end);
      if (count < 0) return 'record-route';
      recordRoutes += count;
    } else if (id === HeaderId.Authorization || id === HeaderId.ProxyAuthorization) authorizations += 1;
  }
  if (vias === 0) return 'missing-header';
  draft.viaCount = vias;
  if (star && draft.method !== 'REGISTER') return 'contact';
  if (contacts > limits.contactsPerRegisterMax && draft.method === 'REGISTER') return 'contact-count';
  if (routes > limits.routeValuesMax) return 'route-count';
  if (recordRoutes > limits.recordRouteValuesMax) return 'record-route-count';
  return authorizations > limits.authorizationValuesMax ? 'authorization-count' : undefined;
}

/** The Via values of one line, the very first of the message kept; returns how many there are by now, -1 for a bad one. */
function scanVias(text: string, start: number, end: number, before: number): number {
  let count = before;
  for (let at = start; ; at += 1) {
    at = scanVia(text, at, end);
    if (at < 0) return -1;
    if (count === 0) {
      draft.topVia = new Via(text, at);
      if (draft.topVia.branch === magicCookie) {
        via.failure = 'branch';
        return -1;
      }
    }
    count += 1;
    if (at === end || count > limits.viaValuesMax) return count;
  }
}

function countAddresses(text: string, start: number, end: number): number {
  let count = 0;
  for (let at = start; ; at += 1) {
    at = scanAddress(text, at, end);
    if (at < 0) return -1;
    count += 1;
    if (at === end) return count;
  }
}

/** Max-Forwards and Content-Length. */
function readLengths(bytes: Buffer, text: string, stream: boolean): ErrorCode | undefined {
  const first = head.first[HeaderId.MaxForwards] ?? 0;
  const span = head.lines[first] ?? 0;
  draft.maxForwards = first === 0 ? -1 : digitsAt(text, span >> 15, span & 0x7fff, 255);
  const length = contentLength(bytes);
  if (length === -2) return 'content-length';
  if (length === -1) {
    if (stream) return 'content-length-missing';
    draft.end = bytes.length;
    return bytes.length - head.end > limits.bodyBytesMax ? 'body-too-large' : undefined;
  }
  draft.end = head.end + length;
  if (stream && length > limits.bodyBytesMax) return 'body-too-large';
  return draft.end > bytes.length ? 'body-short' : undefined;
}

/** The method between two positions; one of our own strings when we know it, so that comparing it is cheap. */
function methodAt(text: string, start: number, end: number): string {
  for (let i = 0; i < methods.length; i += 1) {
    const name = methods[i] ?? '';
    if (name.length === end - start && text.startsWith(name, start)) return name;
  }
  return text.slice(start, end);
}
