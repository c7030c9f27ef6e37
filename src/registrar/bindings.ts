/**
 * The registrar: the bindings of one address-of-record and what a REGISTER does to them. RFC 3261 10.3, with RFC 5626 (instance and
 * reg-id) and RFC 3327 (Path). Pure: bindings in, bindings out; a request is done completely or not at all.
 *
 * The caller has done steps 1, 3, 4 and the 404 of step 5: the domain is ours, the user is authenticated, may do this and exists.
 */
import assert from 'node:assert';
import { limits } from '../limits.ts';
import type { Flow } from '../outside.ts';
import type { NameAddr } from '../sip/header/address.ts';
import { HeaderId } from '../sip/header/names.ts';
import type { SipMessage } from '../sip/message.ts';
import { answerHeaders } from './answer.ts';
import { defaultExpiresSeconds, deltaSeconds, readContact } from './contact.ts';
import type { RequestedContact } from './contact.ts';
import { matchingBindings } from './match.ts';
import { hasOption, outboundUsable, readPath, unsupportedOptions } from './options.ts';
import { noneBefore } from './snapshot.ts';

export { pack, unpack } from './snapshot.ts';

/** One way to reach a user. Strings are latin1 decodes of what the phone sent. */
export interface Binding {
  /** The Contact URI as sent, with its parameters and headers. */
  readonly uri: string;
  /** 0 to 1, 1 when the phone did not say. */
  readonly q: number;
  /** Cluster time. */
  readonly expiresAtMs: number;
  readonly callId: string;
  readonly cseq: number;
  /** RFC 5626 instance, such as `<urn:uuid:...>`; '' when absent. */
  readonly instance: string;
  /** RFC 5626 reg-id; 0 when this is not an outbound flow. */
  readonly regId: number;
  /** RFC 3327: values of Path, topmost first; they become the Route of requests to this binding. */
  readonly path: readonly string[];
  /** Where the REGISTER came from. */
  readonly flow: Flow;
  /** Names of the connections that the phone had before this one, latest first: who remembers one of them finds the new way. */
  readonly former: readonly string[];
  readonly userAgent: string;
  /** Methods that the phone takes, separated by commas; '' when it did not say. */
  readonly methods: string;
  /** Cluster time of the first REGISTER of this binding. */
  readonly registeredAtMs: number;
}

/** All bindings of one address-of-record, oldest first. No two of them are the same phone. */
export type Bindings = readonly Binding[];

export interface RegistrarLimits {
  readonly minExpiresSeconds: number;
  readonly maxExpiresSeconds: number;
  readonly maxContacts: number;
}

export interface RegisterContext {
  /** Cluster time. */
  readonly nowMs: number;
  readonly flow: Flow;
  readonly limits: RegistrarLimits;
}

/** `refresh`: the same bindings live longer. `change`: whatever must not be lost before the answer is out. */
export type Change = 'none' | 'refresh' | 'change';

export interface RegisterResult {
  /** The same object as before when nothing was done. */
  readonly bindings: Bindings;
  readonly status: number;
  /** Reason phrase; '' for the usual one of this status. */
  readonly reason: string;
  readonly headers: [name: string, value: string][];
  readonly changed: Change;
}

export const noBindings: Bindings = [];

/** Handles one REGISTER. Never throws for what a phone may send. */
export function register(state: Bindings, request: SipMessage, ctx: RegisterContext): RegisterResult {
  // Step 2, as 8.2.2.3.
  const unsupported = unsupportedOptions(request);
  if (unsupported !== '') return refused(state, 420, '', [['Unsupported', unsupported]]);
  // Step 5: an address-of-record is a SIP or SIPS URI (RFC 3261 10.2, RFC 4475 3.3.4).
  const aor = request.toUri;
  if (aor === undefined || (aor.scheme !== 'sip' && aor.scheme !== 'sips'))
    return refused(state, 400, 'To Must Be a SIP URI');
  const current = expire(state, ctx.nowMs);
  // Step 6.
  if (!request.has(HeaderId.Contact)) return accepted(state, current, 'none', request, ctx, false);
  const contacts = request.contacts;
  return contacts === '*' ? removeAll(state, current, request, ctx) : update(state, current, request, contacts, ctx);
}

