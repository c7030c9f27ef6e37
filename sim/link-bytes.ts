/**
 * The links between the nodes as octets: the mesh of production (cluster/link-mesh.ts) with its handshake, seals and frames
 * over simulated streams, which may be cut anywhere, be reset or fall silent. Slower than sim/links.ts, which carries the
 * items as objects; some of the seeds use it.
 */
import type { PeerFrame } from '../cluster/control-types.ts';
import type { Target } from '../cluster/data-frame.ts';
import { LinkMesh, linkTickMs } from '../cluster/link-mesh.ts';
import { packPeerItem } from '../cluster/peer-items.ts';
import type { Clock } from '../src/outside.ts';
import type { Kernel } from './kernel.ts';
import type { LinkEnd, LinkFault, NodeLinks } from './links.ts';
import type { Chance, Stream } from './random.ts';
import { Streams } from './stream.ts';
import type { SimSocket, StreamManners, StreamPath } from './stream.ts';

interface End {
  readonly end: LinkEnd;
  readonly mesh: LinkMesh;
  /** Its newest connection to each peer that it dialled. */
  readonly dialled: Map<string, SimSocket>;
}

const port = 7_000;

export class ByteLinks implements NodeLinks {
  latencyMs: readonly [number, number];
  readonly #kernel: Kernel;
  readonly #chance: Chance;
  readonly #random: Stream;
  readonly #streams: Streams;
  readonly #manners: StreamManners;
  readonly #names: readonly string[];
  readonly #ends = new Map<string, End>();
  readonly #cuts = new Set<string>();

  constructor(
    kernel: Kernel,
    chance: Chance,
    latencyMs: readonly [number, number],
    manners: StreamManners,
    names: readonly string[],
  ) {
    this.#kernel = kernel;
    this.#chance = chance;
    this.#random = chance.stream('link bytes');
    this.#streams = new Streams(kernel, this.#random);
    this.latencyMs = latencyMs;
    this.#manners = manners;
    this.#names = names;
  }

  get cutCount(): number {
    return this.#cuts.size;
  }

  isCut(from: string, to: string): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from}>${to}`);
  }

  join(end: LinkEnd, clock: Clock): void {
    const { id, incarnation, owner } = end;
    const dialled = new Map<string, SimSocket>();
    const mesh = new LinkMesh(
      {
        self: { id, incarnation },
        cluster: 'simulated',
        secret: 'of the simulator',
        clock,
        random: this.#chance.stream(`links of ${owner.name}`),
        log: { write: () => {} },
        onPeer: (peer, up, peerIncarnation) => {
          if (up) end.peerUp(peer, peerIncarnation);
          else end.peerDown(peer, peerIncarnation);
        },
        onItem: (from, target, payload) =>
          end.item(from, this.#ends.get(id)?.mesh.incarnationOf(from) ?? 0, target, payload),
      },
      {
        dial: (host) => {
          const socket = this.#dial(end, host);
          dialled.set(host, socket);
          return socket;
        },
        soon: (run) => this.#kernel.at(0, owner, run),
        later: (delayMs, run) => {
          let isWanted = true;
          this.#kernel.at(delayMs, owner, () => {
            if (isWanted) run();
          });
          return () => (isWanted = false);
        },
      },
    );
    this.#ends.set(id, { end, mesh, dialled });
    this.#tick(end, mesh);
  }

  leave(end: LinkEnd, silently: boolean, inOrder = false): void {
    const own = this.#ends.get(end.id);
    if (own?.end === end) this.#ends.delete(end.id);
    if (inOrder && own?.end === end) own.mesh.close();
    else this.#streams.drop(end.owner, silently);
  }

  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
  }

  heal(from: string, to: string): void {
    this.#cuts.delete(`${from}>${to}`);
  }

  healAll(): void {
    this.#cuts.clear();
  }

  /** So it is asked at every tick. */
  wanted(): void {}

  /** The protocol finds out by itself. */
  watch(): void {}

  strike({ from, to, kind }: LinkFault): void {
    const [smaller, larger] = from < to ? [from, to] : [to, from];
    const socket = this.#ends.get(smaller)?.dialled.get(larger);
    if (kind === 'reset') socket?.resets();
    else socket?.fallsSilent();
  }

  isUp(a: string, b: string): boolean {
    return this.#ends.get(a)?.mesh.isUp(b) === true;
  }

  send(from: LinkEnd, peer: string, target: Target, payload: Uint8Array): boolean {
    const own = this.#ends.get(from.id);
    return own?.end === from && own.mesh.send(peer, target, payload);
  }

  sendFrame(from: LinkEnd, peer: string, incarnation: number, frame: PeerFrame): boolean {
    const own = this.#ends.get(from.id);
    return own?.end === from && own.mesh.sendTo(peer, incarnation, [2], packPeerItem({ kind: 'control', frame }));
  }

  #tick(end: LinkEnd, mesh: LinkMesh): void {
    this.#kernel.at(linkTickMs, end.owner, () => {
      mesh.setPeers(this.#names.filter((id) => end.wants(id)).map((id) => ({ id, address: `${id}:${port}` })));
      mesh.tick();
      this.#tick(end, mesh);
    });
  }

  #dial(end: LinkEnd, host: string): SimSocket {
    const find = () => {
      const far = this.#ends.get(host);
      return far === undefined
        ? undefined
        : { owner: far.end.owner, accept: (socket: SimSocket) => far.mesh.accept(socket) };
    };
    const [path, back] = [this.#path(end.id, host), this.#path(host, end.id)];
    return this.#streams.connect(
      end.owner,
      { address: end.id, port },
      { address: host, port },
      this.#manners,
      path,
      back,
      find,
    );
  }

  #path(from: string, to: string): StreamPath {
    const name = `${from}>${to}`;
    return {
      latencyMs: () => this.#random.between(this.latencyMs[0], this.latencyMs[1]),
      isBlocked: () => this.#cuts.size > 0 && this.#cuts.has(name),
    };
  }
}
