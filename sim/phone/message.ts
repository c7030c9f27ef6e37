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
}

const long: Readonly<Record<string, string>> = {
  v: 'via',
  f: 'from',
  t: 'to',
  i: 'call-id',
  m: 'contact',
  l: 'content-length',
  c: 'content-type',
};

/** A sentence when it is no valid message. */
export function readMessage(bytes: Buffer): Message | string {
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return 'no end of the header';
  const lines = text.slice(0, end).split('\r\n');
  const start = lines[0]!;
  const headers: [string, string][] = [];
  for (const line of lines.slice(1)) {
    if (line.includes('\n') || line.includes('\r')) return 'a line end inside of a line';
    if (line.startsWith(' ') || line.startsWith('\t')) {
      const last = headers.at(-1);
      if (last === undefined) return 'a folded first line';
      last[1] += ` ${line.trim()}`;
      continue;
    }
    const colon = line.indexOf(':');
    if (colon <= 0) return `not a header: ${line}`;
    const name = line.slice(0, colon).trim().toLowerCase();
    headers.push([long[name] ?? name, line.slice(colon + 1).trim()]);
  }
  const one = (name: string): string | undefined => {
    const found = headers.filter(([each]) => each === name);
    return found.length === 1 ? found[0]![1] : undefined;
  };
  for (const name of ['from', 'to', 'call-id', 'cseq']) if (one(name) === undefined) return `not one ${name}`;
  const vias = valuesOf(headers, 'via');
  const top = vias[0];
  if (top === undefined || !/^SIP\/2\.0\/(UDP|TCP) [^\s;]+(;|$)/.test(top)) return `top Via: ${top ?? 'none'}`;
  const [cseqText = '', cseqMethod = ''] = one('cseq')!.split(/\s+/);
  if (!/^\d{1,10}$/.test(cseqText)) return `CSeq: ${one('cseq')}`;
  const body = text.slice(end + 4);
  const length = one('content-length');
  if (length === undefined || Number(length) !== body.length)
    return `Content-Length ${length ?? 'absent'} but ${body.length} octets`;
  const common = {
    headers,
    body,
    callId: one('call-id')!,
    cseq: Number(cseqText),
    fromTag: paramOf(one('from')!, 'tag') ?? '',
    toTag: paramOf(one('to')!, 'tag') ?? '',
    branch: paramOf(top, 'branch') ?? '',
  };
  if (common.fromTag === '') return 'From without a tag';
  if (start.startsWith('SIP/2.0 ')) {
    const status = Number(start.slice(8, 11));
    if (!(status >= 100 && status <= 699) || start.charAt(11) !== ' ') return `status line: ${start}`;
    if (status > 100 && common.toTag === '') return `a ${status} without a To tag`;
    return { ...common, isRequest: false, method: cseqMethod, uri: '', status };
  }
  const [method = '', uri = '', version = '', ...more] = start.split(' ');
  if (version !== 'SIP/2.0' || more.length > 0 || !/^[A-Z]+$/.test(method)) return `request line: ${start}`;
  if (method !== cseqMethod) return `CSeq of a ${method} says ${cseqMethod}`;
  if (!common.branch.startsWith('z9hG4bK')) return `branch: ${common.branch}`;
  if (one('max-forwards') === undefined) return 'not one Max-Forwards';
  return { ...common, isRequest: true, method, uri, status: 0 };
}

export function valueOf(message: Message, name: string): string | undefined {
  for (const [each, value] of message.headers) if (each === name) return value;
  return undefined;
}

/** Every value, those of lists one by one. */
export function valuesOf(headers: Message['headers'], name: string): string[] {
  const values: string[] = [];
  for (const [each, value] of headers) if (each === name) values.push(...splitList(value));
  return values;
}

function splitList(value: string): string[] {
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
  const rest = value.slice(value.lastIndexOf('>') + 1);
  for (const part of rest.split(';').slice(1)) {
    const [key = '', text = ''] = part.split('=');
    if (key.trim().toLowerCase() === name) return text.trim();
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
