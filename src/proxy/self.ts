/**
 * Who we are: our listeners and the domains we are responsible for. Answers "is this URI us?" (RFC 3261 16.3, 16.4, 16.5).
 */
import type { Flow, Protocol } from '../outside.ts';
import { parseAddress } from '../registrar/address.ts';
import { nodeOfFlow } from '../transport/datagram-flow.ts';
import { uriParam } from '../sip/uri.ts';
import type { SipUri } from '../sip/uri.ts';

export interface Listener {
  readonly protocol: Protocol;
  /** The address bound, IPv6 without brackets. */
  readonly address: string;
  readonly port: number;
  /** Host as written into Via and Record-Route: the advertised name, else the address (IPv6 in brackets). */
  readonly host: string;
  /** Port as written there; default: the port bound. */
  readonly advertisedPort?: number;
  /** Every node listens at this address: a packet may leave from any of them. */
  readonly isShared?: boolean;
}

/** Another node of the cluster: what it writes into Via and Record-Route for each of its listeners. */
export interface Sibling {
  readonly node: string;
  readonly workers: number;
  readonly sockets: readonly { readonly host: string; readonly port: number }[];
}

export class Self {
  readonly listeners: readonly Listener[];
  readonly #domains: ReadonlySet<string>;
  readonly #hosts: ReadonlySet<string>;
  readonly #ports: ReadonlySet<number>;
  readonly defaultRealm: string;
  /** Of the other nodes, by `host:port`. */
  #siblingSockets: ReadonlySet<string> = new Set();
  #siblingHosts: ReadonlySet<string> = new Set();
  /** Of the other nodes, by id: our listeners under their names. */
  #siblings: ReadonlyMap<string, readonly Listener[]> = new Map();

  constructor(listeners: readonly Listener[], domains: readonly string[]) {
    this.listeners = listeners;
    this.#domains = new Set(domains.map((domain) => domain.toLowerCase()));
    this.#hosts = new Set(listeners.flatMap((each) => [hostKey(each.host), hostKey(each.address)]));
    this.#ports = new Set(listeners.flatMap((each) => [each.port, each.advertisedPort ?? each.port]));
    this.defaultRealm = domains[0] ?? listeners[0]?.host ?? 'localhost';
  }

  /** The other nodes as they are now: their addresses are ours too, whoever of us handles the request. */
  know(siblings: readonly Sibling[]): void {
    const all = siblings.flatMap(({ sockets }) => sockets);
    this.#siblingHosts = new Set(all.map(({ host }) => hostKey(host)));
    this.#siblingSockets = new Set(all.map(({ host, port }) => `${hostKey(host)}:${port}`));
    this.#siblings = new Map(
      siblings.map(({ node, sockets }) => [
        node,
        this.listeners.map((own, index) => {
          const { host, port } = sockets[index] ?? own;
          if (host === own.host && port === (own.advertisedPort ?? own.port)) return own;
          return { ...own, host, advertisedPort: port };
        }),
      ]),
    );
  }

  /**
   * The listener at our side of a flow, by the name that the peer knows: that of the node which received its packets. Ours
   * when that node is gone.
   */
  listenerOf(flow: Flow): Listener | undefined {
    const own = this.listeners[flow.listener];
    if (flow.connection === '' || this.#siblings.size === 0) return own;
    return this.#siblings.get(nodeOfFlow(flow))?.[flow.listener] ?? own;
  }

  /** A domain whose users we know. */
  isDomain(host: string): boolean {
    return this.#domains.has(host.toLowerCase());
  }

  /** One of our domains or addresses, whatever the port. */
  isHost(host: string): boolean {
    const name = hostKey(host);
    return this.#hosts.has(name) || this.#domains.has(name) || this.#siblingHosts.has(name);
  }

  /** One of our own sockets: our host with one of our ports (or the default port when we listen there). */
  isSocket(host: string, port: number): boolean {
    const name = hostKey(host);
    const effective = port === 0 ? 5060 : port;
    if (this.#ports.has(effective) && (this.#hosts.has(name) || this.#domains.has(name))) return true;
    return this.#siblingSockets.size > 0 && this.#siblingSockets.has(`${name}:${effective}`);
  }

  /**
   * RFC 3261 16.5: a Request-URI whose domain we are responsible for. A foreign port names another server, and so does an
   * maddr: one that means us was taken out before (route-set.ts).
   */
  isResponsible(uri: SipUri): boolean {
    if (uri.scheme === 'tel' || uriParam(uri, 'maddr') !== undefined) return false;
    if (this.isSocket(uri.host, uri.port)) return true;
    return uri.port === 0 && this.isDomain(uri.host);
  }

  /** Our listener for a protocol, preferring the one a message came in by. -1 when we do not speak it. */
  listenerFor(protocol: Protocol, preferred: number): number {
    if (this.listeners[preferred]?.protocol === protocol) return preferred;
    return this.listeners.findIndex((each) => each.protocol === protocol);
  }
}

/** A host without case; an IPv6 address in one spelling, whatever its brackets and zeros. */
function hostKey(host: string): string {
  if (!host.includes(':')) return host.toLowerCase();
  return parseAddress(host)?.join(':') ?? host.toLowerCase();
}
