/** The links of one node over real sockets: the mesh (cluster/link-mesh.ts) with a listener, and with the system's clock and chance. */
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Target, TableMark } from '../../cluster/data-frame.ts';
import { LinkMesh, linkTickMs } from '../../cluster/link-mesh.ts';
import type { LinkMeshOptions, MeshStats, PeerAddress } from '../../cluster/link-mesh.ts';
import type { Clock, Random } from '../outside.ts';
import { SystemClock } from './clock.ts';
import { LinkTls, linkAdvice } from './link-tls.ts';
import type { LinkTlsFiles } from './link-tls.ts';
import { SystemRandom } from './random.ts';

export interface MeshOptions extends Omit<LinkMeshOptions, 'clock' | 'random'> {
  /** Where others reach us. Port 0 lets the system choose. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Without it the links are plain TCP: their frames are sealed all the same, but everybody on the way can read them. */
  readonly tls?: LinkTlsFiles | undefined;
  readonly clock?: Clock;
  readonly random?: Random;
}

export class Mesh {
  readonly #options: MeshOptions;
  readonly #links: LinkMesh;
  readonly #clock: Clock;
  readonly #tls: LinkTls | undefined;
  #server: Server | undefined;
  /** Until somebody else ticks. */
  #ticker: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @throws Error that says which file of `tls` cannot be used, and why. */
  constructor(options: MeshOptions) {
    this.#options = options;
    this.#tls = options.tls === undefined ? undefined : new LinkTls(options.tls, options.log);
    this.#clock = options.clock ?? new SystemClock();
    this.#links = new LinkMesh(
      { ...options, clock: this.#clock, random: options.random ?? new SystemRandom() },
      {
        dial: (host, port) => this.#tls?.dial(host, port) ?? connect({ host, port, noDelay: true }),
        advice: (reason) => linkAdvice(reason, this.#tls !== undefined),
        soon: (run) => void setImmediate(run),
        later: (delayMs, run) => {
          const timer = setTimeout(run, delayMs);
          return () => clearTimeout(timer);
        },
      },
    );
  }

  /** Opens the listener and gives its port. Rejects when the address is in use or not ours. */
  start(): Promise<number> {
    const { host, port } = this.#options.listen;
    const accept = (socket: Socket): void => this.#links.accept(socket);
    const server =
      this.#tls?.serve(accept, (remote, reason) => this.#links.refused(remote, reason)) ??
      createServer({ noDelay: true }, accept);
    this.#tls?.watch();
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, exclusive: true }, () => {
        server.off('error', reject);
        server.on('error', (error) => this.#options.log.write('error', 'link-accept', { error }));
        this.#ticker = setInterval(() => this.#links.tick(), linkTickMs);
        const bound = server.address();
        resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
      });
    });
  }

  /**
   * Deadlines and heartbeats, for somebody who wakes for other things as well and goes by `nextTickMs` from now on, until the end: a
   * timer of their own would wake the thread besides.
   */
  tick(): void {
    if (this.#isClosed) return;
    clearInterval(this.#ticker);
    this.#ticker = undefined;
    if (this.#clock.monotonicMs() >= this.#links.nextTickMs()) this.#links.tick();
  }

  /** See LinkMesh. */
  nextTickMs(): number {
    return this.#isClosed ? Infinity : this.#links.nextTickMs();
  }

  /** See LinkMesh. */
  setPeers(list: readonly PeerAddress[]): void {
    this.#links.setPeers(list);
  }

  /** See LinkMesh. */
  setTable(mark: TableMark): void {
    this.#links.setTable(mark);
  }

  /** See LinkMesh. */
  send(node: string, target: Target, payload: Uint8Array): boolean {
    return this.#links.send(node, target, payload);
  }

  /** See LinkMesh. */
  sendTo(node: string, incarnation: number, target: Target, payload: Uint8Array): boolean {
    return this.#links.sendTo(node, incarnation, target, payload);
  }

  isUp(node: string): boolean {
    return this.#links.isUp(node);
  }

  /** 0: no link ever. */
  incarnationOf(node: string): number {
    return this.#links.incarnationOf(node);
  }

  stats(): MeshStats {
    return this.#links.stats();
  }

  /** Ends every link and stops listening. No peer is reported down by this. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#links.close();
    this.#ticker ??= setInterval(() => this.#links.tick(), linkTickMs);
    const server = this.#server;
    if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()));
    clearInterval(this.#ticker);
    this.#tls?.close();
  }

  /** Reads the certificates again if their files changed; true when they did. Done by itself every few seconds. */
  reloadTls(): boolean {
    return this.#tls?.reload() === true;
  }
}
