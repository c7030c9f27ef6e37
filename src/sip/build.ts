/** Messages of our own: responses (RFC 3261 8.2.6), ACK of a final response (17.1.1.3), CANCEL (9.1). */
import type { ParseFailure } from './failure.ts';
import type { Edit } from './edits.ts';
import { writeEdited } from './edits.ts';
import { HeaderId } from './header/names.ts';
import { parseAddress } from './header/address.ts';
import type { SipMessage } from './message.ts';
import { makesDialog } from './method.ts';
import { markVia } from './mark-via.ts';
import { oneLine } from './params.ts';
import { reasonPhrase } from './status.ts';
import * as writer from './writer.ts';

export interface Source {
  /** IP address of the peer, IPv6 without brackets. */
  readonly address: string;
  readonly port: number;
}

export interface ResponseOptions {
  readonly reason?: string;
  /** For the To of responses other than 100, when the request has none there (8.2.6.2). */
  readonly toTag?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Octets, or text that is sent as UTF-8. */
  readonly body?: Uint8Array | string;
  /** Where the request came from: goes into the top Via (18.2.1, RFC 3581). */
  readonly received?: Source;
}

/** A response to a request, ready for the wire. */
export function response(request: SipMessage, status: number, options: ResponseOptions = {}): Buffer {
  writer.start();
  writer.text('SIP/2.0 ');
  writer.text(String(status));
  writer.text(' ');
  writer.text(oneLine(options.reason ?? reasonPhrase(status)));
  writer.text('\r\n');
  copyVias(request, options.received);
  // RFC 3261 12.1.1: the route set of the dialog that this response may make.
  if (status > 100 && status < 300 && makesDialog(request.method)) copyLines(request, HeaderId.RecordRoute);
  copyLines(request, HeaderId.From);
  if (status > 100 && request.toTag === '' && options.toTag !== undefined)
    copyWith(request, HeaderId.To, options.toTag);
  else copyLines(request, HeaderId.To);
  copyLines(request, HeaderId.CallId);
  copyLines(request, HeaderId.CSeq);
  if (status === 100) copyLines(request, HeaderId.Timestamp); // RFC 3261 8.2.6.1
  if (options.headers !== undefined) for (const [name, value] of options.headers) writer.line(name, value);
  finish(options.body);
  return writer.take();
}

/**
 * The response to a message that did not parse, from what could be saved of it; undefined when it gets none: not a
 * request, an ACK, or with neither Via nor Call-ID, so nothing of SIP. It goes to the source of the packet, whatever the
 * Via says.
 */
export function failureResponse(failure: ParseFailure, source: Source): Buffer | undefined {
  const { partial, status } = failure;
  const top = partial.via[0];
  if (status === 0 || (top === undefined && partial.callId === undefined)) return undefined;
  writer.start();
  writer.text(`SIP/2.0 ${status} ${failure.reason}\r\n`);
  if (top !== undefined) markedLine(top, source);
  for (const value of partial.via.slice(1)) writer.line('Via', value);
  if (partial.from !== undefined) writer.line('From', partial.from);
  if (partial.to !== undefined) writer.line('To', tagged(partial.to, partial));
  if (partial.callId !== undefined) writer.line('Call-ID', partial.callId);
  if (partial.cseq !== undefined) writer.line('CSeq', partial.cseq);
  finish(undefined);
  return writer.take();
}

/** The ACK of a final response other than 2xx, on the branch of the INVITE as it was sent (RFC 3261 17.1.1.3). */
export function ack(inviteAsSent: SipMessage, final: SipMessage): Buffer {
  startRequest('ACK', inviteAsSent);
  copyLines(final, HeaderId.To);
  finishRequest('ACK', inviteAsSent);
  finish(undefined);
  return writer.take();
}

/** The CANCEL of an INVITE as it was sent (RFC 3261 9.1); `reason` is a value of the Reason header (RFC 3326). */
export function cancel(inviteAsSent: SipMessage, reason?: string): Buffer {
  startRequest('CANCEL', inviteAsSent);
  copyLines(inviteAsSent, HeaderId.To);
  finishRequest('CANCEL', inviteAsSent);
  if (reason !== undefined) writer.line('Reason', reason);
  finish(undefined);
  return writer.take();
}

