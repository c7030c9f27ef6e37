/**
 * A SIP message as a view on its octets: what every layer needs is read when it is parsed, the rest when it is asked for.
 *
 * Strings are latin1 decodes (one character per octet), so that they can go back to the wire octet for octet. Instances
 * are made by `parse` alone and never change; `Splice` writes changed copies.
 */
import { HeaderId, headerFacts, headerIdOf } from './header/names.ts';
import { lower } from './chars.ts';
import type { NameAddr } from './header/address.ts';
import { parseAddress, parseAddresses } from './header/address.ts';
import type { Via } from './header/via.ts';
import { unfold } from './params.ts';
import { splitList } from './list.ts';
import { parseUri } from './uri.ts';
import type { SipUri } from './uri.ts';

/** What `parse` hands over. */
export interface Outline {
  readonly bytes: Buffer;
  /** Start line and headers with the empty line, decoded as latin1. */
  readonly head: string;
  /** The index of `head.ts`: two numbers a header line. */
  readonly lines: readonly number[];
  readonly startLineEnd: number;
  readonly method: string;
  readonly status: number;
  readonly reason: string;
  readonly requestUri: string;
  readonly uri: SipUri | undefined;
  readonly callId: string;
  readonly cseq: number;
  readonly cseqMethod: string;
  readonly fromTag: string;
  readonly toTag: string;
  readonly topVia: Via;
  readonly viaCount: number;
  readonly maxForwards: number;
}

export class SipMessage {
  /** Exactly this message, from its start line to the end of its body. */
  readonly bytes: Buffer;
  readonly isRequest: boolean;
  /** Of a response: the method of its CSeq. */
  readonly method: string;
  /** 0 for requests. */
  readonly status: number;
  readonly reason: string;
  /** As written; '' for responses. */
  readonly requestUri: string;
  /** The parsed Request-URI; undefined when its scheme is none of sip, sips and tel (416 is the router's answer). */
  readonly uri: SipUri | undefined;
  readonly callId: string;
  readonly cseq: number;
  readonly cseqMethod: string;
  /** '' when absent (RFC 2543). */
  readonly fromTag: string;
  /** '' when absent. */
  readonly toTag: string;
  readonly topVia: Via;
  /** Values of Via. */
  readonly viaCount: number;
  /** -1 when absent, or not a number from 0 to 255 (RFC 4475 3.1.2.4: treat as absent). */
  readonly maxForwards: number;
  /** Start line and headers with the empty line, decoded as latin1: positions in it are positions in `bytes`. */
  readonly head: string;
  /** The index of the header lines, see head.ts. */
  readonly lineIndex: readonly number[];
  readonly startLineEnd: number;

  #from: NameAddr | undefined;
  #to: NameAddr | undefined;
  #toUri: SipUri | null | undefined;
  #contacts: readonly NameAddr[] | '*' | undefined;

  constructor(outline: Outline) {
    this.bytes = outline.bytes;
    this.isRequest = outline.status === 0;
    this.method = outline.method;
    this.status = outline.status;
    this.reason = outline.reason;
    this.requestUri = outline.requestUri;
    this.uri = outline.uri;
    this.callId = outline.callId;
    this.cseq = outline.cseq;
    this.cseqMethod = outline.cseqMethod;
    this.fromTag = outline.fromTag;
    this.toTag = outline.toTag;
    this.topVia = outline.topVia;
    this.viaCount = outline.viaCount;
    this.maxForwards = outline.maxForwards;
    this.head = outline.head;
    this.lineIndex = outline.lines;
    this.startLineEnd = outline.startLineEnd;
  }

  get from(): NameAddr {
    this.#from ??= parseAddress(this.header(HeaderId.From) ?? '') ?? nobody;
    return this.#from;
  }

  get to(): NameAddr {
    this.#to ??= parseAddress(this.header(HeaderId.To) ?? '') ?? nobody;
    return this.#to;
  }

