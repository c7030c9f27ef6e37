/** The packets of SIPp's scenarios in bench/sipp, for benchmarks without SIPp. */

const phone = '127.0.0.1:24050';
const sdp = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 6000 RTP/AVP 0 8 101',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:101 telephone-event/8000',
  '',
].join('\r\n');

function message(lines: readonly string[], body = ''): Buffer {
  return Buffer.from([...lines, `Content-Length: ${body.length}`, '', body].join('\r\n'), 'latin1');
}

export function register(user: number, round: number): Buffer {
  return message([
    'REGISTER sip:bench.test SIP/2.0',
    `Via: SIP/2.0/UDP ${phone};branch=z9hG4bK-4711-${user}-${round}-0;rport`,
    `From: <sip:u${user}@bench.test>;tag=4711r${user}`,
    `To: <sip:u${user}@bench.test>`,
    `Call-ID: ${user}-${round}-4711@127.0.0.1`,
    'CSeq: 1 REGISTER',
    `Contact: <sip:u${user}@127.0.0.1:24051>`,
    'Max-Forwards: 70',
    'Expires: 3600',
  ]);
}

export function invite(id: string, user: number): Buffer {
  return message(
    [
      `INVITE sip:u${user}@bench.test SIP/2.0`,
      `Via: SIP/2.0/UDP ${phone};branch=z9hG4bK-4711-${id}-0;rport`,
      `From: <sip:bench@bench.test>;tag=4711c${id}`,
      `To: <sip:u${user}@bench.test>`,
      `Call-ID: ${id}-4711@127.0.0.1`,
      'CSeq: 1 INVITE',
      `Contact: <sip:bench@${phone}>`,
      'Max-Forwards: 70',
      'Content-Type: application/sdp',
    ],
    sdp,
  );
}

/** What a later request of the caller is made of, from the 200 that it received. */
export interface Routes {
  readonly target: string;
  readonly to: string;
  readonly route: string;
}

export function routesOf(ok: Buffer): Routes {
  const lines = ok.toString('latin1').split('\r\n');
  return {
    target: /<(.*)>/.exec(value(lines, 'Contact'))?.[1] ?? '',
    to: value(lines, 'To'),
    route: value(lines, 'Record-Route'),
  };
}

export function ack(id: string, routes: Routes): Buffer {
  return inside('ACK', 1, 5, id, routes);
}

export function bye(id: string, routes: Routes): Buffer {
  return inside('BYE', 2, 7, id, routes);
}

function inside(method: string, cseq: number, step: number, id: string, { target, to, route }: Routes): Buffer {
  return message([
    `${method} ${target} SIP/2.0`,
    `Via: SIP/2.0/UDP ${phone};branch=z9hG4bK-4711-${id}-${step};rport`,
    `From: <sip:bench@bench.test>;tag=4711c${id}`,
    `To: ${to}`,
    `Route: ${route}`,
    `Call-ID: ${id}-4711@127.0.0.1`,
    `CSeq: ${cseq} ${method}`,
    'Max-Forwards: 70',
  ]);
}

/** The callee's answer; `tag` is '' for a request that has one in its To. */
export function answer(request: Buffer, status: string, tag: string): Buffer {
  const lines = request.toString('latin1').split('\r\n');
  const copied = lines.filter((line) => /^(Via|Record-Route|From|Call-ID|CSeq): /.test(line));
  const isInvite = lines[0]!.startsWith('INVITE');
  const hasBody = isInvite && status.startsWith('200');
  return message(
    [
      `SIP/2.0 ${status}`,
      ...copied,
      `To: ${value(lines, 'To')}${tag === '' ? '' : `;tag=4712s${tag}`}`,
      ...(isInvite ? ['Contact: <sip:127.0.0.1:24051>'] : []),
      ...(hasBody ? ['Content-Type: application/sdp'] : []),
    ],
    hasBody ? sdp.slice(0, sdp.indexOf(' 8 101')) + '\r\n' : '',
  );
}

function value(lines: readonly string[], name: string): string {
  return lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? '';
}
