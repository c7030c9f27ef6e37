/**
 * SIP addresses as they are written in a configuration: `udp:192.0.2.10:5060`, and what one of them has of its own behind
 * a question mark: `tcp:10.0.0.1:5060?advertise=sip.example.test:5060&proxy=10.0.0.0/8,192.0.2.7`, `udp:10.0.0.100:5060?shared=yes`.
 */
import { formatHostPort, isIpv4, isIpv6, isNetwork, parseHostPort, parsePort } from './address.ts';
import type { HostPort } from './address.ts';

export const listenerProtocols = ['udp', 'tcp', 'tls', 'ws', 'wss'] as const;
export type ListenerProtocol = (typeof listenerProtocols)[number];

export interface Listener extends HostPort {
  readonly protocol: ListenerProtocol;
  /** What stands in Via and Record-Route instead of the address. */
  readonly advertise?: Advertised;
  /** Networks of balancers: who connects from there says by the PROXY protocol for whom. Not for UDP. */
  readonly proxy?: readonly string[];
  /** Every node of the cluster listens at this very address: one machine, a virtual or an anycast address. Only for UDP. */
  readonly shared?: true;
}

/** IPv6 stands without brackets. Without a port it is that of the listener. */
export interface Advertised {
  readonly host: string;
  readonly port?: number;
}

const hostName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/** More networks would be a mistake. */
const networksMax = 64;

/** Undefined when the text is not `protocol:address:port` with a protocol and options that we know the name of. */
export function parseListener(text: string): Listener | undefined {
  const colon = text.indexOf(':');
  const protocol = listenerProtocols.find((known) => known === text.slice(0, colon));
  const question = text.indexOf('?');
  const address = parseHostPort(text.slice(colon + 1, question === -1 ? undefined : question));
  if (protocol === undefined || address === undefined) return undefined;
  if (question === -1) return { protocol, ...address };
  const options = parseOptions(text.slice(question + 1));
  if (options === undefined || (options.proxy !== undefined && protocol === 'udp')) return undefined;
  if (options.shared && protocol !== 'udp') return undefined;
  return { protocol, ...address, ...options };
}

/** `protocol:address:port`, without the options. */
export function listenerAddress(listener: Listener): string {
  return `${listener.protocol}:${formatHostPort(listener)}`;
}

export function formatListener(listener: Listener): string {
  const { advertise, proxy, shared } = listener;
  const options: string[] = [];
  if (advertise !== undefined) options.push(`advertise=${formatAdvertised(advertise)}`);
  if (proxy !== undefined) options.push(`proxy=${proxy.join(',')}`);
  if (shared) options.push('shared=yes');
  return listenerAddress(listener) + (options.length === 0 ? '' : `?${options.join('&')}`);
}

/** `sip.example.test`, `sip.example.test:5080`, `203.0.113.7`, `[2001:db8::1]:5080`. Undefined for anything else. */
export function parseAdvertised(text: string): Advertised | undefined {
  const colon = text.lastIndexOf(':');
  const hasPort = colon > 0 && !text.endsWith(']');
  const port = hasPort ? parsePort(text.slice(colon + 1)) : undefined;
  if (hasPort && port === undefined) return undefined;
  const written = hasPort ? text.slice(0, colon) : text;
  const host = written.startsWith('[') && written.endsWith(']') ? written.slice(1, -1) : written;
  if (written === host ? !isNameOrIpv4(host) : !isIpv6(host)) return undefined;
  return port === undefined ? { host } : { host, port };
}

export function formatAdvertised({ host, port }: Advertised): string {
  const written = host.includes(':') ? `[${host}]` : host;
  return port === undefined ? written : `${written}:${port}`;
}

/** All addresses of the machine at once: nothing that one could write into a Via. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || (host.includes(':') && /^[0:]+$/.test(host));
}

function isNameOrIpv4(host: string): boolean {
  // Digits and dots alone are an address or nothing.
  return /^[\d.]*$/.test(host) ? isIpv4(host) : hostName.test(host);
}

function parseOptions(text: string): Pick<Listener, 'advertise' | 'proxy' | 'shared'> | undefined {
  const options: { advertise?: Advertised; proxy?: readonly string[]; shared?: true } = {};
  for (const part of text.split('&')) {
    const equals = part.indexOf('=');
    const name = part.slice(0, equals);
    const value = part.slice(equals + 1);
    if (name === 'advertise' && options.advertise === undefined) {
      const advertise = parseAdvertised(value);
      if (advertise === undefined) return undefined;
      options.advertise = advertise;
    } else if (name === 'proxy' && options.proxy === undefined) {
      const networks = value.split(',');
      if (networks.length > networksMax || !networks.every(isNetwork)) return undefined;
      options.proxy = networks;
    } else if (part === 'shared=yes' && options.shared === undefined) {
      options.shared = true;
    } else return undefined;
  }
  return options;
}
