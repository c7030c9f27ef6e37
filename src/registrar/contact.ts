/**
 * One Contact value of a REGISTER, read and judged: RFC 3261 10.3 step 7 and 20.10, RFC 5626 4.2, RFC 3840 9.
 * What we would never send a call to is refused here: schemes other than sip and sips, and addresses that are not one host.
 */
import { limits } from '../limits.ts';
import type { NameAddr } from '../sip/header/address.ts';
import { unquote } from '../sip/params.ts';
import type { Params } from '../sip/params.ts';
import { parseUri } from '../sip/uri.ts';
import type { SipUri } from '../sip/uri.ts';
import { hostKind } from './address.ts';

/** What a Contact value asks for. */
export interface RequestedContact {
  /** The text between < and >, octet for octet. */
  readonly uri: string;
  readonly parsed: SipUri;
  /** 0 to 1 in thousandths; 1 when absent. */
  readonly q: number;
  /** Seconds; undefined when there is no expires parameter. */
  readonly expires: number | undefined;
  /** `+sip.instance` without its quotes, '' when absent. */
  readonly instance: string;
  /** 1 to 2**31-1; 0 when absent or without an instance (RFC 5626 6: then it means nothing). */
  readonly regId: number;
  /** RFC 3840 `methods` without its quotes, '' when absent. */
  readonly methods: string;
}

/** The reason phrase of the 400 that a Contact earns. */
export interface BadContact {
  readonly bad: string;
}

/** Reads one value. That a URI with a question mark stands in <> (RFC 3261 20, RFC 4475 3.1.2.13) was seen to by the parser. */
export function readContact(value: NameAddr): RequestedContact | BadContact {
  const parsed = parseUri(value.uri);
  if (parsed === undefined || (parsed.scheme !== 'sip' && parsed.scheme !== 'sips'))
    return bad('Contact Must Be a SIP URI');
  if (!isOneHost(parsed.host)) return bad('Contact Address Not Acceptable');

  let q = 1;
  let expires: number | undefined;
  let instance = '';
  let regId = 0;
  let methods = '';
  if (hasTwice(value.params)) return bad('Contact Parameter Twice');
  for (const [name, text] of value.params) {
    switch (name) {
      case 'q':
        q = qvalue(text ?? '');
        if (q < 0) return bad('Bad Contact q');
        break;
      case 'expires':
        expires = deltaSeconds(text ?? '') ?? defaultExpiresSeconds;
        break;
      case '+sip.instance':
        instance = unquote(text ?? '');
        if (instance.length > limits.instanceCharsMax) return bad('Contact Instance Too Long');
        break;
      case 'reg-id':
        regId = deltaSeconds(text ?? '') ?? 0;
        if (regId < 1 || regId > regIdMax) return bad('Bad Contact reg-id');
        break;
      case 'methods':
        methods = unquote(text ?? '').slice(0, limits.methodsCharsMax);
        break;
      default: // Other contact parameters are neither stored nor echoed.
    }
  }
  return { uri: value.uri, parsed, q, expires, instance, regId: instance === '' ? 0 : regId, methods };
}

/** What an expiry that is absent, malformed or beyond 2**32-1 means (RFC 3261 20.10 and 20.19: as if it said 3600). */
export const defaultExpiresSeconds = 3600;

/** RFC 3261 25.1 `delta-seconds`: undefined when there is anything but digits or the number is over 2**32-1. */
export function deltaSeconds(text: string): number | undefined {
  const digits = text.trim();
  if (digits.length === 0 || digits.length > limits.expiresDigitsMax) return undefined;
  let value = 0;
  for (let at = 0; at < digits.length; at += 1) {
    const digit = digits.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value <= deltaSecondsMax ? value : undefined;
}

const deltaSecondsMax = 2 ** 32 - 1;
const regIdMax = 2 ** 31 - 1;

/** A qvalue in whole thousandths of 1, as a number from 0 to 1, or -1. `NaN`, signs and exponents are not numbers here. */
function qvalue(text: string): number {
  if (text.length === 0 || text.length > 8) return -1;
  const whole = text.charCodeAt(0) - 0x30;
  if (whole !== 0 && whole !== 1) return -1;
  if (text.length > 1 && text.charCodeAt(1) !== 0x2e) return -1;
  let thousandths = 0;
  let weight = 100;
  for (let at = 2; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    thousandths += Math.floor(weight) * digit; // Digits after the third weigh nothing.
    if (whole === 1 && digit > 0) return -1;
    weight /= 10;
  }
  return (whole * 1000 + thousandths) / 1000;
}

function isOneHost(host: string): boolean {
  switch (hostKind(host)) {
    case 'malformed':
    case 'unspecified':
    case 'multicast':
    case 'broadcast':
    case 'reserved':
      return false;
    default:
      return true;
  }
}

/** RFC 3261 7.3.1: a parameter occurs once; of two expiries each element would believe another. */
function hasTwice(params: Params): boolean {
  for (let at = 1; at < params.length; at += 1) {
    for (let before = 0; before < at; before += 1) if (params[before]![0] === params[at]![0]) return true;
  }
  return false;
}

function bad(reason: string): BadContact {
  return { bad: reason };
}
