/**
 * The one catalogue of errors: code, sentence, the SIP status it becomes, whose fault it is.
 *
 * `status` 0 means that nothing is answered (RFC 3261 18.1.2 and 18.2.1: what is no request cannot be answered).
 * `phrase` is the reason phrase of the response. `fault` tells the peer's errors from ours: the peer's are counted and
 * answered, ours are asserted and crash the actor they happen in.
 */
export type Fault = 'peer' | 'ours' | 'circumstance';

export interface ErrorRow {
  readonly sentence: string;
  readonly status: number;
  readonly phrase: string;
  readonly fault: Fault;
}

function peer(status: number, phrase: string, sentence: string): ErrorRow {
  return { sentence, status, phrase, fault: 'peer' };
}

const rows = {
  // Start line and framing of one message (src/sip/head.ts, src/sip/parse.ts)
  'not-sip': peer(0, '', 'The octets are no SIP message at all.'),
  'start-line': peer(
    400,
    'Bad Request Line',
    'The start line is not METHOD SP Request-URI SP SIP-Version (RFC 3261 7.1).',
  ),
  'status-line': peer(0, '', 'The status line is not SIP-Version SP 3DIGIT SP Reason-Phrase (RFC 3261 7.2).'),
  'method-too-long': peer(400, 'Method Too Long', 'The method is longer than methodBytesMax.'),
  'version': peer(505, 'Version Not Supported', 'The SIP version is not 2.0 (RFC 3261 21.5.6).'),
  'uri-too-long': peer(414, 'Request-URI Too Long', 'The Request-URI is longer than uriBytesMax (RFC 3261 21.4.12).'),
  'request-uri': peer(400, 'Bad Request-URI', 'The Request-URI does not follow its grammar (RFC 3261 25.1).'),
  'head-unfinished': peer(400, 'Missing Empty Line', 'The header section is not ended by an empty line.'),
  'head-too-large': peer(513, 'Message Too Large', 'Start line and headers are longer than headBytesMax.'),
  'body-too-large': peer(513, 'Message Too Large', 'The body is longer than bodyBytesMax.'),

  // Header lines
  'line-end': peer(400, 'Bad Line End', 'A CR without LF, or an LF without CR, in the header section.'),
  'header-line': peer(400, 'Bad Header Line', 'A header line has no colon after its name (RFC 3261 7.3.1).'),
  'header-name': peer(400, 'Bad Header Name', 'A header name is empty, no token, or longer than headerNameBytesMax.'),
  'control-octet': peer(400, 'Control Octet', 'A control octet outside a quoted-pair (RFC 3261 25.1 TEXT-UTF8).'),
  'value-too-long': peer(400, 'Header Value Too Long', 'A header value is longer than headerValueBytesMax.'),
  'header-count': peer(400, 'Too Many Header Lines', 'More header lines than headerLinesMax.'),
  'repeated-header': peer(
    400,
    'Repeated Header Field',
    'A header that may appear once appears again (RFC 4475 3.3.8).',
  ),
  'missing-header': peer(400, 'Missing Header Field', 'Via, From, To, Call-ID or CSeq is missing (RFC 3261 8.1.1).'),

  // Values that are read before anything is done with a message
  'via': peer(400, 'Bad Via', 'A Via value does not follow its grammar (RFC 3261 20.42).'),
  'via-count': peer(400, 'Too Many Via Values', 'More Via values than viaValuesMax.'),
  'branch': peer(400, 'Bad Via Branch', 'The branch is empty after its magic cookie, or too long (RFC 4475 3.3.1).'),
  'from': peer(400, 'Bad From', 'From does not follow its grammar (RFC 3261 20.20).'),
  'to': peer(400, 'Bad To', 'To does not follow its grammar (RFC 3261 20.39).'),
  'tag': peer(400, 'Tag Too Long', 'A tag is longer than tagBytesMax.'),
  'call-id': peer(
    400,
    'Bad Call-ID',
    'Call-ID is empty, too long, or has other than visible characters (RFC 3261 20.8).',
  ),
  'cseq': peer(400, 'Bad CSeq', 'CSeq is not a number below 2**31 and a method (RFC 3261 8.1.1.5).'),
  'cseq-method': peer(
    400,
    'CSeq Method Mismatch',
    'The CSeq method is not the method of the request (RFC 4475 3.1.2.17).',
  ),
  'unknown-method': peer(501, 'Not Implemented', 'An unknown method whose CSeq names another (RFC 4475 3.1.2.18).'),
  'contact': peer(400, 'Bad Contact', 'Contact does not follow its grammar (RFC 3261 20.10).'),
  'contact-count': peer(
    400,
    'Too Many Contact Values',
    'More Contact values in a REGISTER than contactsPerRegisterMax.',
  ),
  'route': peer(400, 'Bad Route', 'Route does not follow its grammar (RFC 3261 20.34).'),
  'route-count': peer(400, 'Too Many Route Values', 'More Route values than routeValuesMax.'),
  'record-route': peer(400, 'Bad Record-Route', 'Record-Route does not follow its grammar (RFC 3261 20.30).'),
  'record-route-count': peer(
    400,
    'Too Many Record-Route Values',
    'More Record-Route values than recordRouteValuesMax.',
  ),
  'authorization-count': peer(400, 'Too Many Credentials', 'More credentials than authorizationValuesMax.'),
  'content-length': peer(400, 'Bad Content-Length', 'Content-Length is not 1 to 7 digits (RFC 3261 20.14).'),
  'content-length-missing': peer(
    400,
    'Missing Content-Length',
    'A message on a stream needs a Content-Length (RFC 3261 20.14).',
  ),
  'body-short': peer(
    400,
    'Body Shorter Than Content-Length',
    'The datagram ends before its body does (RFC 3261 18.3).',
  ),
} as const;

export type ErrorCode = keyof typeof rows;

export const errors: Readonly<Record<ErrorCode, ErrorRow>> = rows;
