/** A second writer, for tests: the message from its decoded values, full names, no folds, one value a line. */
import { writeAddress } from '../../src/sip/header/address.ts';
import { writeCSeq } from '../../src/sip/header/cseq.ts';
import { HeaderId, headerFacts } from '../../src/sip/header/names.ts';
import { parseVia, writeVia } from '../../src/sip/header/via.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { formatUri } from '../../src/sip/uri.ts';

/** The message in normal form. Unknown headers keep their names and their order among themselves. */
export function write(message: SipMessage): Buffer {
  const uri = message.uri === undefined ? message.requestUri : formatUri(message.uri);
  const lines = [
    message.isRequest ? `${message.method} ${uri} SIP/2.0` : `SIP/2.0 ${message.status} ${message.reason}`,
  ];
  for (const value of message.values(HeaderId.Via)) {
    const via = parseVia(value);
    if (via === undefined) throw new Error(`a Via that parsed no longer does: ${value}`);
    lines.push(`Via: ${writeVia(via)}`);
  }
  lines.push(`From: ${writeAddress(message.from)}`, `To: ${writeAddress(message.to)}`, `Call-ID: ${message.callId}`);
  lines.push(`CSeq: ${writeCSeq({ number: message.cseq, method: message.cseqMethod })}`);
  if (message.maxForwards >= 0) lines.push(`Max-Forwards: ${message.maxForwards}`);
  const contacts = message.contacts;
  if (contacts === '*') lines.push('Contact: *');
  else for (const contact of contacts) lines.push(`Contact: ${writeAddress(contact)}`);
  for (const { id, name } of headerFacts) {
    if (!written.has(id)) for (const value of message.values(id)) lines.push(`${name}: ${value}`);
  }
  for (const name of unknownNames(message)) for (const value of message.lines(name)) lines.push(`${name}: ${value}`);
  lines.push(`Content-Length: ${message.body.length}`, '', '');
  return Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), message.body]);
}

const written: ReadonlySet<number> = new Set([
  HeaderId.Unknown,
  HeaderId.Via,
  HeaderId.From,
  HeaderId.To,
  HeaderId.CallId,
  HeaderId.CSeq,
  HeaderId.MaxForwards,
  HeaderId.Contact,
  HeaderId.ContentLength,
]);

/** Names of headers without a row, lower case, each once, in order of appearance. */
export function unknownNames(message: SipMessage): readonly string[] {
  const names = new Set<string>();
  for (let line = 0; line < message.lineIndex.length; line += 2) {
    const word = message.lineIndex[line] ?? 0;
    if (word >> 15 !== HeaderId.Unknown) continue;
    const start = word & 0x7fff;
    names.add(message.head.slice(start, message.head.indexOf(':', start)).trim().toLowerCase());
  }
  return [...names];
}

/** All that a message says, without how it was spelt: what must survive writing and parsing again. */
export function meaning(message: SipMessage): unknown {
  const { received, rport, branch, transport, host, port, params } = message.topVia;
  const values: Record<string, readonly string[]> = Object.create(null) as Record<string, readonly string[]>;
  for (const { id, name } of headerFacts) if (!written.has(id)) values[name] = message.values(id);
  for (const name of unknownNames(message)) values[`unknown ${name}`] = message.lines(name);
  return {
    start: [message.isRequest, message.method, message.status, message.reason, message.uri ?? message.requestUri],
    identity: [message.callId, message.cseq, message.cseqMethod, message.fromTag, message.toTag, message.maxForwards],
    topVia: { received, rport, branch, transport, host, port, params },
    vias: message.values(HeaderId.Via).map((value) => normalVia(value)),
    addresses: [message.from, message.to, message.contacts],
    values,
    body: message.body.toString('latin1'),
  };
}

function normalVia(value: string): unknown {
  const via = parseVia(value);
  return via === undefined ? value : [via.transport, via.host, via.port, via.params];
}
