/**
 * What a routing service is written against. A service is a generator: it looks at a request, asks questions
 * (`yield* authenticate()`, `yield* locate(aor)`) and returns one decision. It holds no protocol knowledge: transactions,
 * forking, CANCEL, ACK, retransmissions, Record-Route and in-dialog requests are the server's work, and a service that was
 * interrupted by the loss of a node is simply asked again, because nothing was promised before its decision.
 */
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

export type Question = { readonly ask: 'authenticate' } | { readonly ask: 'locate'; readonly aor: string };

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

export type Answers = Identity | Location;
export type Service = (request: RoutingRequest) => Generator<Question, Decision, Answers>;

/** Who sent this? Checks the digest credentials in the request, if any. */
export function* authenticate(): Generator<Question, Identity, Answers> {
  return (yield { ask: 'authenticate' }) as Identity;
}

/** Where is the owner of this address-of-record? */
export function* locate(aor: string): Generator<Question, Location, Answers> {
  return (yield { ask: 'locate', aor }) as Location;
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
