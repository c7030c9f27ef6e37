/**
 * A phone's connection to the cluster over TCP, kept as RFC 5626 asks: pings (double CRLF) that must be answered, a new
 * connection when one is lost, and a REGISTER over it, so that calls find the way again. Its own framing: a mistake of the
 * server's is seen by somebody who does not share it.
 */
import type { SimSocket, StreamManners } from '../stream.ts';
import type { StreamNetwork } from '../stream-network.ts';
import type { Phone } from './phone.ts';

export interface LinePlan extends StreamManners {
  /** Takes connections at the address of its Via (RFC 3261 18.2.2). */
  readonly listens: boolean;
  /** Registers with reg-id (RFC 5626), not only with its instance. */
  readonly outbound: boolean;
  readonly pingEveryMs: number;
}

/** RFC 5626 4.4.1: without an answer for so long the flow has failed. */
const pongWithinMs = 10_000;
const connectWithinMs = 4_000;
const queueMax = 64;
const ping = Buffer.from('\r\n\r\n');

/** A time over which the phone was registered by one connection. */
interface Flow {
  readonly socket: SimSocket;
  readonly registeredAtMs: number;
}

export class Line {
  readonly plan: LinePlan;
  readonly #phone: Phone;
  readonly #network: StreamNetwork;
  readonly #flows: Flow[] = [];
  #socket: SimSocket | undefined;
  #queue: Buffer[] = [];
  #pingedAtMs = 0;
  #failures = 0;

  constructor(phone: Phone, plan: LinePlan, network: StreamNetwork) {
    this.#phone = phone;
    this.plan = plan;
    this.#network = network;
    if (plan.listens) network.openPhone(phone.at, { owner: phone.owner, accept: (socket) => this.#read(socket) });
  }

  get socket(): SimSocket | undefined {
    return this.#socket;
  }

  send(bytes: Buffer): void {
    const socket = this.#socket;
    if (socket !== undefined && !socket.connecting) return socket.write(bytes);
    if (this.#queue.length < queueMax) this.#queue.push(bytes);
    if (socket === undefined) this.#connect();
  }

  /** A REGISTER over the connection of now was answered 200. */
  registered(): void {
    const socket = this.#socket;
    if (socket !== undefined && this.#flows.at(-1)?.socket !== socket)
      this.#flows.push({ socket, registeredAtMs: this.#phone.world.kernel.nowMs });
  }

  /** Whether the phone was reached by one sound connection, and registered by it, over all of that time. */
  wasSound(fromMs: number, toMs: number): boolean {
    return this.#flows.some(
      ({ socket, registeredAtMs }) => registeredAtMs <= fromMs && (socket.lostAtMs === 0 || socket.lostAtMs > toMs),
    );
  }

  #connect(): void {
    const { owner, at } = this.#phone;
    const socket = this.#network.toCluster(owner, at.address, this.plan);
    this.#socket = socket;
    socket.once('connect', () => {
      this.#failures = 0;
      for (const bytes of this.#queue.splice(0)) socket.write(bytes);
      this.#pingedAtMs = 0;
      this.#pingLater(socket);
      if (this.#flows.length > 0) this.#phone.registration.again();
    });
    this.#read(socket);
    socket.on('close', () => this.#lost(socket));
    this.#phone.later(connectWithinMs, () => {
      if (socket.connecting) socket.destroy();
    });
  }

  #lost(socket: SimSocket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#queue = [];
    this.#failures++;
    this.#phone.lineLost();
    const mostMs = Math.min(2_000, 100 * 2 ** this.#failures);
    this.#phone.later(this.#phone.random.between(20, mostMs), () => {
      if (this.#socket === undefined) this.#connect();
    });
  }

  #pingLater(socket: SimSocket): void {
    this.#phone.later(this.plan.pingEveryMs, () => {
      if (this.#socket !== socket || socket.destroyed) return;
      socket.write(ping);
      const atMs = this.#phone.world.kernel.nowMs;
      this.#pingedAtMs = atMs;
      this.#phone.later(pongWithinMs, () => {
        // Nothing came since: whatever the system says, this connection is dead.
        if (this.#pingedAtMs === atMs && this.#socket === socket) socket.resets();
      });
      this.#pingLater(socket);
    });
  }

  #read(socket: SimSocket): void {
    let held: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      if (socket === this.#socket) this.#pingedAtMs = 0;
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      for (;;) {
        while (held.length >= 2 && held[0] === 0x0d && held[1] === 0x0a) held = held.subarray(2);
        const length = messageBytes(held);
        if (length === 0 || length > held.length) return;
        const message = held.subarray(0, length);
        held = held.subarray(length);
        this.#phone.receive(message);
      }
    });
  }
}

/** Of the message at the beginning, 0 while its header is not complete. What cannot be framed is taken as it is, and told. */
function messageBytes(bytes: Buffer): number {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return 0;
  const length = /\r\n(?:content-length|l)[ \t]*:[ \t]*(\d+)/i.exec(bytes.toString('latin1', 0, end));
  return length === null ? bytes.length : end + 4 + Number(length[1]);
}
