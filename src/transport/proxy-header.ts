/**
 * The header of the PROXY protocol, versions 1 and 2 (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt): what a
 * balancer says in front of a connection about whom it is for. Sans-IO: octets in, a verdict out.
 */
import { limits } from '../limits.ts';
import { parseAddress } from '../registrar/address.ts';

export type ProxyHeader =
  /** So far it may become a header: more octets are needed. */
  | { readonly is: 'partial' }
  /** None, or one that nobody should send. */
  | { readonly is: 'wrong'; readonly reason: WrongHeader }
  /** `bytes` is its length. Without a source the connection is the balancer's own (LOCAL, UNKNOWN, UNSPEC). */
  | { readonly is: 'whole'; readonly bytes: number; readonly source: ProxySource | undefined };

export interface ProxySource {
  /** IPv6 without brackets; an IPv4-mapped address as IPv4. */
  readonly address: string;
  readonly port: number;
}

export type WrongHeader = 'missing' | 'malformed' | 'too-long' | 'version' | 'command';

const partial: ProxyHeader = { is: 'partial' };

/** Section 2.2: no SIP message and no header of version 1 begins so. */
const signature2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const signature1 = Buffer.from('PROXY ', 'latin1');
/** Section 2.1: "the maximum line lengths the receiver must support including the CRLF". */
const line1BytesMax = 107;
const head2Bytes = 16;

/** Reads what stands at the beginning of `octets`, which may go on with the first message. */
export function readProxyHeader(octets: Buffer): ProxyHeader {
  if (beginsLike(octets, signature2)) return octets.length < head2Bytes ? partial : readBinary(octets);
  if (beginsLike(octets, signature1)) return readLine(octets);
  return wrong('missing');
}

function wrong(reason: WrongHeader): ProxyHeader {
  return { is: 'wrong', reason };
}

/** Whether `octets` begins with the signature, as far as there is something of both. */
function beginsLike(octets: Buffer, signature: Buffer): boolean {
  const length = Math.min(octets.length, signature.length);
  return octets.compare(signature, 0, length, 0, length) === 0;
}

/** Version 1: `PROXY TCP4 192.0.2.7 10.0.0.1 40000 5060` CRLF. */
function readLine(octets: Buffer): ProxyHeader {
  const end = octets.subarray(0, line1BytesMax).indexOf('\r\n');
  if (end === -1) return octets.length >= line1BytesMax ? wrong('too-long') : partial;
  const bytes = end + 2;
  const words = octets.toString('latin1', 0, end).split(' ');
  // "the receiver must ignore anything presented before the CRLF".
  if (words[1] === 'UNKNOWN') return { is: 'whole', bytes, source: undefined };
  const [, family, address = '', ours = '', port = '', ourPort = ''] = words;
  if (words.length !== 6 || (family !== 'TCP4' && family !== 'TCP6')) return wrong('malformed');
  const parsed = addressOf(family, address);
  if (parsed === undefined || addressOf(family, ours) === undefined || !isPort(port) || !isPort(ourPort))
    return wrong('malformed');
  return { is: 'whole', bytes, source: { address: addressText(parsed), port: Number(port) } };
}

function addressOf(family: 'TCP4' | 'TCP6', text: string): readonly number[] | undefined {
  return text.includes(':') === (family === 'TCP6') && !text.startsWith('[') ? parseAddress(text) : undefined;
}

/** "a number between 0 and 65535 without leading zeroes"; nobody connects from port 0. */
function isPort(text: string): boolean {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535;
}

/** Version 2: signature, version and command, family and protocol, length; addresses; then TLVs, which are skipped. */
function readBinary(octets: Buffer): ProxyHeader {
  const versionAndCommand = octets.readUInt8(12);
  if (versionAndCommand >> 4 !== 2) return wrong('version');
  const command = versionAndCommand & 0x0f;
  if (command > 1) return wrong('command');
  const length = octets.readUInt16BE(14);
  const bytes = head2Bytes + length;
  if (bytes > limits.proxyHeaderBytesMax) return wrong('too-long');
  const family = octets.readUInt8(13);
  const addressBytes = command === 0 ? 0 : (addressBytesOf.get(family >> 4) ?? 0);
  if (length < addressBytes) return wrong('malformed');
  if (octets.length < bytes) return partial;
  // Anything but a TCP connection of IPv4 or IPv6 tells nothing that we could use.
  if (command === 0 || (family !== 0x11 && family !== 0x21)) return { is: 'whole', bytes, source: undefined };
  const four = family === 0x11;
  const port = octets.readUInt16BE(head2Bytes + (four ? 8 : 32));
  if (port === 0) return wrong('malformed');
  const groups = four
    ? [...octets.subarray(head2Bytes, head2Bytes + 4)]
    : Array.from({ length: 8 }, (_, group) => octets.readUInt16BE(head2Bytes + 2 * group));
  return { is: 'whole', bytes, source: { address: addressText(groups), port } };
}

/** By address family: both addresses, and ports where there are some. */
const addressBytesOf: ReadonlyMap<number, number> = new Map([
  [1, 12],
  [2, 36],
  [3, 216],
]);

/**
 * Four octets, or eight groups in the spelling of RFC 5952, as the system names peers: lower case, the longest run of zeros
 * as `::`. An IPv4 client of an IPv6 balancer is an IPv4 client.
 */
function addressText(parts: readonly number[]): string {
  if (parts.length === 4) return parts.join('.');
  const [a, b, c, d, e, f, high = 0, low = 0] = parts;
  if (f === 0xffff && a === 0 && b === 0 && c === 0 && d === 0 && e === 0)
    return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
  const { start, length } = longestZeros(parts);
  const text = (from: number, to: number): string =>
    parts
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  return length < 2 ? text(0, 8) : `${text(0, start)}::${text(start + length, 8)}`;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let at = 0; at <= groups.length; at += 1) {
    if (groups[at] === 0) continue;
    if (at - start > best.length) best = { start, length: at - start };
    start = at + 1;
  }
  return best;
}
