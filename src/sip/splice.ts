/**
 * Changed copies of a received message: every octet that no edit touches leaves as it came (unknown headers, odd case,
 * folds, order of lines). Edits are noted in any order and carried out by `toBuffer`.
 */
import type { Edit } from './edits.ts';
import { writeEdited } from './edits.ts';
import type { SipMessage } from './message.ts';
import { HeaderId, headerName } from './header/names.ts';
import { elementEnd, trimEnd } from './list.ts';
import { markVia } from './mark-via.ts';
import { oneLine, skipLws } from './params.ts';
import * as writer from './writer.ts';

export class Splice {
  readonly #message: SipMessage;
  readonly #edits: Edit[] = [];
  readonly #removed: HeaderId[] = [];
  #appended = '';
  #lastRoutes = '';
  #viasPopped = 0;
  #routesPopped = 0;
  #lastRoutesPopped = 0;

  constructor(message: SipMessage) {
    this.#message = message;
  }

  /** Replaces the Request-URI (RFC 3261 16.6 step 2). */
  requestUri(uri: string): this {
    const start = this.#message.method.length + 1;
    this.#edits.push({ start, end: start + this.#message.requestUri.length, text: oneLine(uri) });
    return this;
  }

  /**
   * Writes where the request came from into its top Via: `received` always wins over what the client wrote, and `rport`
   * is filled in when the client asked for it (RFC 3261 18.2.1, RFC 3581 4). Nothing changes when the sent-by says it all.
   */
  markTopVia(received: string, rport: number): this {
    const span = this.#message.lineIndex[firstLine(this.#message, HeaderId.Via) + 1] ?? 0;
    markVia(this.#message.head, span >> 15, span & 0x7fff, received, rport, this.#edits);
    return this;
  }

  /** Our own Via in front of all others (RFC 3261 16.6 step 8). */
  pushVia(value: string): this {
    return this.push(HeaderId.Via, value);
  }

  /** Takes the top Via value off (RFC 3261 16.7 step 3). */
  popVia(): this {
    this.#viasPopped += 1;
    return this;
  }

  /** Max-Forwards as given; a new line when there was none (RFC 3261 16.6 step 3). */
  maxForwards(hops: number): this {
    const line = firstLine(this.#message, HeaderId.MaxForwards);
    if (line < 0) return this.push(HeaderId.MaxForwards, String(hops));
    const span = this.#message.lineIndex[line + 1] ?? 0;
    this.#edits.push({ start: span >> 15, end: span & 0x7fff, text: String(hops) });
    return this;
  }

  /** A new line in front of the first of its kind; after the Vias when there is none. */
  push(id: HeaderId, value: string): this {
    const line = firstLine(this.#message, id);
    const at = line < 0 ? afterVias(this.#message) : lineStart(this.#message, line);
    this.#edits.push({ start: at, end: at, text: `${headerName(id)}: ${oneLine(value)}\r\n` });
    return this;
  }

  /** Takes the first `count` Route values off (RFC 3261 16.4). */
  popRoute(count: number): this {
    this.#routesPopped += count;
    return this;
  }

  /** Takes the last Route value off: it goes back into the Request-URI when a strict router sent the request (16.4). */
  popLastRoute(): this {
    this.#lastRoutesPopped += 1;
    return this;
  }

  /** A Route value after all others: where the Request-URI goes when the next hop is a strict router (16.6 step 6). */
  pushLastRoute(value: string): this {
    if (lastLine(this.#message, HeaderId.Route) < 0) return this.push(HeaderId.Route, value);
    this.#lastRoutes += `Route: ${oneLine(value)}\r\n`;
    return this;
  }

  /** Takes all lines of a header out. Lines pushed or appended by this splice stay. */
  remove(id: HeaderId): this {
    this.#removed.push(id);
    return this;
  }

  /** A new line after all others. */
  append(name: string, value: string): this {
    this.#appended += `${name}: ${oneLine(value)}\r\n`;
    return this;
  }

  /** Adds the Content-Length that a message from a datagram may lack, before it goes to a stream (RFC 3261 16.6 step 9). */
  ensureContentLength(): this {
    const message = this.#message;
    if (message.has(HeaderId.ContentLength)) return this;
    return this.append('Content-Length', String(message.bytes.length - message.head.length));
  }

  toBuffer(): Buffer {
    const { bytes, head } = this.#message;
    const edits = this.#edits.slice();
    if (this.#viasPopped > 0) cutValues(this.#message, HeaderId.Via, this.#viasPopped, 0, edits);
    if (this.#routesPopped + this.#lastRoutesPopped > 0) {
      cutValues(this.#message, HeaderId.Route, this.#routesPopped, this.#lastRoutesPopped, edits);
    }
    for (let i = 0; i < this.#removed.length; i += 1)
      cutLines(this.#message, this.#removed[i] ?? HeaderId.Unknown, edits);
    if (this.#lastRoutes !== '') {
      const at = lineStart(this.#message, lastLine(this.#message, HeaderId.Route) + 2);
      edits.push({ start: at, end: at, text: this.#lastRoutes });
    }
    writer.start();
    writeEdited(bytes, 0, head.length - 2, edits);
    writer.text(this.#appended);
    writer.octets(bytes, head.length - 2, bytes.length);
    return writer.take();
  }
}

function firstLine(message: SipMessage, id: HeaderId): number {
  const index = message.lineIndex;
  for (let line = 0; line < index.length; line += 2) if ((index[line] ?? 0) >> 15 === id) return line;
  return -1;
}

function lastLine(message: SipMessage, id: HeaderId): number {
  const index = message.lineIndex;
  for (let line = index.length - 2; line >= 0; line -= 2) if ((index[line] ?? 0) >> 15 === id) return line;
  return -1;
}

/** The first octet of a line; of the empty line for the position after the last. */
function lineStart(message: SipMessage, line: number): number {
  const index = message.lineIndex;
  return line < index.length ? (index[line] ?? 0) & 0x7fff : message.head.length - 2;
}

function afterVias(message: SipMessage): number {
  return lineStart(message, lastLine(message, HeaderId.Via) + 2);
}

function cutLines(message: SipMessage, id: HeaderId, edits: Edit[]): void {
  const index = message.lineIndex;
  for (let line = 0; line < index.length; line += 2) {
    if ((index[line] ?? 0) >> 15 === id)
      edits.push({ start: lineStart(message, line), end: lineStart(message, line + 2), text: '' });
  }
}

/** Cuts the first `first` and the last `last` values of a list header, which may share lines with others that stay. */
function cutValues(message: SipMessage, id: HeaderId, first: number, last: number, edits: Edit[]): void {
  const index = message.lineIndex;
  const total = last === 0 ? Number.POSITIVE_INFINITY : countValues(message, id);
  let seen = 0;
  for (let line = 0; line < index.length; line += 2) {
    if ((index[line] ?? 0) >> 15 !== id) continue;
    if (seen >= first && last === 0) return;
    const span = index[line + 1] ?? 0;
    const end = span & 0x7fff;
    let keptStart = -1;
    let keptEnd = -1;
    for (let at = span >> 15; at < end;) {
      const stop = elementEnd(message.head, at, end);
      if (seen >= first && seen < total - last) {
        if (keptStart < 0) keptStart = skipLws(message.head, at, stop);
        keptEnd = trimEnd(message.head, keptStart, stop);
      }
      seen += 1;
      at = stop + 1;
    }
    if (keptStart < 0) edits.push({ start: lineStart(message, line), end: lineStart(message, line + 2), text: '' });
    else {
      if (keptStart > span >> 15) edits.push({ start: span >> 15, end: keptStart, text: '' });
      if (keptEnd < end) edits.push({ start: keptEnd, end, text: '' });
    }
  }
}

function countValues(message: SipMessage, id: HeaderId): number {
  const index = message.lineIndex;
  let count = 0;
  for (let line = 0; line < index.length; line += 2) {
    if ((index[line] ?? 0) >> 15 !== id) continue;
    const span = index[line + 1] ?? 0;
    for (let at = span >> 15; at < (span & 0x7fff); at = elementEnd(message.head, at, span & 0x7fff) + 1) count += 1;
  }
  return count;
}
