/**
 * Facts about header fields, one row each: full name, compact form, comma list or not, once or not, where it is defined.
 * To know a new header, add a row; nothing else changes.
 */
import { lower } from '../chars.ts';

/** A header field by number: small integers keep the index of a message free of strings. */
export const HeaderId = {
  Unknown: 0,
  Via: 1,
  From: 2,
  To: 3,
  CallId: 4,
  CSeq: 5,
  MaxForwards: 6,
  Contact: 7,
  Route: 8,
  RecordRoute: 9,
  ContentLength: 10,
  ContentType: 11,
  Expires: 12,
  MinExpires: 13,
  Authorization: 14,
  ProxyAuthorization: 15,
  WwwAuthenticate: 16,
  ProxyAuthenticate: 17,
  AuthenticationInfo: 18,
  Require: 19,
  ProxyRequire: 20,
  Supported: 21,
  Unsupported: 22,
  Allow: 23,
  Accept: 24,
  AcceptEncoding: 25,
  AcceptLanguage: 26,
  Path: 27,
  ServiceRoute: 28,
  Event: 29,
  AllowEvents: 30,
  SubscriptionState: 31,
  RSeq: 32,
  RAck: 33,
  Reason: 34,
  RetryAfter: 35,
  UserAgent: 36,
  Server: 37,
  Date: 38,
  Timestamp: 39,
  Subject: 40,
  MaxBreadth: 41,
  PAssertedIdentity: 42,
  PPreferredIdentity: 43,
  Privacy: 44,
  RemotePartyId: 45,
  ReferTo: 46,
  ReferredBy: 47,
  Replaces: 48,
  Join: 49,
  TargetDialog: 50,
  SessionExpires: 51,
  MinSE: 52,
  SipETag: 53,
  SipIfMatch: 54,
  ContentDisposition: 55,
  ContentEncoding: 56,
  ContentLanguage: 57,
  MimeVersion: 58,
  AlertInfo: 59,
  CallInfo: 60,
  ErrorInfo: 61,
  InReplyTo: 62,
  Organization: 63,
  Priority: 64,
  ReplyTo: 65,
  Warning: 66,
  Diversion: 67,
  HistoryInfo: 68,
  Identity: 69,
  GeolocationRouting: 70,
  Geolocation: 71,
  PAccessNetworkInfo: 72,
  PChargingVector: 73,
  PAssociatedUri: 74,
  FlowTimer: 75,
  RequestDisposition: 76,
  AcceptContact: 77,
  RejectContact: 78,
  UserToUser: 79,
  SessionId: 80,
  FeatureCaps: 81,
  AnswerMode: 82,
} as const;

export type HeaderId = (typeof HeaderId)[keyof typeof HeaderId];

export interface HeaderFacts {
  readonly id: HeaderId;
  /** As we write it. */
  readonly name: string;
  /** The one-letter form (RFC 3261 7.3.3), '' when there is none. */
  readonly compact: string;
  /** Several values may share one line, separated by commas (RFC 3261 7.3.1). */
  readonly list: boolean;
  /** A second line is refused with 400: two values of these would let two elements act on different ones. */
  readonly once: boolean;
  readonly rfc: string;
}

function row(id: HeaderId, name: string, compact: string, kind: '' | 'list' | 'once', rfc: string): HeaderFacts {
  return { id, name, compact, list: kind === 'list', once: kind === 'once', rfc };
}

