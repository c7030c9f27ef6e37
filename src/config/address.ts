/**
 * Addresses as they are written in a configuration: `127.0.0.1:7000`, `[::1]:7000`, `10.0.0.0/8`. Only IP literals: a
 * name would make the start of a node depend on DNS. SIP addresses: listener.ts.
 */

/** IPv6 stands without brackets. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Undefined when the text is not `IPv4:port` or `[IPv6]:port`. */
export function parseHostPort(text: string): HostPort | undefined {
  const colon = text.lastIndexOf(':');
  if (colon < 1) return undefined;
  const port = parsePort(text.slice(colon + 1));
  if (port === undefined) return undefined;
  const written = text.slice(0, colon);
  if (written.startsWith('[') && written.endsWith(']')) {
    const host = written.slice(1, -1);
    return isIpv6(host) ? { host, port } : undefined;
  }
  return isIpv4(written) ? { host: written, port } : undefined;
}

export function formatHostPort(address: HostPort): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

export function isLoopback(host: string): boolean {
  return host === '::1' || (isIpv4(host) && host.startsWith('127.'));
}

/** A network as `10.0.0.0/8`, `::1/128` or one address. */
export function isNetwork(text: string): boolean {
  const slash = text.indexOf('/');
  const host = slash === -1 ? text : text.slice(0, slash);
  const bitsMax = isIpv4(host) ? 32 : isIpv6(host) ? 128 : -1;
  if (bitsMax === -1) return false;
  if (slash === -1) return true;
  const bits = text.slice(slash + 1);
  return /^\d{1,3}$/.test(bits) && Number(bits) <= bitsMax;
}

export function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

/** Groups of hexadecimal digits with at most one `::`; an embedded IPv4 tail counts as two groups. No zone. */
export function isIpv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2 || text.length > 45) return false;
  let groups = 0;
  for (const [index, half] of halves.entries()) {
    if (half === '') {
      if (halves.length === 1) return false;
      continue;
    }
    const parts = half.split(':');
    for (const [at, part] of parts.entries()) {
      const last = index === halves.length - 1 && at === parts.length - 1;
      if (last && isIpv4(part)) groups += 2;
      else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups += 1;
      else return false;
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}

/** Without leading zeros; undefined unless from 1 to 65535. */
export function parsePort(text: string): number | undefined {
  if (!/^[1-9]\d{0,4}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}
