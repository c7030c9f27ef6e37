/** What a service sees of a request: canonical addresses, read lazily where they cost. */
import type { Flow } from '../outside.ts';
import type { SipMessage } from '../sip/message.ts';
import { aorOf, parseUri } from '../sip/uri.ts';
import type { SipUri } from '../sip/uri.ts';
import type { RoutePlan } from '../proxy/route-set.ts';
import type { Self } from '../proxy/self.ts';
import type { RoutingRequest } from './api.ts';

/** `plan` is what route preprocessing made of the request (RFC 3261 16.4). */
export function viewOf(request: SipMessage, plan: RoutePlan, flow: Flow, self: Self): RoutingRequest {
  return new View(request, plan, flow, self);
}

class View implements RoutingRequest {
  readonly method: string;
  readonly requestUri: string;
  readonly nextHop: string;
  readonly source: Flow;
  readonly #request: SipMessage;
  readonly #self: Self;
  readonly #targetUri: SipUri | undefined;
  #target: Party | undefined;
  #from: Party | undefined;
  #to: Party | undefined;

  constructor(request: SipMessage, plan: RoutePlan, flow: Flow, self: Self) {
    this.method = request.method;
    this.requestUri = plan.requestUri;
    this.#targetUri = plan.uri;
    this.nextHop = plan.nextRouteText;
    this.source = flow;
    this.#request = request;
    this.#self = self;
  }

  get target(): string {
    return this.#targetParty().aor;
  }

  get targetIsLocal(): boolean {
    return this.#targetParty().local;
  }

  get from(): string {
    return this.#fromParty().aor;
  }

  get fromIsLocal(): boolean {
    return this.#fromParty().local;
  }

  get to(): string {
    return this.#toParty().aor;
  }

  get toIsLocal(): boolean {
    return this.#toParty().local;
  }

  header(name: string): string | undefined {
    return this.#request.lines(name)[0];
  }

  #targetParty(): Party {
    return (this.#target ??= partyOf(this.#targetUri, this.#self));
  }

  #fromParty(): Party {
    return (this.#from ??= partyOf(parseUri(this.#request.from.uri), this.#self));
  }

  #toParty(): Party {
    return (this.#to ??= partyOf(this.#request.toUri, this.#self));
  }
}

interface Party {
  readonly aor: string;
  readonly local: boolean;
}

function partyOf(uri: SipUri | undefined, self: Self): Party {
  if (uri === undefined) return nobody;
  return { aor: uri.user === '' ? '' : aorOf(uri), local: self.isResponsible(uri) };
}

const nobody: Party = { aor: '', local: false };
