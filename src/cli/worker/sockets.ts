/** The SIP sockets of one worker thread: opens the configured listeners and sends each packet the way its flow says. */
import { isIP } from 'node:net';
import { limits } from '../../limits.ts';
import type { Clock, Flow, Log } from '../../outside.ts';
import { AddressBook } from '../../io/dns.ts';
import { TcpTransport } from '../../io/tcp.ts';
import type { UdpPath } from '../../io/udp-path.ts';
import type { UdpTransport } from '../../io/udp.ts';
import { firstConnection } from '../../transport/connections.ts';
import { datagramFlow } from '../../transport/datagram-flow.ts';
import { Networks } from '../../transport/networks.ts';
import type { Listener } from '../../proxy/self.ts';
import { listenSharedTcp, openSharedUdp } from './shared-port.ts';

export interface SocketsOptions {
  readonly node: string;
  readonly worker: number;
  /** Of the node, and how long it ran when this thread started, milliseconds: no two threads use the same names for connections. */
  readonly incarnation: number;
  readonly processAgeMs: number;
  readonly listeners: readonly Listener[];
  /** Of each listener: the networks of those that announce their clients by the PROXY protocol. */
  readonly balancers: readonly (readonly string[])[];
  /** How UDP is read and written. */
  readonly datagrams: UdpPath;
  readonly clock: Clock;
  readonly log: Log;
  onMessage(bytes: Buffer, flow: Flow): void;
  onUndelivered(token: string, flow: Flow): void;
  count(metric: string): void;
}

export class Sockets {
  readonly #options: SocketsOptions;
  readonly #udp: (UdpTransport | undefined)[] = [];
  readonly #tcp: TcpTransport;
  readonly #resolver: AddressBook;
  /** That were seen to be no host names. */
  readonly #addresses = new Set<string>();

  private constructor(options: SocketsOptions) {
    this.#options = options;
    this.#resolver = new AddressBook(options.clock);
    const { node, worker, incarnation, processAgeMs, clock, log, onMessage, onUndelivered } = options;
    const balancers = options.balancers.map((texts) => (texts.length === 0 ? undefined : new Networks(texts)));
    this.#tcp = new TcpTransport({
      node,
      worker,
      firstNumber: firstConnection(incarnation, processAgeMs),
      clock,
      log,
      onMessage,
      onUndelivered,
      onUnannounced: () => options.count('tcp-unannounced'),
      onClosed: (_flow, reason) => options.count(`tcp-closed-${reason}`),
      isBalancer: (listener, from) => balancers[listener]?.has(from) === true,
    });
  }

  /** Rejects when an address is in use or not ours; what was opened before is closed again. */
  static async open(options: SocketsOptions): Promise<Sockets> {
    const sockets = new Sockets(options);
    try {
      for (const [listener, { protocol, address, port, isShared = false }] of options.listeners.entries()) {
        if (protocol === 'tcp') {
          await listenSharedTcp((each) => sockets.#tcp.listen(each), { address, port, listener }, options.log);
        } else sockets.#udp[listener] = await sockets.#openUdp(address, port, listener, isShared);
      }
    } catch (error) {
      await sockets.close();
      throw error;
    }
    return sockets;
  }

  #openUdp(address: string, port: number, listener: number, isShared: boolean): Promise<UdpTransport> {
    const { node, worker, log, onMessage } = this.#options;
    const options = {
      address,
      port,
      listener,
      // All nodes have a shared address, this node's own only itself.
      connection: isShared ? '' : datagramFlow(node),
      onMessage,
      onError: (code: string, flow: Flow | undefined, token: string): void => {
        this.#options.count('udp-error');
        if (flow !== undefined && token !== '') this.#options.onUndelivered(token, flow);
        else if (flow === undefined) log.write('warn', 'udp-socket', { address, port, code });
      },
    };
    return openSharedUdp(this.#options.datagrams.open, options, `${node}/${worker}/udp`, log);
  }

  /** A flow to a host name is resolved first (A or AAAA, by the family of our listener). */
  send(flow: Flow, bytes: Uint8Array, token: string): void {
    if (this.#isAddress(flow.address)) return this.#sendNow(flow, bytes, token);
    const family = this.#options.listeners[flow.listener]?.address.includes(':') === true ? 6 : 4;
    this.#resolver.lookup(flow.address, family, (addresses) => {
      const address = addresses[0];
      if (address !== undefined) return this.#sendNow({ ...flow, address }, bytes, token);
      this.#options.count('dns-unknown-host');
      if (token !== '') this.#options.onUndelivered(token, flow);
    });
  }

  /** False: a host name. Each packet asks, of few addresses. */
  #isAddress(text: string): boolean {
    if (this.#addresses.has(text)) return true;
    if (isIP(text) === 0) return false;
    if (this.#addresses.size >= limits.datagramDestinationsMax) this.#addresses.clear();
    this.#addresses.add(text);
    return true;
  }

  /** For a message after which nothing on this connection can be trusted. */
  endConnection(flow: Flow, last: Uint8Array | undefined): void {
    this.#tcp.end(flow, 'malformed', last);
  }

  /** Open connections that clients have made to us. */
  get clients(): number {
    return this.#tcp.clients;
  }

  /** Connections that there are go on. */
  stopAccepting(): void {
    this.#tcp.stopAccepting();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#udp.map((socket) => socket?.close()), this.#tcp.close()]);
  }

  #sendNow(flow: Flow, bytes: Uint8Array, token: string): void {
    if (flow.protocol === 'tcp') return this.#tcp.send(flow, bytes, token);
    const socket = this.#udp[flow.listener];
    if (socket !== undefined) socket.send(flow, bytes, token);
    else if (token !== '') this.#options.onUndelivered(token, flow);
  }
}
