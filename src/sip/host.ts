/** Hosts of URIs and Vias: names, IPv4 addresses, IPv6 references (RFC 3261 25.1, RFC 5118). */
import { DIGIT, HEX, HOST, is } from './chars.ts';

/** From the first character of a host to the position after it, -1 when there is none. */
export function skipHost(text: string, at: number, end: number): number {
  if (text.charCodeAt(at) === 0x5b) {
    const close = text.indexOf(']', at);
    return close > 0 && close < end && isIpv6(text, at + 1, close) ? close + 1 : -1;
  }
  let next = at;
  let numeric = true;
  let previous = 0x2e;
  for (; next < end; next += 1) {
    const code = text.charCodeAt(next);
    if (!is(code, HOST)) break;
    if (code === 0x2e) {
      if (previous === 0x2e || previous === 0x2d) return -1;
    } else if (code === 0x2d) {
      if (previous === 0x2e) return -1;
      numeric = false;
    } else if (!is(code, DIGIT)) numeric = false;
    previous = code;
  }
  if (next === at || next - at > 255 || previous === 0x2d) return -1;
  // A name made of digits and dots alone is an address or nothing (toplabel starts with a letter, RFC 3261 25.1).
  if (numeric && !isIpv4(text, at, next)) return -1;
  return next;
}

/** The host between two positions: lower case, IPv6 without brackets, the `:::` of RFC 5118 4.10 read as `::`. */
export function hostAt(text: string, start: number, end: number): string {
  if (text.charCodeAt(start) !== 0x5b) return text.slice(start, end).toLowerCase();
  return ipv6Text(text.slice(start + 1, end - 1));
}

/** An address of a `received` parameter, with or without brackets (RFC 5118 4.5); undefined when it is none. */
export function addressAt(text: string, start: number, end: number): string | undefined {
  const bracketed = text.charCodeAt(start) === 0x5b && text.charCodeAt(end - 1) === 0x5d;
  const from = bracketed ? start + 1 : start;
  const to = bracketed ? end - 1 : end;
  if (!bracketed && isIpv4(text, from, to)) return text.slice(from, to);
  return isIpv6(text, from, to) ? ipv6Text(text.slice(from, to)) : undefined;
}

/** A host as it stands in a URI or a Via. */
export function formatHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** Digits of a port from `at` to `end`; -1 unless it is a number from 1 to 65535. */
export function portAt(text: string, at: number, end: number): number {
  if (at >= end || end - at > 5) return -1;
  let port = 0;
  for (let next = at; next < end; next += 1) {
    const code = text.charCodeAt(next);
    if (!is(code, DIGIT)) return -1;
    port = port * 10 + code - 0x30;
  }
  return port >= 1 && port <= 65_535 ? port : -1;
}

export function isIpv4(text: string, start: number, end: number): boolean {
  let octets = 0;
  let at = start;
  for (;;) {
    let value = 0;
    const first = at;
    while (at < end && at - first < 4 && is(text.charCodeAt(at), DIGIT)) {
      value = value * 10 + text.charCodeAt(at) - 0x30;
      at += 1;
    }
    if (at === first || at - first > 3 || value > 255) return false;
    octets += 1;
    if (at === end) return octets === 4;
    if (octets === 4 || text.charCodeAt(at) !== 0x2e) return false;
    at += 1;
  }
}

/** RFC 4291 2.2 text, without brackets and zone. One `::` at most; `:::` before an IPv4 part counts as `::`. */
export function isIpv6(text: string, start: number, end: number): boolean {
  if (end - start < 2 || end - start > 45) return false;
  let groups = 0;
  let gap = false;
  let at = start;
  if (text.charCodeAt(at) === 0x3a && text.charCodeAt(at + 1) !== 0x3a) return false;
  while (at < end) {
    if (text.charCodeAt(at) === 0x3a && text.charCodeAt(at + 1) === 0x3a && at + 1 < end) {
      if (gap) return false;
      gap = true;
      at += 2;
      if (text.charCodeAt(at) === 0x3a && at < end) {
        at += 1;
        if (!isIpv4(text, at, end)) return false;
      }
      continue;
    }
    const first = at;
    while (at < end && is(text.charCodeAt(at), HEX)) at += 1;
    if (at < end && text.charCodeAt(at) === 0x2e) {
      if (!isIpv4(text, first, end)) return false;
      groups += 2;
      break;
    }
    if (at === first || at - first > 4) return false;
    groups += 1;
    if (at === end) break;
    if (text.charCodeAt(at) !== 0x3a) return false;
    if (text.charCodeAt(at + 1) === 0x3a && at + 1 < end) continue;
    at += 1;
    if (at === end) return false;
  }
  return gap ? groups < 8 : groups === 8;
}

function ipv6Text(text: string): string {
  return text.replace(':::', '::').toLowerCase();
}