/** The bindings that are good at `nowMs`, higher q first, among equals the latest registered first. */
export function lookup(bindings: Bindings, nowMs: number): Binding[] {
  const live = bindings.filter((binding) => binding.expiresAtMs > nowMs);
  return live.sort((a, b) => b.q - a.q || b.registeredAtMs - a.registeredAtMs);
}

/** The bindings without those whose time is over at `nowMs`; the same object when there are none. */
export function expire(bindings: Bindings, nowMs: number): Bindings {
  for (const binding of bindings) {
    if (binding.expiresAtMs <= nowMs) return bindings.filter((other) => other.expiresAtMs > nowMs);
  }
  return bindings;
}

/** When the next binding ends, cluster time; 0 when there is none. */
export function nextExpiryMs(bindings: Bindings): number {
  let next = 0;
  for (const binding of bindings) {
    if (next === 0 || binding.expiresAtMs < next) next = binding.expiresAtMs;
  }
  return next;
}

/** Step 6, `Contact: *`: everything goes, or nothing. The parser has refused a star beside other contacts. */
function removeAll(state: Bindings, current: Bindings, request: SipMessage, ctx: RegisterContext): RegisterResult {
  const expires = request.header(HeaderId.Expires);
  if (expires === undefined || deltaSeconds(expires) !== 0) return refused(state, 400, 'Invalid Request');
  for (const binding of current) {
    if (isOutOfOrder(binding, request)) return outOfOrder(state);
  }
  return accepted(state, noBindings, current.length === 0 ? 'none' : 'change', request, ctx, false);
}

/** Step 7: every contact in turn, on a copy that becomes real only if all of them succeed. */
function update(
  state: Bindings,
  current: Bindings,
  request: SipMessage,
  contacts: readonly NameAddr[],
  ctx: RegisterContext,
): RegisterResult {
  const path = readPath(request);
  if (path === undefined) return refused(state, 400, 'Bad Path');
  const usable = outboundUsable(request, path);
  const headerExpires = requestedByHeader(request);

  let next = current;
  let changed: Change = 'none';
  let outboundContacts = 0;
  let lasting = 0;
  for (const value of contacts) {
    const contact = readContact(value);
    if ('bad' in contact) return refused(state, 400, contact.bad);
    const seconds = granted(contact.expires ?? headerExpires, ctx.limits);
    if (seconds < 0) return refused(state, 423, '', [['Min-Expires', String(ctx.limits.minExpiresSeconds)]]);
    if (contact.regId > 0 && !usable && hasOption(request, HeaderId.Require, 'outbound'))
      return refused(state, 439, 'First Hop Lacks Outbound Support');
    const regId = usable ? contact.regId : 0;
    if (seconds > 0) lasting += 1;
    if (seconds > 0 && regId > 0) outboundContacts += 1;

    const matching = matchingBindings(next, current, contact, regId);
    for (const old of matching) {
      // A binding that this very request made or touched is not one of the current bindings of step 7.
      if (current.includes(old) && isOutOfOrder(old, request)) return outOfOrder(state);
    }
    if (seconds === 0 && matching.length === 0) continue;
    const binding = seconds === 0 ? undefined : bindingOf(contact, regId, path, seconds, matching[0], request, ctx);
    next = replaced(next, matching, binding);
    if (changed !== 'change')
      changed =
        matching.length === 1 && binding !== undefined && isRefresh(matching[0]!, binding) ? 'refresh' : 'change';
  }
  // RFC 5626 6: reg-id names one flow, the one this request came over.
  if (outboundContacts > 0 && lasting > 1) return refused(state, 400, 'One Contact per Flow');
  if (next.length > ctx.limits.maxContacts && next.length > current.length)
    return refused(state, 403, 'Too Many Contacts');
  return accepted(state, next, changed, request, ctx, outboundContacts > 0);
}

/** Expires of the request, or the default (step 7). */
function requestedByHeader(request: SipMessage): number {
  const text = request.header(HeaderId.Expires);
  return text === undefined ? defaultExpiresSeconds : (deltaSeconds(text) ?? defaultExpiresSeconds);
}