function startRequest(method: string, invite: SipMessage): void {
  writer.start();
  writer.text(method);
  writer.octets(invite.bytes, invite.method.length, invite.startLineEnd + 2);
  writer.line('Via', invite.header(HeaderId.Via) ?? '');
  writer.text('Max-Forwards: 70\r\n');
  copyLines(invite, HeaderId.Route);
  copyLines(invite, HeaderId.From);
}

function finishRequest(method: string, invite: SipMessage): void {
  copyLines(invite, HeaderId.CallId);
  writer.text('CSeq: ');
  writer.text(String(invite.cseq));
  writer.text(' ');
  writer.text(method);
  writer.text('\r\n');
}

/** Content-Length, the empty line and the body. */
function finish(body: Uint8Array | string | undefined): void {
  if (body === undefined) {
    writer.text('Content-Length: 0\r\n\r\n');
    return;
  }
  const octets =
    typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  writer.line('Content-Length', String(octets.length));
  writer.text('\r\n');
  writer.octets(octets, 0, octets.length);
}

/** Vias in their order, the top one with the source of the request. */
function copyVias(request: SipMessage, source: Source | undefined): void {
  const index = request.lineIndex;
  let top = true;
  for (let line = 0; line < index.length; line += 2) {
    if ((index[line] ?? 0) >> 15 !== HeaderId.Via) continue;
    if (top && source !== undefined) copyMarkedVia(request, line, source);
    else copyLine(request, line);
    top = false;
  }
}

/** Every line of a header, octet for octet. */
function copyLines(message: SipMessage, id: HeaderId): void {
  const index = message.lineIndex;
  for (let line = 0; line < index.length; line += 2) if ((index[line] ?? 0) >> 15 === id) copyLine(message, line);
}

function copyLine(message: SipMessage, line: number): void {
  writer.octets(message.bytes, (message.lineIndex[line] ?? 0) & 0x7fff, lineEnd(message, line));
}

function copyMarkedVia(message: SipMessage, line: number, source: Source): void {
  const edits: Edit[] = [];
  const span = message.lineIndex[line + 1] ?? 0;
  markVia(message.head, span >> 15, span & 0x7fff, source.address, source.port, edits);
  writeEdited(message.bytes, (message.lineIndex[line] ?? 0) & 0x7fff, lineEnd(message, line), edits);
}

/** Position after the CRLF of a line. */
function lineEnd(message: SipMessage, line: number): number {
  const index = message.lineIndex;
  return line + 2 < index.length ? (index[line + 2] ?? 0) & 0x7fff : message.head.length - 2;
}

/** The To line with a tag at its end. */
function copyWith(message: SipMessage, id: HeaderId, tag: string): void {
  const index = message.lineIndex;
  for (let line = 0; line < index.length; line += 2) {
    if ((index[line] ?? 0) >> 15 !== id) continue;
    writer.octets(message.bytes, (index[line] ?? 0) & 0x7fff, (index[line + 1] ?? 0) & 0x7fff);
    writer.text(';tag=');
    writer.text(tag);
    writer.text('\r\n');
  }
}

/** A Via line with the source of the request; the value as it came when it is malformed. */
function markedLine(value: string, source: Source): void {
  const bytes = Buffer.from(value, 'latin1');
  const edits: Edit[] = [];
  markVia(value, 0, value.length, source.address, source.port, edits);
  writer.text('Via: ');
  writeEdited(bytes, 0, bytes.length, edits);
  writer.text('\r\n');
}

/** A To with a tag, the same for every repetition of the same bad request, since nobody keeps state for it. */
function tagged(to: string, partial: ParseFailure['partial']): string {
  const address = parseAddress(to);
  if (address === undefined || address.params.some(([name]) => name === 'tag')) return to;
  return `${to};tag=${fingerprint(`${partial.via[0] ?? ''} ${partial.callId ?? ''} ${partial.cseq ?? ''}`)}`;
}

/** 32-bit FNV-1a in hexadecimal. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
