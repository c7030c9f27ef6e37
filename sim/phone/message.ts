/**
 * SIP messages as phones read and write them: a reader of its own, so that a mistake of the server's parser or writer is
 * seen by somebody who does not share it. It is strict about what it gets (RFC 3261 7, 8.1.1, 18.3) and knows no more than
 * phones need.
 */
export interface Message {
  readonly isRequest: boolean;
  /** Of the request; of CSeq in responses. */
  readonly method: string;
  readonly uri: string;
  /** 0 for requests. */
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly callId: string;
  readonly cseq: number;
  readonly fromTag: string;
  readonly toTag: string;
  /** Branch of the top Via. */
  readonly branch: string;
  /** Branch and method: what belongs to one transaction has it. */
  readonly transaction: string;
}

const long: Readonly<Record<string, string>> = {
  v: 'via',
  f: 'from',
  t: 'to',
  i: 'call-id',
  m: 'contact',
  l: 'content-length',
  c: 'content-type',
  k: 'supported',
};

/** A datagram is read by its sender, by its receiver and by the checkers of both: what was read last, where to look for it. */
const knownMax = 1_024;
const knownBytes = new Array<Buffer | undefined>(knownMax).fill(undefined);
const known = new Array<Message | string>(knownMax).fill('');

/** A sentence when it is no valid message. The octets must not change any more. */
export function readMessage(bytes: Buffer): Message | string {
  const place = ((bytes.byteOffset >>> 3) ^ Math.imul(bytes.length, 0x9e3b)) & (knownMax - 1);
  if (knownBytes[place] === bytes) return known[place]!;
  const message = read(bytes);
  knownBytes[place] = bytes;
  known[place] = message;
  return message;
}

type Header = readonly [name: string, value: string];

/** Headers that may stand there once; the first ones must. */
const single: readonly string[] = ['from', 'to', 'call-id', 'cseq', 'content-length', 'max-forwards'];
const neededCount = 4;
/** The first Via has a place behind them. */
const viaPlace = single.length;

/** Of these, by place: where their values begin and end in the text. Only while one message is read. */
const froms = new Int32Array(viaPlace + 1);
const tos = new Int32Array(viaPlace + 1);
const absent = -1;
const twice = -2;

/** A message whose headers are written down when somebody asks for them, which hardly any reader does. */
class ReadMessage implements Message {
  readonly isRequest: boolean;
  readonly method: string;
  readonly uri: string;
  readonly status: number;
  readonly body: string;
  readonly callId: string;
  readonly cseq: number;
  readonly fromTag: string;
  readonly toTag: string;
  readonly branch: string;
  readonly transaction: string;
  readonly #text: string;
  #headers: readonly Header[] | undefined;

  /** @param text whose places are known (`look`). */
  constructor(text: string, uri: string, status: number, method: string, cseq: number, body: string, top: string) {
    this.isRequest = status === 0;
    this.method = method;
    this.uri = uri;
    this.status = status;
    this.body = body;
    this.callId = ownCallId(valueAt(text, 2));
    this.cseq = cseq;
    this.fromTag = paramOf(valueAt(text, 0), 'tag') ?? '';
    this.toTag = paramOf(valueAt(text, 1), 'tag') ?? '';
    const branch = paramOf(top, 'branch') ?? '';
    this.transaction = `${branch} ${method}`;
    // Of this short text: a part of the message would keep all of it, and many remember branches.
    this.branch = this.transaction.slice(0, branch.length);
    this.#text = text;
  }

