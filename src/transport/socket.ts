/**
 * A connected stream as connections see it: the part of `node:net`'s Socket that they use, so that the simulator can give
 * them another one. Events come one after the other, never inside of a call.
 */
export interface StreamSocket {
  readonly connecting: boolean;
  readonly destroyed: boolean;
  /** Octets given to `write` that the system has not taken yet. */
  readonly writableLength: number;
  /** Octets given to `write`. */
  readonly bytesWritten: number;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'error', listener: (error: StreamError) => void): unknown;
  on(event: 'close' | 'drain' | 'end', listener: () => void): unknown;
  once(event: 'connect', listener: () => void): unknown;
  cork(): void;
  uncork(): void;
  /** `done` is called when the system has taken the octets, or with an error when it will not. */
  write(bytes: Uint8Array, done?: (error?: Error | null) => void): unknown;
  /** Closes when everything is written. */
  end(): unknown;
  end(last: Uint8Array): unknown;
  destroy(): unknown;
}

export interface StreamError extends Error {
  /** As `ECONNRESET`. */
  readonly code?: string | undefined;
}
