/** What parsing costs: microseconds per message, one core. Run: `node bench/parse.ts`. */
import { failureResponse, response } from '../src/sip/build.ts';
import { HeaderId } from '../src/sip/header/names.ts';
import type { SipMessage } from '../src/sip/message.ts';
import { isFailure, parse } from '../src/sip/parse.ts';
import { Splice } from '../src/sip/splice.ts';

const body =
  'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n';

const invite = Buffer.from(
  [
    'INVITE sip:1002@example.test SIP/2.0',
    'Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds;rport',
    'Max-Forwards: 70',
    'From: "Alice" <sip:1001@example.test>;tag=1928301774',
    'To: <sip:1002@example.test>',
    'Call-ID: a84b4c76e66710@pc33.example.test',
    'CSeq: 314159 INVITE',
    'Contact: <sip:1001@192.0.2.1:5060>',
    'Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO',
    'Supported: replaces, timer',
    'User-Agent: Phone/1.0',
    'Content-Type: application/sdp',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n'),
  'latin1',
);

const ok = Buffer.from(
  [
    'SIP/2.0 200 OK',
    'Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKnashds8;rport=5060;received=127.0.0.1',
    'Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds;rport=5060;received=192.0.2.1',
    'Record-Route: <sip:127.0.0.1:5060;lr>',
    'From: "Alice" <sip:1001@example.test>;tag=1928301774',
    'To: <sip:1002@example.test>;tag=a6c85cf',
    'Call-ID: a84b4c76e66710@pc33.example.test',
    'CSeq: 314159 INVITE',
    'Contact: <sip:1002@192.0.2.4:5060>',
    'Content-Type: application/sdp',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n'),
  'latin1',
);

const messagesPerRound = 20_000;

const source = { address: '192.0.2.1', port: 5060 };

function parsed(bytes: Buffer): SipMessage {
  const message = parse(bytes, false);
  if (isFailure(message)) throw new Error(message.failure);
  return message;
}

/** The best of several rounds: other work on the machine only ever adds time. */
function measure(name: string, work: () => unknown): void {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 12; round += 1) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < messagesPerRound; i += 1) work();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / messagesPerRound);
  }
  console.log(`${name.padEnd(28)} ${(best / 1000).toFixed(2)} us  ${Math.round(1e9 / best).toLocaleString('en')} /s`);
}

const request = parsed(invite);
const answer = parsed(ok);
const bad = parse(Buffer.from(invite.toString('latin1').replace('314159', 'x'), 'latin1'), false);

measure('parse INVITE', () => parse(invite, false));
measure('parse 200', () => parse(ok, false));
measure('forward INVITE (splice)', () =>
  new Splice(request)
    .requestUri('sip:1002@192.0.2.4:5060')
    .markTopVia(source.address, source.port)
    .push(HeaderId.RecordRoute, '<sip:127.0.0.1:5060;lr>')
    .pushVia('SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKnashds8')
    .maxForwards(69)
    .toBuffer(),
);
measure('relay 200 (splice)', () => new Splice(answer).popVia().toBuffer());
measure('100 Trying', () => response(request, 100, { received: source }));
measure('refuse', () => (isFailure(bad) ? failureResponse(bad, source) : undefined));
