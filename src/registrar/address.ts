/**
 * What kind of host stands in a URI: a name, or an IP literal and of which sort. One function classifies for everybody, so that no
 * spelling of an address (`2130706433`, `127.1`, `::ffff:224.0.0.1`) is judged differently in two places.
 * Sorts as in the IANA special-purpose registries (RFC 6890); multicast RFC 5771 and RFC 4291.
 */

export type HostKind =
  | 'name' // A host name; where it leads is known after resolution only.
  | 'invalid-name' // Below .invalid (RFC 6761 6.4): clients that do not know their own address write it.
  | 'localhost' // RFC 6761 6.3: a name, but one that always means ourselves.
  | 'malformed' // Neither name nor address: numbers that resolvers would still read as IPv4.
  | 'unspecified' // 0.0.0.0/8 and ::
  | 'loopback'
  | 'private' // RFC 1918, RFC 6598 (carrier NAT), RFC 4193
  | 'link-local'
  | 'multicast'
  | 'broadcast' // 255.255.255.255
  | 'reserved' // 240.0.0.0/4
  | 'global';

/** The kind of `host`, IPv6 with or without brackets. */
export function hostKind(host: string): HostKind {
  const address = parseAddress(host);
  if (address === undefined) return nameKind(host);
  return address.length === 4 ? kindOf4(address) : kindOf6(address);
}

/** Whether the two are the same IP address, whatever the spelling. False when one of them is a name. */
export function sameAddress(a: string, b: string): boolean {
  const first = parseAddress(a);
  if (a === b) return first !== undefined;
  const second = parseAddress(b);
  if (first === undefined || second === undefined || first.length !== second.length) return false;
  return first.every((part, at) => part === second[at]);
}

/** Four octets, or eight groups of 16 bits, or undefined. An IPv4-mapped IPv6 address gives the four octets. */
export function parseAddress(host: string): readonly number[] | undefined {
  if (!host.includes(':')) return parse4(host);
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  const groups = parse6(bare);
  if (groups === undefined) return undefined;
  const mapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  if (!mapped) return groups;
  return [groups[6]! >> 8, groups[6]! & 0xff, groups[7]! >> 8, groups[7]! & 0xff];
}

function nameKind(host: string): HostKind {
  if (host === '' || host.includes(':')) return 'malformed';
  const labels = host.toLowerCase().split('.');
  if (labels[labels.length - 1] === '' && labels.length > 1) labels.pop(); // The root dot.
  const last = labels[labels.length - 1]!;
  // `1`, `0x7f000001` and `127.1` are not host names (RFC 3261 25.1 toplabel), but inet_aton and so resolvers take them for addresses.
  if (isNumeric(last)) return 'malformed';
  if (last === 'invalid') return 'invalid-name';
  return last === 'localhost' ? 'localhost' : 'name';
}

function kindOf4(octets: readonly number[]): HostKind {
  const [a, b] = [octets[0]!, octets[1]!];
  if (a === 0) return 'unspecified';
  if (a === 127) return 'loopback';
  if (a === 10 || (a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168)) return 'private';
  if (a === 100 && b >= 64 && b <= 127) return 'private';
  if (a === 169 && b === 254) return 'link-local';
  if (a >= 224 && a <= 239) return 'multicast';
  if (octets.every((octet) => octet === 255)) return 'broadcast';
  return a >= 240 ? 'reserved' : 'global';
}

function kindOf6(groups: readonly number[]): HostKind {
  const first = groups[0]!;
  if ((first & 0xff00) === 0xff00) return 'multicast';
  if ((first & 0xffc0) === 0xfe80) return 'link-local';
  if ((first & 0xfe00) === 0xfc00) return 'private';
  if (groups.slice(0, 7).every((group) => group === 0)) {
    if (groups[7] === 0) return 'unspecified';
    if (groups[7] === 1) return 'loopback';
  }
  return 'global';
}

/** Dotted quad only, no leading zeros (which C libraries read as octal). */
function parse4(text: string): number[] | undefined {
  const octets = [0, 0, 0, 0];
  let count = 0;
  let octet = 0;
  let digits = 0;
  for (let at = 0; at <= text.length; at += 1) {
    const code = at < text.length ? text.charCodeAt(at) : dot;
    if (code === dot) {
      if (digits === 0 || count === 4) return undefined;
      octets[count] = octet;
      count += 1;
      octet = 0;
      digits = 0;
      continue;
    }
    if (code < 0x30 || code > 0x39 || (digits > 0 && octet === 0)) return undefined;
    octet = octet * 10 + code - 0x30;
    digits += 1;
    if (octet > 255) return undefined;
  }
  return count === 4 ? octets : undefined;
}

const dot = 0x2e;

/** RFC 4291 2.2: groups, one `::`, perhaps a dotted quad at the end. No zone. */
function parse6(text: string): number[] | undefined {
  if (text.length > 45) return undefined;
  const gap = text.indexOf('::');
  if (gap >= 0 && text.indexOf('::', gap + 1) >= 0) return undefined;
  const head = groupsOf(gap < 0 ? text : text.slice(0, gap), gap < 0);
  const tail = gap < 0 ? [] : groupsOf(text.slice(gap + 2), true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (gap < 0 ? missing !== 0 : missing < 1) return undefined;
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

function groupsOf(text: string, mayEndInQuad: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at]!;
    if (mayEndInQuad && at === parts.length - 1 && part.includes('.')) {
      const quad = parse4(part);
      if (quad === undefined) return undefined;
      groups.push((quad[0]! << 8) | quad[1]!, (quad[2]! << 8) | quad[3]!);
      continue;
    }
    const group = number(part, 16, 4);
    if (group === undefined) return undefined;
    groups.push(group);
  }
  return groups;
}

function isNumeric(label: string): boolean {
  if (label.startsWith('0x')) return label.length === 2 || number(label.slice(2), 16, 64) !== undefined;
  return number(label, 10, 64) !== undefined;
}

/** `text` as a number of at most `digitsMax` digits, or undefined. */
function number(text: string, base: 10 | 16, digitsMax: number): number | undefined {
  if (text.length === 0 || text.length > digitsMax) return undefined;
  let value = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const lower = code | 0x20;
    const digit =
      code >= 0x30 && code <= 0x39 ? code - 0x30 : base === 16 && lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
    if (digit < 0) return undefined;
    value = value * base + digit;
  }
  return value;
}
