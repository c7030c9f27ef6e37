/** fast-check generators of SIP: URIs, addresses, Vias, headers, whole messages in every spelling the grammar allows. */
import fc from 'fast-check';
import { HeaderId, headerFacts } from '../../src/sip/header/names.ts';
import { methods } from '../../src/sip/method.ts';
import type { SipUri } from '../../src/sip/uri.ts';

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const digits = '0123456789';

function textOf(alphabet: string, minLength: number, maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...alphabet), minLength, maxLength });
}

export const token = textOf(`${letters}${digits}-.!%*_+\`'~`, 1, 12);
const plainToken = textOf(`${letters}${digits}`, 1, 8);
const hexPair = fc.integer({ min: 0, max: 255 }).map((octet) => `%${octet.toString(16).padStart(2, '0')}`);

function escaped(alphabet: string, minLength: number, maxLength: number): fc.Arbitrary<string> {
  const unit = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...alphabet) }, { weight: 1, arbitrary: hexPair });
  return fc.array(unit, { minLength, maxLength }).map((parts) => parts.join(''));
}

const ipv4 = fc.tuple(...([0, 1, 2, 3] as const).map(() => fc.nat(255))).map((parts) => parts.join('.'));
const ipv6 = fc.oneof(
  fc.constantFrom('::', '::1', '2001:db8::9:1', '::ffff:192.0.2.10', '2001:db8::192.0.2.1'),
  fc
    .array(fc.nat(0xffff), { minLength: 8, maxLength: 8 })
    .map((groups) => groups.map((group) => group.toString(16)).join(':')),
);
const label = fc
  .tuple(fc.constantFrom(...letters), textOf(`${letters}${digits}`, 0, 6))
  .map(([first, rest]) => (first + rest).toLowerCase());
const hostName = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));

/** Lower case, IPv6 without brackets, as SipUri and Via hold it. */
export const host = fc.oneof(hostName, ipv4, ipv6);
export const port = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 65_535 }));

/** Records with the prototype that object literals have. */
const plain = { noNullPrototype: true } as const;

const unreserved = `${letters}${digits}-_.!~*'()`;
const uriParams = fc.uniqueArray(
  fc.tuple(
    textOf(`${letters.toLowerCase()}${digits}-.`, 1, 8),
    fc.option(escaped(`${unreserved}[]/:&+$`, 1, 8), { nil: undefined }),
  ),
  { maxLength: 3, selector: ([name]) => name },
);
const uriHeaders = fc.array(fc.tuple(escaped(`${unreserved}[]/?:+$`, 1, 6), escaped(`${unreserved}[]/?:+$`, 0, 6)), {
  maxLength: 2,
});

/** SIP and SIPS URIs of every shape. */
export const sipUri: fc.Arbitrary<SipUri> = fc
  .record(
    {
      scheme: fc.constantFrom('sip' as const, 'sips' as const),
      user: fc.oneof(fc.constant(''), escaped(`${unreserved}&=+$,;?/`, 1, 10)),
      password: fc.oneof({ weight: 4, arbitrary: fc.constant('') }, escaped(`${unreserved}&=+$,`, 1, 6)),
      host,
      port,
      params: uriParams,
      headers: uriHeaders,
    },
    plain,
  )
  .map((uri) => (uri.user === '' ? { ...uri, password: '' } : uri));

export const telUri: fc.Arbitrary<SipUri> = fc.record(
  {
    scheme: fc.constant('tel' as const),
    user: fc
      .tuple(fc.constantFrom('', '+'), textOf(`${digits}-.()`, 0, 8))
      .map(([plus, number]) => `${plus}1${number}`),
    password: fc.constant(''),
    host: fc.constant(''),
    port: fc.constant(0),
    params: uriParams,
    headers: fc.constant([]),
  },
  plain,
);

/** White space as the grammar allows it around separators: none, spaces, tabs, folds. */
const lws = fc.oneof({ weight: 12, arbitrary: fc.constant('') }, fc.constantFrom(' ', '\t', '  ', ' \r\n ', '\r\n\t'));
const gap = fc.oneof({ weight: 10, arbitrary: fc.constant(' ') }, fc.constantFrom('\t', '  ', ' \r\n ', '\r\n\t'));