/** All rows; the position is the id. */
export const headerFacts: readonly HeaderFacts[] = [
  row(HeaderId.Unknown, '', '', '', ''),
  row(HeaderId.Via, 'Via', 'v', 'list', 'RFC 3261 20.42'),
  row(HeaderId.From, 'From', 'f', 'once', 'RFC 3261 20.20'),
  row(HeaderId.To, 'To', 't', 'once', 'RFC 3261 20.39'),
  row(HeaderId.CallId, 'Call-ID', 'i', 'once', 'RFC 3261 20.8'),
  row(HeaderId.CSeq, 'CSeq', '', 'once', 'RFC 3261 20.16'),
  row(HeaderId.MaxForwards, 'Max-Forwards', '', 'once', 'RFC 3261 20.22'),
  row(HeaderId.Contact, 'Contact', 'm', 'list', 'RFC 3261 20.10'),
  row(HeaderId.Route, 'Route', '', 'list', 'RFC 3261 20.34'),
  row(HeaderId.RecordRoute, 'Record-Route', '', 'list', 'RFC 3261 20.30'),
  row(HeaderId.ContentLength, 'Content-Length', 'l', 'once', 'RFC 3261 20.14'),
  row(HeaderId.ContentType, 'Content-Type', 'c', 'once', 'RFC 3261 20.15'),
  row(HeaderId.Expires, 'Expires', '', 'once', 'RFC 3261 20.19'),
  row(HeaderId.MinExpires, 'Min-Expires', '', 'once', 'RFC 3261 20.23'),
  row(HeaderId.Authorization, 'Authorization', '', '', 'RFC 3261 20.7'),
  row(HeaderId.ProxyAuthorization, 'Proxy-Authorization', '', '', 'RFC 3261 20.28'),
  row(HeaderId.WwwAuthenticate, 'WWW-Authenticate', '', '', 'RFC 3261 20.44'),
  row(HeaderId.ProxyAuthenticate, 'Proxy-Authenticate', '', '', 'RFC 3261 20.27'),
  row(HeaderId.AuthenticationInfo, 'Authentication-Info', '', '', 'RFC 3261 20.6'),
  row(HeaderId.Require, 'Require', '', 'list', 'RFC 3261 20.32'),
  row(HeaderId.ProxyRequire, 'Proxy-Require', '', 'list', 'RFC 3261 20.29'),
  row(HeaderId.Supported, 'Supported', 'k', 'list', 'RFC 3261 20.37'),
  row(HeaderId.Unsupported, 'Unsupported', '', 'list', 'RFC 3261 20.40'),
  row(HeaderId.Allow, 'Allow', '', 'list', 'RFC 3261 20.5'),
  row(HeaderId.Accept, 'Accept', '', 'list', 'RFC 3261 20.1'),
  row(HeaderId.AcceptEncoding, 'Accept-Encoding', '', 'list', 'RFC 3261 20.2'),
  row(HeaderId.AcceptLanguage, 'Accept-Language', '', 'list', 'RFC 3261 20.3'),
  row(HeaderId.Path, 'Path', '', 'list', 'RFC 3327 4'),
  row(HeaderId.ServiceRoute, 'Service-Route', '', 'list', 'RFC 3608 5'),
  row(HeaderId.Event, 'Event', 'o', 'once', 'RFC 6665 8.2.1'),
  row(HeaderId.AllowEvents, 'Allow-Events', 'u', 'list', 'RFC 6665 8.2.2'),
  row(HeaderId.SubscriptionState, 'Subscription-State', '', 'once', 'RFC 6665 8.2.3'),
  row(HeaderId.RSeq, 'RSeq', '', 'once', 'RFC 3262 7.1'),
  row(HeaderId.RAck, 'RAck', '', 'once', 'RFC 3262 7.2'),
  row(HeaderId.Reason, 'Reason', '', 'list', 'RFC 3326 2'),
  row(HeaderId.RetryAfter, 'Retry-After', '', '', 'RFC 3261 20.33'),
  row(HeaderId.UserAgent, 'User-Agent', '', '', 'RFC 3261 20.41'),
  row(HeaderId.Server, 'Server', '', '', 'RFC 3261 20.35'),
  row(HeaderId.Date, 'Date', '', '', 'RFC 3261 20.17'),
  row(HeaderId.Timestamp, 'Timestamp', '', '', 'RFC 3261 20.38'),
  row(HeaderId.Subject, 'Subject', 's', '', 'RFC 3261 20.36'),
  row(HeaderId.MaxBreadth, 'Max-Breadth', '', 'once', 'RFC 5393 5.3.3'),
  row(HeaderId.PAssertedIdentity, 'P-Asserted-Identity', '', 'list', 'RFC 3325 9.1'),
  row(HeaderId.PPreferredIdentity, 'P-Preferred-Identity', '', 'list', 'RFC 3325 9.2'),
  row(HeaderId.Privacy, 'Privacy', '', '', 'RFC 3323 4.2'),
  row(HeaderId.RemotePartyId, 'Remote-Party-ID', '', 'list', 'draft-ietf-sip-privacy-04'),
  row(HeaderId.ReferTo, 'Refer-To', 'r', 'once', 'RFC 3515 2.1'),
  row(HeaderId.ReferredBy, 'Referred-By', 'b', 'once', 'RFC 3892 3'),
  row(HeaderId.Replaces, 'Replaces', '', 'once', 'RFC 3891 6.1'),
  row(HeaderId.Join, 'Join', '', 'once', 'RFC 3911 7.1'),
  row(HeaderId.TargetDialog, 'Target-Dialog', '', 'once', 'RFC 4538 7'),
  row(HeaderId.SessionExpires, 'Session-Expires', 'x', 'once', 'RFC 4028 4'),
  row(HeaderId.MinSE, 'Min-SE', '', 'once', 'RFC 4028 5'),
  row(HeaderId.SipETag, 'SIP-ETag', '', 'once', 'RFC 3903 11.3.1'),
  row(HeaderId.SipIfMatch, 'SIP-If-Match', '', 'once', 'RFC 3903 11.3.2'),
  row(HeaderId.ContentDisposition, 'Content-Disposition', '', '', 'RFC 3261 20.11'),
  row(HeaderId.ContentEncoding, 'Content-Encoding', 'e', 'list', 'RFC 3261 20.12'),
  row(HeaderId.ContentLanguage, 'Content-Language', '', 'list', 'RFC 3261 20.13'),
  row(HeaderId.MimeVersion, 'MIME-Version', '', '', 'RFC 3261 20.24'),
  row(HeaderId.AlertInfo, 'Alert-Info', '', 'list', 'RFC 3261 20.4'),
  row(HeaderId.CallInfo, 'Call-Info', '', 'list', 'RFC 3261 20.9'),
  row(HeaderId.ErrorInfo, 'Error-Info', '', 'list', 'RFC 3261 20.18'),
  row(HeaderId.InReplyTo, 'In-Reply-To', '', 'list', 'RFC 3261 20.21'),
  row(HeaderId.Organization, 'Organization', '', '', 'RFC 3261 20.25'),
  row(HeaderId.Priority, 'Priority', '', '', 'RFC 3261 20.26'),
  row(HeaderId.ReplyTo, 'Reply-To', '', '', 'RFC 3261 20.31'),
  row(HeaderId.Warning, 'Warning', '', 'list', 'RFC 3261 20.43'),
  row(HeaderId.Diversion, 'Diversion', '', 'list', 'RFC 5806 4'),
  row(HeaderId.HistoryInfo, 'History-Info', '', 'list', 'RFC 7044 5'),
  row(HeaderId.Identity, 'Identity', 'y', 'list', 'RFC 8224 4'),
  row(HeaderId.GeolocationRouting, 'Geolocation-Routing', '', '', 'RFC 6442 4.2'),
  row(HeaderId.Geolocation, 'Geolocation', '', 'list', 'RFC 6442 4.1'),
  row(HeaderId.PAccessNetworkInfo, 'P-Access-Network-Info', '', 'list', 'RFC 7315 4.4'),
  row(HeaderId.PChargingVector, 'P-Charging-Vector', '', '', 'RFC 7315 4.6'),
  row(HeaderId.PAssociatedUri, 'P-Associated-URI', '', 'list', 'RFC 7315 4.1'),
  row(HeaderId.FlowTimer, 'Flow-Timer', '', '', 'RFC 5626 10'),
  row(HeaderId.RequestDisposition, 'Request-Disposition', 'd', 'list', 'RFC 3841 9.1'),
  row(HeaderId.AcceptContact, 'Accept-Contact', 'a', 'list', 'RFC 3841 9.2'),
  row(HeaderId.RejectContact, 'Reject-Contact', 'j', 'list', 'RFC 3841 9.2'),
  row(HeaderId.UserToUser, 'User-to-User', '', 'list', 'RFC 7433 4'),
  row(HeaderId.SessionId, 'Session-ID', '', '', 'RFC 7989 5'),
  row(HeaderId.FeatureCaps, 'Feature-Caps', '', 'list', 'RFC 6809 6'),
  row(HeaderId.AnswerMode, 'Answer-Mode', '', '', 'RFC 5373 4.1'),
];

