/** What one UDP socket for SIP promises. Two ways keep it: src/io/udp-path.ts. */
import type { Flow } from '../outside.ts';

export interface UdpOptions {
  /** Our IP address: a literal. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Index into the configured listeners, for the flows. */
  readonly listener: number;
  /** `Flow.connection` of what comes in; default: ''. */
  readonly connection?: string;
  /** Share the port with other threads and processes. Rejects with `ReusePortUnsupported` where that is impossible. */
  readonly reusePort: boolean;
  /** A datagram came. The octets are ours to keep. */
  onMessage(bytes: Buffer, flow: Flow): void;
  /** A packet could not be sent (`flow` and its token), or the socket itself had an error (no flow). */
  onError(code: string, flow: Flow | undefined, token: string): void;
}

export interface UdpStats {
  received: number;
  sent: number;
  /** Packets that are known not to have left. */
  failed: number;
  /** Errors of the socket that belong to no packet of ours. */
  errors: number;
}

/** Receives into a callback, sends without a promise or a look-up, and lives through every error that a packet can cause. */
export interface UdpTransport {
  readonly stats: UdpStats;
  /** The port that we really have. */
  readonly port: number;
  /**
   * Sends one packet, at the end of this turn at the latest. With a token, failure to send it is always reported, now or
   * later; without one, persistent failure is.
   */
  send(flow: Flow, bytes: Uint8Array, token?: string): void;
  /** What waits is sent or reported before this resolves. */
  close(): Promise<void>;
}

/** Enough for a burst of thousands of packets while the thread is busy; the kernel may grant less. */
export const socketBufferBytes = 4 * 1024 * 1024;
