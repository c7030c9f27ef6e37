/**
 * The SIP messages of the generator: written as text, read by looking for a line. It is independent of the server's parser,
 * and knows only what the servers under test send.
 */

export interface Party {
  readonly domain: string;
  /** Of the generator's socket. */
  readonly address: string;
  readonly port: number;
}

/** What a caller must remember of an answered call. */
export interface Dialog {
  readonly callId: string;
  readonly to: string;
  readonly target: string;
  readonly routes: readonly string[];
}

const sdp = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0 8 101\r\n';

export function register(
  { domain, address, port }: Party,
  user: string,
  cseq: number,
  contactPort: number,
  expiresSeconds: number,
): string {
  return (
    `REGISTER sip:${domain} SIP/2.0\r\nVia: SIP/2.0/UDP ${address}:${port};branch=z9hG4bKr${cseq}${user};rport\r\n` +
    `From: <sip:${user}@${domain}>;tag=r${user}\r\nTo: <sip:${user}@${domain}>\r\nCall-ID: r${user}@${address}\r\n` +
    `CSeq: ${cseq} REGISTER\r\nContact: <sip:${user}@${address}:${contactPort}>\r\nMax-Forwards: 70\r\n` +
    `Expires: ${expiresSeconds}\r\nContent-Length: 0\r\n\r\n`
  );
}

/** Over a connection of 127.0.0.1 of its own. */
export function registerOver(domain: string, user: string, port: number): string {
  return (
    `REGISTER sip:${domain} SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:${port};branch=z9hG4bKt${user}\r\n` +
    `From: <sip:${user}@${domain}>;tag=t${user}\r\nTo: <sip:${user}@${domain}>\r\nCall-ID: t${user}@127.0.0.1\r\n` +
    `CSeq: 1 REGISTER\r\nContact: <sip:${user}@127.0.0.1:${port};transport=tcp>\r\nMax-Forwards: 70\r\n` +
    `Expires: 3600\r\nContent-Length: 0\r\n\r\n`
  );
}

export function invite({ domain, address, port }: Party, user: string, callId: string): string {
  return (
    `INVITE sip:${user}@${domain} SIP/2.0\r\nVia: SIP/2.0/UDP ${address}:${port};branch=z9hG4bKi${callId};rport\r\n` +
    `From: <sip:bench@${domain}>;tag=c${callId}\r\nTo: <sip:${user}@${domain}>\r\nCall-ID: ${callId}\r\nCSeq: 1 INVITE\r\n` +
    `Contact: <sip:bench@${address}:${port}>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\n` +
    `Content-Length: ${sdp.length}\r\n\r\n${sdp}`
  );
}

/** ACK to a 2xx and BYE: requests inside of the dialog, RFC 3261 section 12.2.1.1. */
export function within({ domain, address, port }: Party, method: 'ACK' | 'BYE', dialog: Dialog, cseq: number): string {
  const { callId, to, target, routes } = dialog;
  let text =
    `${method} ${target} SIP/2.0\r\nVia: SIP/2.0/UDP ${address}:${port};branch=z9hG4bK${method}${callId};rport\r\n` +
    `From: <sip:bench@${domain}>;tag=c${callId}\r\n${to}\r\nCall-ID: ${callId}\r\nCSeq: ${cseq} ${method}\r\n`;
  for (const route of routes) text += `Route: ${route}\r\n`;
  return `${text}Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n`;
}

/** A response of the callee to an INVITE or BYE, RFC 3261 section 8.2.6. */
export function answer(request: readonly string[], { address, port }: Party, status: 180 | 200): string {
  const isInvite = request[0]!.startsWith('INVITE ');
  let text = status === 180 ? 'SIP/2.0 180 Ringing\r\n' : 'SIP/2.0 200 OK\r\n';
  for (const line of request) {
    if (/^(?:Via|From|Call-ID|CSeq):/i.test(line)) text += `${line}\r\n`;
    else if (isInvite && /^Record-Route:/i.test(line)) text += `${line}\r\n`;
    else if (/^To:/i.test(line))
      text += line.includes(';tag=') ? `${line}\r\n` : `${line};tag=s${value(request, 'Call-ID')}\r\n`;
  }
  if (!isInvite) return `${text}Content-Length: 0\r\n\r\n`;
  text += `Contact: <sip:${address}:${port}>\r\n`;
  if (status === 180) return `${text}Content-Length: 0\r\n\r\n`;
  return `${text}Content-Type: application/sdp\r\nContent-Length: ${sdp.length}\r\n\r\n${sdp}`;
}

/** The lines of the head. */
export function linesOf(bytes: Buffer): string[] {
  const end = bytes.indexOf('\r\n\r\n');
  return bytes.toString('latin1', 0, end === -1 ? bytes.length : end).split('\r\n');
}

/** '': there is no such header. */
export function value(lines: readonly string[], name: string): string {
  const start = `${name}:`.toLowerCase();
  const line = lines.find((each) => each.toLowerCase().startsWith(start));
  return line === undefined ? '' : line.slice(start.length).trim();
}

/** The dialog that a 200 makes for its caller, RFC 3261 section 12.1.2: the route set in reverse order. */
export function dialogOf(lines: readonly string[]): Dialog {
  const routes = lines
    .filter((line) => /^Record-Route:/i.test(line))
    .flatMap((line) => line.slice('Record-Route:'.length).split(','))
    .map((each) => each.trim());
  return {
    callId: value(lines, 'Call-ID'),
    to: `To: ${value(lines, 'To')}`,
    target: value(lines, 'Contact').replace(/^.*<([^>]*)>.*$/, '$1'),
    routes: routes.toReversed(),
  };
}