/** The full name as we write it; '' for Unknown. */
export function headerName(id: HeaderId): string {
  return headerFacts[id]?.name ?? '';
}

/** The id of a name in any case, full or compact; Unknown for a name that has no row. */
export function headerIdOf(name: string): HeaderId {
  let hash = 0;
  for (let i = 0; i < name.length; i += 1) hash = nameHash(hash, lower(name.charCodeAt(i)));
  for (let slot = hash & SLOT_MASK; slots[slot] !== 0; slot = (slot + 1) & SLOT_MASK) {
    const entry = entries[slots[slot] ?? 0];
    if (entry !== undefined && sameText(entry.name, name)) return entry.id;
  }
  return HeaderId.Unknown;
}

/** The same for the octets of a message, with the hash that the index computed on the way over the name. */
export function headerIdAt(bytes: Uint8Array, start: number, end: number, hash: number): HeaderId {
  for (let slot = hash & SLOT_MASK; slots[slot] !== 0; slot = (slot + 1) & SLOT_MASK) {
    const entry = entries[slots[slot] ?? 0];
    if (entry !== undefined && sameOctets(entry.name, bytes, start, end)) return entry.id;
  }
  return HeaderId.Unknown;
}

/** One step of the hash over a name; `code` in lower case. */
export function nameHash(hash: number, code: number): number {
  return (Math.imul(hash, 31) + code) | 0;
}

interface Entry {
  readonly name: string;
  readonly id: HeaderId;
}

const SLOT_MASK = 511;
const entries: Entry[] = [{ name: '', id: HeaderId.Unknown }];
const slots = new Uint8Array(SLOT_MASK + 1);

function enter(name: string, id: HeaderId): void {
  let hash = 0;
  for (let i = 0; i < name.length; i += 1) hash = nameHash(hash, lower(name.charCodeAt(i)));
  let slot = hash & SLOT_MASK;
  while (slots[slot] !== 0) slot = (slot + 1) & SLOT_MASK;
  slots[slot] = entries.push({ name: name.toLowerCase(), id }) - 1;
}

for (const facts of headerFacts) {
  if (facts.name !== '') enter(facts.name, facts.id);
  if (facts.compact !== '') enter(facts.compact, facts.id);
}

function sameText(lowerName: string, name: string): boolean {
  if (lowerName.length !== name.length) return false;
  for (let i = 0; i < lowerName.length; i += 1) if (lower(name.charCodeAt(i)) !== lowerName.charCodeAt(i)) return false;
  return true;
}

function sameOctets(lowerName: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (lowerName.length !== end - start) return false;
  for (let i = 0; i < lowerName.length; i += 1)
    if (lower(bytes[start + i] ?? 0) !== lowerName.charCodeAt(i)) return false;
  return true;
}