const quoted = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...`${letters}${digits} ,;<>@`) },
      fc.constantFrom('\\"', '\\\\', '\\\x00', '\\\x7f', '\xc3\xa9', '\xff'),
    ),
    { maxLength: 10 },
  )
  .map((parts) => `"${parts.join('')}"`);

const paramValue = fc.oneof({ weight: 4, arbitrary: token }, quoted);

function params(reserved: readonly string[]): fc.Arbitrary<string> {
  const name = plainToken.filter((text) => !reserved.includes(text.toLowerCase()));
  const one = fc
    .tuple(lws, lws, name, fc.option(fc.tuple(lws, lws, paramValue)))
    .map(
      ([before, after, text, value]) =>
        `${before};${after}${text}${value === null ? '' : `${value[0]}=${value[1]}${value[2]}`}`,
    );
  return fc.uniqueArray(one, { maxLength: 3 }).map((all) => all.join(''));
}

export const uriText = fc.oneof(
  { weight: 6, arbitrary: sipUri.map(writeUri) },
  telUri.map(writeUri),
  fc.constantFrom('isbn:2983792873', 'http://www.example.com', 'urn:service:sos'),
);

/** A Request-URI has no headers part. */
export const requestUri = fc.oneof(
  { weight: 6, arbitrary: sipUri.map((uri) => writeUri({ ...uri, headers: [] })) },
  fc.constantFrom('tel:+1-201-555-0123', 'urn:service:sos', 'soap.beep://192.0.2.103:3002'),
);

/** Written by hand here, so that the writer under test is not its own judge. */
function writeUri(uri: SipUri): string {
  const parts: string[] = [uri.scheme, ':'];
  if (uri.user !== '')
    parts.push(uri.user, uri.password === '' ? '' : `:${uri.password}`, uri.scheme === 'tel' ? '' : '@');
  parts.push(uri.host.includes(':') ? `[${uri.host}]` : uri.host, uri.port === 0 ? '' : `:${uri.port}`);
  for (const [name, value] of uri.params) parts.push(';', name, value === undefined ? '' : `=${value}`);
  uri.headers.forEach(([name, value], i) => parts.push(i === 0 ? '?' : '&', name, '=', value ?? ''));
  return parts.join('');
}

const display = fc.oneof(
  fc.constant(''),
  quoted,
  fc.array(token, { minLength: 1, maxLength: 2 }).map((words) => words.join(' ')),
);

/** name-addr or addr-spec with parameters; `tag` is added when given. */
export function address(tag: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const full = fc
    .tuple(display, lws, uriText, params(['tag']), tag)
    .map(([name, space, uri, rest, tagText]) => `${name}${space}<${uri}>${rest}${tagText}`);
  const bare = fc
    .tuple(host, params(['tag']), tag)
    .map(([name, rest, tagText]) => `sip:${name.includes(':') ? `[${name}]` : name}${rest}${tagText}`);
  return fc.oneof({ weight: 3, arbitrary: full }, bare);
}

const tagParam = fc.oneof(
  fc.constant(''),
  token.map((tag) => `;tag=${tag}`),
);
const noTag = fc.constant('');

export const via = fc
  .tuple(
    fc.constantFrom('UDP', 'TCP', 'TLS', 'WS', 'udp', 'X-New'),
    host,
    port,
    lws,
    params(['branch', 'received', 'rport']),
    fc.oneof(
      fc.constant(''),
      token.map((branch) => `;branch=z9hG4bK${branch}`),
      token.map((branch) => `;Branch = ${branch}x`),
    ),
    fc.oneof(
      fc.constant(''),
      fc.constant(';rport'),
      fc.integer({ min: 1, max: 65_535 }).map((number) => `;rport=${number}`),
    ),
    fc.oneof(
      fc.constant(''),
      ipv4.map((ip) => `;received=${ip}`),
      ipv6.map((ip) => `;received=${ip}`),
      ipv6.map((ip) => `;received=[${ip}]`),
    ),
    fc.constantFrom('SIP/2.0/', 'SIP / 2.0 / ', 'sip/2.0/'),
  )
  .map(([transport, name, number, space, rest, branch, rport, received, protocol]) => {
    const sentBy = `${name.includes(':') ? `[${name}]` : name}${number === 0 ? '' : `${space}:${space}${number}`}`;
    return `${protocol}${transport} ${sentBy}${rest}${branch}${rport}${received}`;
  });

