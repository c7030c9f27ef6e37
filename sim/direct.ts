/**
 * Datagrams from worker to worker (cluster/direct/): late, out of order, and lost where the way between two nodes is cut or
 * nobody has the port any more. What has come lies in the buffer of a stopped process until that goes on.
 */
import type { Kernel, Owner } from './kernel.ts';
import type { NodeLinks } from './links.ts';
import type { DirectPlan } from './options.ts';
import type { Stream } from './random.ts';

export const directKey = Buffer.from('datagrams of the simulator');

export interface DirectSocket {
  readonly owner: Owner;
  /** The node, which is its host. */
  readonly host: string;
  readonly port: number;
  /** Of a main thread, which is brought copies: of those and of what it says some are lost or come twice besides. */
  readonly isMain?: true;
  receive(octets: Buffer, host: string, port: number): void;
}

export class DirectNetwork {
  readonly #kernel: Kernel;
  readonly #random: Stream;
  readonly #links: NodeLinks;
  readonly #sockets = new Map<number, DirectSocket>();
  readonly #loss: number;
  readonly #copyLoss: number;
  /** Inside of a machine. */
  readonly #threadMs: number;
  #lastPort = 20_000;
  /** Told of every datagram that is sent, from one host to another or within one; of one that gets lost on the way too. */
  watch: ((from: string, to: string, octets: Buffer, isLost: boolean) => void) | undefined;

  constructor(kernel: Kernel, random: Stream, links: NodeLinks, threadMs: number, plan: DirectPlan) {
    this.#kernel = kernel;
    this.#random = random;
    this.#links = links;
    this.#threadMs = threadMs;
    this.#loss = plan.loss;
    this.#copyLoss = plan.copyLoss ?? 0;
  }

  /** A port that nobody has had. */
  newPort(): number {
    return (this.#lastPort += 1);
  }

  open(socket: DirectSocket): void {
    this.#sockets.set(socket.port, socket);
  }

  close(socket: DirectSocket): void {
    this.#sockets.delete(socket.port);
  }

  send(from: DirectSocket, host: string, port: number, octets: Buffer): void {
    const isLost = this.#links.isCut(from.host, host) || this.#random.chance(this.#loss);
    if (this.watch !== undefined) this.watch(from.host, host, octets, isLost);
    if (isLost) return;
    const isCopys = from.isMain === true || this.#sockets.get(port)?.isMain === true;
    if (isCopys && this.#copyLoss > 0) {
      if (this.#random.chance(this.#copyLoss)) return;
      if (this.#random.chance(this.#copyLoss)) this.#carry(from, host, port, octets);
    }
    this.#carry(from, host, port, octets);
  }

  #carry(from: DirectSocket, host: string, port: number, octets: Buffer): void {
    const [least, most] = this.#links.latencyMs;
    const delayMs = from.host === host ? this.#threadMs : this.#random.between(least, most);
    this.#kernel.at(delayMs, undefined, () => {
      const socket = this.#sockets.get(port);
      if (socket === undefined || socket.host !== host || !socket.owner.isAlive) return;
      this.#kernel.mixBytes(octets);
      this.#kernel.at(0, socket.owner, () => socket.receive(octets, from.host, from.port));
    });
  }
}