/** Seconds that we give for `requested`, or -1 for a 423: only below one hour and below our minimum (10.3 step 7). */
function granted(requested: number, own: RegistrarLimits): number {
  if (requested === 0) return 0;
  if (requested < 3600 && requested < own.minExpiresSeconds) return -1;
  return Math.min(requested, own.maxExpiresSeconds);
}

/** Step 6 and 7: with the same Call-ID only a higher CSeq may change a binding. */
function isOutOfOrder(binding: Binding, request: SipMessage): boolean {
  return binding.callId === request.callId && request.cseq <= binding.cseq;
}

function bindingOf(
  contact: RequestedContact,
  regId: number,
  path: readonly string[],
  seconds: number,
  old: Binding | undefined,
  request: SipMessage,
  ctx: RegisterContext,
): Binding {
  return {
    uri: contact.uri,
    q: contact.q,
    expiresAtMs: ctx.nowMs + seconds * 1000,
    callId: request.callId,
    cseq: request.cseq,
    instance: contact.instance,
    regId,
    path,
    flow: ctx.flow,
    former: formerOf(old, ctx.flow),
    userAgent: (request.header(HeaderId.UserAgent) ?? '').slice(0, limits.userAgentCharsMax),
    methods: contact.methods === '' ? allowed(request) : contact.methods,
    registeredAtMs: old?.registeredAtMs ?? ctx.nowMs,
  };
}

function formerOf(old: Binding | undefined, flow: Flow): readonly string[] {
  if (old === undefined) return noneBefore;
  if (old.flow.protocol === 'udp' || old.flow.connection === '' || old.flow.connection === flow.connection)
    return old.former;
  return [old.flow.connection, ...old.former].slice(0, limits.formerConnectionsMax);
}

function allowed(request: SipMessage): string {
  return request.has(HeaderId.Allow) ? request.values(HeaderId.Allow).join(',').slice(0, limits.methodsCharsMax) : '';
}

/** `bindings` with the first of `old` replaced by `binding` (or, if there is none, with `binding` at the end) and the others gone. */
function replaced(bindings: Bindings, old: readonly Binding[], binding: Binding | undefined): Bindings {
  const next: Binding[] = [];
  for (const existing of bindings) {
    if (!old.includes(existing)) next.push(existing);
    else if (existing === old[0] && binding !== undefined) next.push(binding);
  }
  if (old.length === 0 && binding !== undefined) next.push(binding);
  return next;
}

/** Nothing but a later end, so that losing this update would still leave the phone reachable until its old end. */
function isRefresh(old: Binding, now: Binding): boolean {
  return (
    now.expiresAtMs >= old.expiresAtMs &&
    now.uri === old.uri &&
    now.q === old.q &&
    now.instance === old.instance &&
    now.regId === old.regId &&
    now.methods === old.methods &&
    now.userAgent === old.userAgent &&
    sameFlow(now.flow, old.flow) &&
    samePath(now.path, old.path)
  );
}

function sameFlow(a: Flow, b: Flow): boolean {
  return (
    a.protocol === b.protocol &&
    a.listener === b.listener &&
    a.address === b.address &&
    a.port === b.port &&
    a.connection === b.connection
  );
}

function samePath(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, at) => value === b[at]);
}

/** Step 8. */
function accepted(
  state: Bindings,
  bindings: Bindings,
  changed: Change,
  request: SipMessage,
  ctx: RegisterContext,
  outbound: boolean,
): RegisterResult {
  assert(changed !== 'none' || bindings.length <= state.length, 'bindings appear only by a change');
  return { bindings, status: 200, reason: '', headers: answerHeaders(bindings, request, ctx.nowMs, outbound), changed };
}

function refused(state: Bindings, status: number, reason: string, headers: [string, string][] = []): RegisterResult {
  return { bindings: state, status, reason, headers, changed: 'none' };
}

/** Step 7: "the update MUST be aborted and the request fails". Not a 400: nothing is wrong with the request but its time. */
function outOfOrder(state: Bindings): RegisterResult {
  return refused(state, 500, 'Out of Order REGISTER');
}