  /** The URI of To; undefined when it is none of ours. Of a REGISTER several rules look at it. */
  get toUri(): SipUri | undefined {
    if (this.#toUri === undefined) this.#toUri = parseUri(this.to.uri) ?? null;
    return this.#toUri ?? undefined;
  }

  /** All Contact values in order, or '*' (RFC 3261 10.2.2). */
  get contacts(): readonly NameAddr[] | '*' {
    this.#contacts ??= this.#readContacts();
    return this.#contacts;
  }

  /** The first value of a header, unfolded and trimmed; '' for an empty one, undefined when absent. */
  header(id: HeaderId): string | undefined {
    const line = this.#next(id, 0);
    if (line < 0) return undefined;
    const value = this.#value(line);
    return headerFacts[id]?.list === true && value.includes(',') ? (splitList(value)[0] ?? '') : value;
  }

  /** Every value of a header in order; lines of list headers split at their commas. */
  values(id: HeaderId): readonly string[] {
    const first = this.#next(id, 0);
    if (first < 0) return noValues;
    const list = headerFacts[id]?.list === true;
    if (this.#next(id, first + 2) < 0) {
      const value = this.#value(first);
      if (!list || (value !== '' && !value.includes(','))) return [value];
    }
    const all: string[] = [];
    for (let line = first; line >= 0; line = this.#next(id, line + 2)) {
      const value = this.#value(line);
      if (list && value.includes(',')) all.push(...splitList(value));
      else if (!list || value !== '') all.push(value);
    }
    return all;
  }

  /** Every line of a header by its full name in any case, compact forms included, unfolded and not split. */
  lines(name: string): readonly string[] {
    const id = headerIdOf(name);
    const all: string[] = [];
    for (let line = this.#next(id, 0); line >= 0; line = this.#next(id, line + 2)) {
      if (id !== HeaderId.Unknown || this.#isNamed(line, name)) all.push(this.#value(line));
    }
    return all;
  }

  has(id: HeaderId): boolean {
    return this.#next(id, 0) >= 0;
  }

  get body(): Buffer {
    return this.bytes.subarray(this.head.length);
  }

  /** One line for logs and the console. */
  describe(): string {
    const what = this.isRequest ? `${this.method} ${this.requestUri}` : `${this.status} ${this.reason}`;
    return `${what} (${this.callId} ${this.cseq} ${this.cseqMethod})`;
  }

  /** Position in the index of the first line of this header at or after `from`; -1 when there is none. */
  #next(id: HeaderId, from: number): number {
    const index = this.lineIndex;
    for (let line = from; line < index.length; line += 2) if ((index[line] ?? 0) >> 15 === id) return line;
    return -1;
  }

  #value(line: number): string {
    const span = this.lineIndex[line + 1] ?? 0;
    return unfold(this.head.slice(span >> 15, span & 0x7fff));
  }

  #isNamed(line: number, name: string): boolean {
    const start = (this.lineIndex[line] ?? 0) & 0x7fff;
    for (let i = 0; i < name.length; i += 1) {
      if (lower(this.head.charCodeAt(start + i)) !== lower(name.charCodeAt(i))) return false;
    }
    const after = this.head.charCodeAt(start + name.length);
    return after === 0x3a || after === 0x20 || after === 0x09;
  }

  #readContacts(): readonly NameAddr[] | '*' {
    const first = this.#next(HeaderId.Contact, 0);
    if (first < 0) return nobodies;
    if (this.#next(HeaderId.Contact, first + 2) < 0) {
      const value = this.#value(first);
      return value === '*' ? '*' : (parseAddresses(value) ?? nobodies);
    }
    const all: NameAddr[] = [];
    for (let line = first; line >= 0; line = this.#next(HeaderId.Contact, line + 2)) {
      const value = this.#value(line);
      if (value === '*') return '*';
      all.push(...(parseAddresses(value) ?? []));
    }
    return all;
  }
}

const nobodies: readonly NameAddr[] = [];
const noValues: readonly string[] = [];
const nobody: NameAddr = { displayName: '', uri: '', params: [] };
