/**
 * What a routing service is written against. A service is a generator: it looks at a request, asks questions
 * (`yield* authenticate()`, `yield* locate(aor)`) and returns one decision. It holds no protocol knowledge: transactions,
 * forking, CANCEL, ACK, retransmissions, Record-Route and in-dialog requests are the server's work, and a service that was
 * interrupted by the loss of a node is simply asked again, because nothing was promised before its decision.
 */
import { limits } from '../limits.ts';
import type { Flow } from '../outside.ts';

/** A request outside of a dialog, read only. Addresses-of-record are canonical: `sip:user@host`. */
export interface RoutingRequest {
  readonly method: string;
  readonly requestUri: string;
  /** Address-of-record of the Request-URI; '' when it has no user or is no SIP URI. */
  readonly target: string;
  /** Whether we are responsible for the domain of the Request-URI. */
  readonly targetIsLocal: boolean;
  /** Address-of-record in From. */
  readonly from: string;
  readonly fromIsLocal: boolean;
  /** Address-of-record in To: what a REGISTER is about. */
  readonly to: string;
  readonly toIsLocal: boolean;
  /** Where the sender's Route headers send the request after us; '' when they end here, as they do for most phones. */
  readonly nextHop: string;
  readonly source: Flow;
  /** First value of a header by its full name. */
  header(name: string): string | undefined;
}

export interface Contact {
  readonly uri: string;
  /** The way to reach it, when it is known better than by the URI. */
  readonly flow: Flow | undefined;
  /** Route headers to follow on the way (RFC 3327 Path). */
  readonly path: readonly string[];
  /** The address-of-record that it is registered for: asked for the way when the flow is gone. Absent: nobody is asked. */
  readonly account?: string;
}

export interface Location {
  /** Whether the address belongs to somebody, registered or not. */
  readonly known: boolean;
  /** Preferred first (q, then most recent). */
  readonly contacts: readonly Contact[];
}

/** One of the places that a name has. */
export interface Place {
  readonly granted: boolean;
  /** Calls that have one now, this one too if it was granted. */
  readonly value: number;
  readonly limit: number;
}

/** A request that may go on. */
export interface Permit {
  readonly granted: boolean;
  /** Requests of the span that ends now, as far as the node knows. */
  readonly value: number;
  readonly limit: number;
  /** When the next one may be let through; 0 when this one was. */
  readonly retryAfterSeconds: number;
}

/** What a name counts now. */
export interface Counted {
  readonly calls: number;
  readonly requests: number;
}

export type Question =
  | { readonly ask: 'authenticate' }
  | { readonly ask: 'locate'; readonly aor: string }
  | { readonly ask: 'limit'; readonly name: string; readonly calls: number }
  | { readonly ask: 'rate'; readonly name: string; readonly requests: number; readonly perMs: number }
  | { readonly ask: 'count'; readonly name: string };

/** The address-of-record proven by credentials; undefined when there were none or they were wrong. */
export type Identity = string | undefined;

export type Decision =
  | {
      readonly do: 'reply';
      readonly status: number;
      readonly reason?: string;
      readonly headers?: readonly (readonly [string, string])[];
    }
  /** 401 or 407 with fresh challenges, `stale=true` when only the nonce was old. */
  | { readonly do: 'challenge' }
  /** Ring all contacts at once; the first to answer wins. */
  | { readonly do: 'fork'; readonly contacts: readonly Contact[] }
  /** Send on to where the Request-URI points. */
  | { readonly do: 'relay' }
  /** Hand a REGISTER to the registrar. */
  | { readonly do: 'register' };

export type Answers = Identity | Location | Place | Permit | Counted;
export type Service = (request: RoutingRequest) => Generator<Question, Decision, Answers>;

/** Who sent this? Checks the digest credentials in the request, if any. */
export function* authenticate(): Generator<Question, Identity, Answers> {
  return (yield { ask: 'authenticate' }) as Identity;
}

/** Where is the owner of this address-of-record? */
export function* locate(aor: string): Generator<Question, Location, Answers> {
  return (yield { ask: 'locate', aor }) as Location;
}

/**
 * A place for this call under a name, such as `trunk:acme`: at most `calls` calls in all of the cluster have one at the same
 * time. It has it until it ends, whatever ends it; asked again it is the same place. For any request but REGISTER.
 */
export function* limit(name: string, options: { readonly calls: number }): Generator<Question, Place, Answers> {
  const { calls } = options;
  if (!Number.isSafeInteger(calls) || calls < 0) throw new RangeError(`limit ${name}: calls must be a whole number`);
  return (yield { ask: 'limit', name, calls }) as Place;
}

/**
 * Lets at most so many requests through in any span of so many seconds, in all of the cluster. `perSeconds` is a second if
 * it is left out.
 */
export function* rate(
  name: string,
  options: { readonly requests: number; readonly perSeconds?: number },
): Generator<Question, Permit, Answers> {
  const { requests, perSeconds = 1 } = options;
  const perMs = Math.round(perSeconds * 1_000);
  if (!Number.isSafeInteger(requests) || requests < 0)
    throw new RangeError(`rate ${name}: requests must be a whole number`);
  if (!(perMs > 0 && perMs <= limits.rateSpanMsMax))
    throw new RangeError(`rate ${name}: perSeconds must be more than 0 and at most a day`);
  return (yield { ask: 'rate', name, requests, perMs }) as Permit;
}

/** What a name counts now; takes nothing. */
export function* count(name: string): Generator<Question, Counted, Answers> {
  return (yield { ask: 'count', name }) as Counted;
}

/**
 * The answer to who is over a limit: 486 Busy Here for calls at once, 503 with Retry-After for requests, or what you say.
 * 503 sends a caller with several servers to the next one (RFC 3263 4.3), 486 does not.
 */
export function refused(
  over: Place | Permit,
  options: { readonly status?: number; readonly reason?: string; readonly retryAfterSeconds?: number } = {},
): Decision {
  const wait = options.retryAfterSeconds ?? ('retryAfterSeconds' in over ? Math.max(1, over.retryAfterSeconds) : 0);
  return {
    do: 'reply',
    status: options.status ?? ('retryAfterSeconds' in over ? 503 : 486),
    ...(options.reason !== undefined && { reason: options.reason }),
    // RFC 3261 20.33.
    ...(wait > 0 && { headers: [['Retry-After', String(wait)] as const] }),
  };
}

export function reply(status: number, reason?: string): Decision {
  return reason === undefined ? { do: 'reply', status } : { do: 'reply', status, reason };
}

export const challenge: Decision = { do: 'challenge' };
export const register: Decision = { do: 'register' };
export const relay: Decision = { do: 'relay' };

export function fork(contacts: readonly Contact[]): Decision {
  return { do: 'fork', contacts };
}
