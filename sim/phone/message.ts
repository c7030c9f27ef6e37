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

type Header = [name: string, value: string];

/** Of a header that must stand there once. */
const twice: Header = ['', ''];
/** Of those headers, by their place in `single`: where they stand. Only while one message is read. */
const once: (Header | undefined)[] = [];

function read(bytes: Buffer): Message | string {
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return 'no end of the header';
  const headers: Header[] = [];
  once.fill(undefined);
  const startEnd = text.indexOf('\r\n');
  for (let at = startEnd; at < end;) {
    const from = at + 2;
    at = text.indexOf('\r', from);
    if (text.indexOf('\n', from) !== at + 1) return 'a line end inside of a line';
    const first = text.charCodeAt(from);
    if (first === 0x20 || first === 0x09) {
      const last = headers.at(-1);
      if (last === undefined) return 'a folded first line';
      last[1] += ` ${text.slice(from, at).trim()}`;
      continue;
    }
    const colon = text.indexOf(':', from);
    if (colon <= from || colon > at) return `not a header: ${text.slice(from, at)}`;
    const { name, place } = nameOf(text.slice(from, colon));
    const header: Header = [name, valueIn(text, colon + 1, at)];
    headers.push(header);
    if (place >= 0) once[place] = once[place] === undefined ? header : twice;
  }
  for (let place = 0; place < neededCount; place++)
    if (once[place] === undefined || once[place] === twice) return `not one ${single[place]}`;
  const [cseq, length, maxForwards] = [once[3]![1], once[4], once[5]];
  const top = firstOf(headers, 'via');
  if (top === undefined || !/^SIP\/2\.0\/(UDP|TCP) [^\s;]+(;|$)/.test(top)) return `top Via: ${top ?? 'none'}`;
  const [, cseqText = '', cseqToken = ''] = /^(\d{1,10})\s+(\S+)/.exec(cseq) ?? [];
  if (cseqText.length === 0) return `CSeq: ${cseq}`;
  const cseqMethod = ownTexts.get(cseqToken) ?? cseqToken;
  const body = text.slice(end + 4);
  if (length === undefined || Number(length[1] || 'none') !== body.length)
    return `Content-Length ${length?.[1] ?? 'absent'} but ${body.length} octets`;
  const fromTag = paramOf(once[0]![1], 'tag') ?? '';
  const toTag = paramOf(once[1]![1], 'tag') ?? '';
  if (fromTag.length === 0) return 'From without a tag';
  const start = text.slice(0, startEnd);
  const isRequest = !start.startsWith('SIP/2.0 ');
  let status = 0;
  let uri = '';
  const branch = paramOf(top, 'branch') ?? '';
  if (isRequest) {
    const [methodEnd, uriEnd] = [start.indexOf(' '), start.lastIndexOf(' ')];
    uri = start.slice(methodEnd + 1, uriEnd);
    const isOne = methodEnd > 0 && methodEnd < uriEnd && !uri.includes(' ') && start.endsWith(' SIP/2.0');
    if (!isOne || !/^[A-Z]+ /.test(start)) return `request line: ${start}`;
    if (methodEnd !== cseqMethod.length || !start.startsWith(cseqMethod))
      return `CSeq of a ${start.slice(0, methodEnd)} says ${cseqMethod}`;
    if (!branch.startsWith('z9hG4bK')) return `branch: ${branch}`;
    if (maxForwards === undefined || maxForwards === twice) return 'not one Max-Forwards';
  } else {
    status = Number(start.slice(8, 11));
    if (!(status >= 100 && status <= 699) || start.charAt(11) !== ' ') return `status line: ${start}`;
    if (status > 100 && toTag.length === 0) return `a ${status} without a To tag`;
  }
  return {
    isRequest,
    method: cseqMethod,
    uri,
    status,
    headers,
    body,
    callId: once[2]![1],
    cseq: Number(cseqText),
    fromTag,
    toTag,
    branch,
    transaction: `${branch} ${cseqMethod}`,
  };
}

/** Headers that may stand there once; the first ones must. */
const single: readonly string[] = ['from', 'to', 'call-id', 'cseq', 'content-length', 'max-forwards'];
const neededCount = 4;

interface Name {
  /** The long form in lower case. */
  readonly name: string;
  /** In `single`, or -1. */
  readonly place: number;
}

/** What is often asked for, as the runtime's own texts: comparing another one costs it a look into its table of texts. */
const ownTexts: ReadonlyMap<string, string> = new Map(
  [
    ...['INVITE', 'ACK', 'BYE', 'CANCEL', 'REGISTER', 'OPTIONS', 'INFO'],
    ...['via', 'route', 'record-route', 'contact', 'max-forwards', 'expires', 'authorization', 'proxy-authorization'],
    ...single,
  ].map((text) => [text, text]),
);

/** By names as they came. */
const names = new Map<string, Name>();

function nameOf(text: string): Name {
  let known = names.get(text);
  if (known === undefined) {
    const lower = text.trim().toLowerCase();
    const name = long[lower] ?? ownTexts.get(lower) ?? lower;
    names.set(text, (known = { name, place: single.indexOf(name) }));
  }
  return known;
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

/** The first of them. */
function firstOf(headers: Message['headers'], name: string): string | undefined {
  for (const [each, value] of headers) if (each === name) return splitList(value)[0];
  return undefined;
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
  const plain = text
    .replace(/^SIP\/2\.0\/\w+ /, '')
    .replace(/^sips?:/, '')
    .split(/[;?]/)[0]!;
  const hostPort = plain.slice(plain.lastIndexOf('@') + 1);
  const [address = '', port = '5060'] = hostPort.split(':');
  return { address, port: Number(port) };
}

export function writeMessage(start: string, headers: readonly (readonly [string, string])[], body = ''): Buffer {
  let text = `${start}\r\n`;
  for (const [name, value] of headers) text += `${name}: ${value}\r\n`;
  return Buffer.from(`${text}Content-Length: ${body.length}\r\n\r\n${body}`, 'latin1');
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
