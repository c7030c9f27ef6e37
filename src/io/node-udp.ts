/** UDP by the sockets of Node: a system call for each packet. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { limits } from '../limits.ts';
import type { Flow } from '../outside.ts';
import { listenError } from './reuse-port.ts';
import { socketBufferBytes } from './udp.ts';
import type { UdpOptions, UdpStats, UdpTransport } from './udp.ts';

/** Asking for the fate of a packet costs 0.6 us of 6: with no token, only every so manyth packet is asked for. */
const sampleEvery = 32;

class NodeUdp implements UdpTransport {
  readonly stats: UdpStats = { received: 0, sent: 0, failed: 0, errors: 0 };
  readonly port: number;
  readonly #socket: Socket;
  readonly #options: UdpOptions;
  readonly #sampled: (error: Error | null) => void;
  #isOpen = true;

  constructor(socket: Socket, options: UdpOptions) {
    this.#socket = socket;
    this.port = socket.address().port;
    this.#options = options;
    this.#sampled = (error) => {
      if (error !== null) this.#sampleFailed(error);
    };
    const { listener, connection = '' } = options;
    socket.on('message', (bytes, { address, port }) => {
      this.stats.received++;
      options.onMessage(bytes, { protocol: 'udp', listener, address, port, connection });
    });
    // ICMP errors and the like: they concern one peer and must not end the socket for all.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.stats.errors++;
      options.onError(error.code ?? 'unknown', undefined, '');
    });
  }

  send(flow: Flow, bytes: Uint8Array, token = ''): void {
    if (!this.#isOpen) return this.#failed('closed', flow, token);
    if (bytes.length > limits.datagramBytesMax) return this.#failed('EMSGSIZE', flow, token);
    this.stats.sent++;
    try {
      if (token !== '') {
        this.#socket.send(bytes, flow.port, flow.address, (error) => {
          if (error !== null) this.#failed((error as NodeJS.ErrnoException).code ?? 'unknown', flow, token);
        });
      } else if (this.stats.sent % sampleEvery === 0) this.#socket.send(bytes, flow.port, flow.address, this.#sampled);
      else this.#socket.send(bytes, flow.port, flow.address);
    } catch (error) {
      // A port of 0 or 70000, an address that is none: a peer's wish, not our fault.
      this.#failed((error as NodeJS.ErrnoException).code ?? 'unknown', flow, token);
    }
  }

  close(): Promise<void> {
    if (!this.#isOpen) return Promise.resolve();
    this.#isOpen = false;
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #failed(code: string, flow: Flow | undefined, token: string): void {
    this.stats.failed++;
    this.#options.onError(code, flow, token);
  }

  /** Node puts the destination into the error of a packet. */
  #sampleFailed(error: NodeJS.ErrnoException & { address?: string; port?: number }): void {
    const { address, port } = error;
    const flow =
      address === undefined || port === undefined
        ? undefined
        : ({ protocol: 'udp', listener: this.#options.listener, address, port, connection: '' } as const);
    this.#failed(error.code ?? 'unknown', flow, '');
  }
}

/** See UdpPath.open. */
export function openNodeUdp(options: UdpOptions): Promise<UdpTransport> {
  const { address, port, reusePort } = options;
  const type = isIPv6(address) ? 'udp6' : 'udp4';
  const family = type === 'udp6' ? 6 : 4;
  return new Promise((resolve, reject) => {
    // Addresses are literals, so the look-up answers at once: Node's own would put off every packet by a turn.
    const socket = createSocket({ type, reusePort, lookup: (name, _options, done) => done(null, name, family) });
    const fail = (error: unknown): void => {
      socket.close();
      reject(listenError(error, `udp:${address}:${port}`, reusePort));
    };
    socket.once('error', fail);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off('error', fail);
      for (const set of [
        () => socket.setRecvBufferSize(socketBufferBytes),
        () => socket.setSendBufferSize(socketBufferBytes),
      ]) {
        try {
          set();
        } catch {
          // Less than we like is still a socket.
        }
      }
      resolve(new NodeUdp(socket, options));
    });
  });
}