  get headers(): readonly Header[] {
    return (this.#headers ??= headersOf(this.#text));
  }
}

function read(bytes: Buffer): Message | string {
  let text = bytes.toString('latin1');
  let end = text.indexOf('\r\n\r\n');
  if (end < 0) return 'no end of the header';
  const startEnd = text.indexOf('\r\n');
  let wrong = look(text, startEnd, end);
  while (wrong === folded) {
    // The first of them: what stands before it is in order.
    const head = text.slice(0, end).replace(/[ \t]*\r\n[ \t]+/, ' ');
    text = head + text.slice(end);
    end = head.length;
    wrong = look(text, startEnd, end);
  }
  if (wrong !== '') return wrong;
  for (let place = 0; place < neededCount; place++) if (froms[place]! < 0) return `not one ${single[place]}`;
  const top = froms[viaPlace] === absent ? undefined : splitList(valueAt(text, viaPlace))[0];
  if (top === undefined || !/^SIP\/2\.0\/(UDP|TCP) [^\s;]+(;|$)/.test(top)) return `top Via: ${top ?? 'none'}`;
  const cseqValue = valueAt(text, 3);
  let space = 0;
  let cseq = 0;
  for (; isDigit(cseqValue.charCodeAt(space)); space++) cseq = cseq * 10 + cseqValue.charCodeAt(space) - 0x30;
  const between = cseqValue.charCodeAt(space);
  const method = between === 0x20 || between === 0x09 ? methodAt(cseqValue, space + 1) : '';
  if (space === 0 || space > 10 || method.length === 0) return `CSeq: ${cseqValue}`;
  const body = text.slice(end + 4);
  const length = froms[4] === absent ? undefined : froms[4] === twice ? '' : valueAt(text, 4);
  if (length === undefined || Number(length || 'none') !== body.length)
    return `Content-Length ${length ?? 'absent'} but ${body.length} octets`;
  const isRequest = !text.startsWith('SIP/2.0 ');
  const start = text.slice(0, startEnd);
  const [methodEnd, uriEnd] = isRequest ? [start.indexOf(' '), start.lastIndexOf(' ')] : [0, 0];
  const uri = isRequest ? start.slice(methodEnd + 1, uriEnd) : '';
  const status = isRequest ? 0 : Number(start.slice(8, 11));
  const message = new ReadMessage(text, uri, status, method, cseq, body, top);
  if (message.fromTag.length === 0) return 'From without a tag';
  if (isRequest) {
    const isOne = methodEnd > 0 && methodEnd < uriEnd && !uri.includes(' ') && start.endsWith(' SIP/2.0');
    if (!isOne || !/^[A-Z]+ /.test(start)) return `request line: ${start}`;
    if (methodEnd !== method.length || !start.startsWith(method))
      return `CSeq of a ${start.slice(0, methodEnd)} says ${method}`;
    if (!message.branch.startsWith('z9hG4bK')) return `branch: ${message.branch}`;
    if (froms[5]! < 0) return 'not one Max-Forwards';
  } else {
    if (!(status >= 100 && status <= 699) || start.charAt(11) !== ' ') return `status line: ${start}`;
    if (status > 100 && message.toTag.length === 0) return `a ${status} without a To tag`;
  }
  return message;
}

const ownMethods = ['INVITE', 'ACK', 'BYE', 'CANCEL', 'REGISTER', 'OPTIONS', 'INFO'];

/** The runtime's own text, where it has one. */
function methodAt(cseq: string, from: number): string {
  for (const method of ownMethods)
    if (cseq.length === from + method.length && cseq.startsWith(method, from)) return method;
  return /^\s*(\S+)/.exec(cseq.slice(from))?.[1] ?? '';
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** A line goes on in the next one (RFC 3261 7.3.1). */
const folded = 'a folded line';

/** Finds the places of what may stand there once. A sentence when a line is no header, or `folded`. */
function look(text: string, startEnd: number, end: number): string {
  froms.fill(absent);
  for (let at = startEnd; at < end;) {
    const from = at + 2;
    at = text.indexOf('\r', from);
    if (text.indexOf('\n', from) !== at + 1) return 'a line end inside of a line';
    const first = text.charCodeAt(from);
    if (first === 0x20 || first === 0x09) return from === startEnd + 2 ? 'a folded first line' : folded;
    const colon = text.indexOf(':', from);
    if (colon <= from || colon > at) return `not a header: ${text.slice(from, at)}`;
    const { place } = nameIn(text, from, colon);
    if (place < 0 || (place === viaPlace && froms[place] !== absent)) continue;
    froms[place] = froms[place] === absent ? colon + 1 : twice;
    tos[place] = at;
  }
  return '';
}

/** Of a text that `look` has found to be in order. */
function headersOf(text: string): readonly Header[] {
  const headers: Header[] = [];
  const end = text.indexOf('\r\n\r\n');
  for (let at = text.indexOf('\r\n'); at < end;) {
    const from = at + 2;
    at = text.indexOf('\r', from);
    const colon = text.indexOf(':', from);
    headers.push([nameIn(text, from, colon).name, valueIn(text, colon + 1, at)]);
  }
  return headers;
}

interface Name {
  /** As it came. */
  readonly text: string;
  /** The long form in lower case. */
  readonly name: string;
  /** In `single`, that of Via, or -1. */
  readonly place: number;
}

/** What is often asked for, as the runtime's own texts: comparing another one costs it a look into its table of texts. */
const ownTexts: ReadonlyMap<string, string> = new Map(
  [
    ...['via', 'route', 'record-route', 'contact', 'max-forwards', 'expires', 'authorization', 'proxy-authorization'],
    ...single,
  ].map((text) => [text, text]),
);

/** Names that came last, by a number that most of them have alone: neither a text nor a look into a map for each line. */
const names = new Array<Name | undefined>(256).fill(undefined);

function nameIn(text: string, from: number, to: number): Name {
  const length = to - from;
  const number = (length * 37 + text.charCodeAt(from) * 5 + text.charCodeAt(to - 1)) & 0xff;
  const known = names[number];
  if (known !== undefined && known.text.length === length && text.startsWith(known.text, from)) return known;
  const came = text.slice(from, to);
  const lower = came.trim().toLowerCase();
  const name = long[lower] ?? ownTexts.get(lower) ?? lower;
  const place = name === 'via' ? viaPlace : single.indexOf(name);
  return (names[number] = { text: came, name, place });
}

/**
 * Every Call-ID once: a part of a message keeps the whole text of it, and a text that is the very same one is found in a map
 * without being read.
 */
const callIds = new Map<string, string>();
const callIdsMax = 4_096;

function ownCallId(callId: string): string {
  const known = callIds.get(callId);
  if (known !== undefined) return known;
  if (callIds.size >= callIdsMax) callIds.clear();
  callIds.set(callId, callId);
  return callId;
}

function valueAt(text: string, place: number): string {
  return valueIn(text, froms[place]!, tos[place]!);
}

/** Mostly there is one space in front of a value and nothing behind it. */
function valueIn(text: string, from: number, to: number): string {
  const first = from + 1;
  if (
    first < to &&
    text.charCodeAt(from) === 0x20 &&
    isVisible(text.charCodeAt(first)) &&
    isVisible(text.charCodeAt(to - 1))
  )
    return text.slice(first, to);
  return text.slice(from, to).trim();
}

function isVisible(code: number): boolean {
  return code > 0x20 && code < 0x7f;
}

export function valueOf(message: Message, name: string): string | undefined {
  for (const [each, value] of message.headers) if (each === name) return value;
  return undefined;
}

/** Every value, those of lists one by one. */
export function valuesOf(headers: Message['headers'], name: string): string[] {
  const values: string[] = [];
  for (const [each, value] of headers) {
    if (each !== name) continue;
    if (value.includes(',')) values.push(...splitList(value));
    else values.push(value);
  }
  return values;
}

function splitList(value: string): string[] {
  if (!value.includes(',')) return [value];
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let from = 0;
  for (let index = 0; index < value.length; index++) {
    const char = value.charAt(index);
    if (char === '"') quoted = !quoted;
    else if (!quoted && char === '<') depth++;
    else if (!quoted && char === '>') depth--;
    else if (!quoted && depth === 0 && char === ',') {
      parts.push(value.slice(from, index).trim());
      from = index + 1;
    }
  }
  parts.push(value.slice(from).trim());
  return parts;
}

/** Of a header value; parameters of a URI in angle brackets are not looked at. */
export function paramOf(value: string, name: string): string | undefined {
  // Quoted strings may hold anything: a display name, an instance (`"<urn:uuid:...>"`).
  const plain = value.includes('"')
    ? value.replaceAll(/"(?:[^"\\]|\\.)*"/g, (quoted) => quoted.replaceAll(/./g, '"'))
    : value;
  let at = plain.indexOf(';', plain.indexOf('>') + 1);
  while (at >= 0) {
    const next = plain.indexOf(';', at + 1);
    const end = next < 0 ? value.length : next;
    const valueAt = at + 2 + name.length;
    if (plain.charCodeAt(valueAt - 1) === 0x3d && plain.startsWith(name, at + 1))
      return value.slice(valueAt, end).trim();
    const equals = plain.indexOf('=', at);
    const keyEnd = equals < 0 || equals > end ? end : equals;
    const key = value.slice(at + 1, keyEnd).trim();
    if (key.toLowerCase() === name) return value.slice(keyEnd + 1, end).trim();
    at = next;
  }
  return undefined;
}

/** The URI in `<...>`, or the value up to its parameters. */
export function uriOf(value: string): string {
  const open = value.indexOf('<');
  return open < 0 ? value.split(';')[0]!.trim() : value.slice(open + 1, value.indexOf('>', open));
}

/** Host and port that a SIP URI or a Via's sent-by leads to. */
export function hostPortOf(text: string): { address: string; port: number } {
  const via = /^SIP\/2\.0\/\w+ |^sips?:/.exec(text);
  const from = via === null ? 0 : via[0].length;
  let end = from;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === 0x3b || code === 0x3f) break;
  }
  const plain = text.slice(from, end);
  const hostPort = plain.slice(plain.lastIndexOf('@') + 1);
  const [address = '', port = '5060'] = hostPort.split(':');
  return { address, port: Number(port) };
}

export function writeMessage(start: string, headers: readonly (readonly [string, string])[], body = ''): Buffer {
  return writeText(`${start}\r\n${linesOf(headers)}`, body);
}

/** @param head the first line and the headers, each with its end. */
export function writeText(head: string, body = ''): Buffer {
  return Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n${body}`, 'latin1');
}

export function linesOf(headers: readonly (readonly [string, string])[]): string {
  let text = '';
  for (const [name, value] of headers) text += `${name}: ${value}\r\n`;
  return text;
}

const short: Readonly<Record<string, string>> = {
  'Via': 'v',
  'From': 'f',
  'To': 't',
  'Call-ID': 'i',
  'Contact': 'm',
  'Content-Length': 'l',
  'Supported': 'k',
};

/** The same message with compact names. */
export function compact(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const head = text.slice(0, end).replaceAll(/\r\n([\w-]+):/g, (line, name: string) => {
    const letter = short[name];
    return letter === undefined ? line : `\r\n${letter}:`;
  });
  return Buffer.from(head + text.slice(end), 'latin1');
}
