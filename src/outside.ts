/**
 * All of the world that pure code may see. Production hands in the real thing (src/io), tests and the simulator a fake.
 * Nothing below src/io, cluster/stores and the composition roots (src/cli) may reach the machine in any other way.
 */

/** Time. Cluster time is the clock of the coordination store, so deadlines keep their meaning on another node. */
export interface Clock {
  /** Milliseconds that never go back, local to this process. For intervals. */
  monotonicMs(): number;
  /** Milliseconds of cluster time since 1970. For deadlines that travel in snapshots. */
  clusterMs(): number;
}

/** Unpredictable bytes for keys and nonces; a seeded stream in the simulator. */
export interface Random {
  bytes(lengthBytes: number): Buffer;
  /** A number in [0, 1). For jitter, never for secrets. */
  fraction(): number;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Structured log: an event name (`auth-fail`) and flat fields. Values from the network are escaped by the writer. */
export interface Log {
  write(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void;
}

export type Protocol = 'udp' | 'tcp';

/**
 * The way to one peer. For streams `connection` names the socket as `node/worker/number`, which never moves. An empty
 * `connection` on a stream asks for reuse of an open connection to the same address and port, or a new one. For UDP the
 * pair of addresses says all when every node listens at our side of it; else `connection` names the node that does
 * (`datagramFlow` of src/transport/datagram-flow.ts), and an empty one leaves the choice to whoever sends.
 */
export interface Flow {
  readonly protocol: Protocol;
  /** Our own side: index into the configured listeners, which are the same on all nodes but for their addresses. */
  readonly listener: number;
  /** The peer's IP address, IPv6 without brackets. */
  readonly address: string;
  readonly port: number;
  readonly connection: string;
}