/** The name of a header in any of its spellings. */
function nameOf(id: HeaderId): fc.Arbitrary<string> {
  const facts = headerFacts[id];
  const names = [facts?.name ?? 'X', (facts?.name ?? 'X').toUpperCase(), (facts?.name ?? 'X').toLowerCase()];
  if (facts !== undefined && facts.compact !== '') names.push(facts.compact, facts.compact.toUpperCase());
  return fc.constantFrom(...names);
}

function line(id: HeaderId, value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(nameOf(id), fc.constantFrom('', ' ', '\t'), lws, value, fc.constantFrom('', ' '))
    .map((parts) => `${parts[0]}${parts[1]}:${parts.slice(2).join('')}`);
}

function list(value: fc.Arbitrary<string>, maxLength: number): fc.Arbitrary<string> {
  return fc
    .tuple(fc.array(value, { minLength: 1, maxLength }), lws)
    .map(([all, space]) => all.join(`${space},${space}`));
}

const otherHeader = fc.oneof(
  line(HeaderId.Contact, list(address(noTag), 3)),
  line(HeaderId.Route, list(address(noTag), 3)),
  line(HeaderId.RecordRoute, list(address(noTag), 2)),
  line(HeaderId.Supported, list(token, 3)),
  line(HeaderId.UserAgent, token),
  line(HeaderId.Subject, fc.constantFrom('', 'a; b, c', 'x \r\n y')),
  fc
    .tuple(
      plainToken.map((name) => `X-${name}`),
      gap,
      fc.constantFrom(';;,,;;,;', 'v', 'two\r\n words', '"'),
    )
    .map((parts) => `${parts[0]}:${parts[1]}${parts[2]}`),
  fc.constantFrom('__proto__: polluted', 'constructor: 1', 'hasOwnProperty: 1', 'toString: x'),
);

export interface GeneratedMessage {
  readonly bytes: Buffer;
  readonly method: string;
}

/** A whole request or response, valid for datagrams and for streams, with headers in any order and spelling. */
export const message: fc.Arbitrary<GeneratedMessage> = fc
  .record({
    method: fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...methods) }, token),
    status: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.integer({ min: 100, max: 699 })),
    reason: fc.constantFrom('', 'OK', 'Any phrase, at all', '\xd0\xbd\xd0\xbe'),
    uri: requestUri,
    cseq: fc.nat(2 ** 31 - 1),
    vias: fc.array(fc.tuple(line(HeaderId.Via, list(via, 2))), { minLength: 1, maxLength: 3 }),
    from: line(HeaderId.From, address(tagParam)),
    to: line(HeaderId.To, address(tagParam)),
    callId: line(HeaderId.CallId, textOf(`${letters}${digits}-.@:<>"[]{}`, 1, 20)),
    cseqName: nameOf(HeaderId.CSeq),
    gap,
    maxForwards: fc.option(line(HeaderId.MaxForwards, fc.constantFrom('70', '0068', '0', '255', '300', 'abc'))),
    others: fc.array(otherHeader, { maxLength: 4 }),
    body: fc.uint8Array({ maxLength: 40 }),
    length: nameOf(HeaderId.ContentLength),
    order: fc.array(fc.nat(1000), { minLength: 16, maxLength: 16 }),
  })
  .map((parts) => {
    const lines = [
      ...parts.vias.map(([text]) => text),
      parts.from,
      parts.to,
      parts.callId,
      `${parts.cseqName}: ${parts.cseq}${parts.gap}${parts.method}`,
    ];
    if (parts.maxForwards !== null) lines.push(parts.maxForwards);
    lines.push(...parts.others, `${parts.length}: ${parts.body.length}`);
    const shuffled = lines.map((text, i) => ({ text, key: parts.order[i] ?? 0 })).sort((a, b) => a.key - b.key);
    const start =
      parts.status === 0 ? `${parts.method} ${parts.uri} SIP/2.0` : `SIP/2.0 ${parts.status} ${parts.reason}`;
    const head = [start, ...shuffled.map((item) => item.text), '', ''].join('\r\n');
    return { method: parts.method, bytes: Buffer.concat([Buffer.from(head, 'latin1'), parts.body]) };
  });
