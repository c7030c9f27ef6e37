/** What the commands that run nodes agree on with the composition root of a node (src/cli/node.ts). */
import type { Config } from '../config/config.ts';
import type { LogLevel } from '../outside.ts';
import type { ExitCode } from './exit.ts';

export interface NodeOptions {
  /** Number of this life of the node, greater than all before it: the time of its start, ms since 1970. */
  readonly incarnation: number;
  /** Less important lines are not logged. */
  readonly logLevel: LogLevel;
  /** The node owns its partitions and serves. Called once. */
  onReady(): void;
  /**
   * The node ended by itself: 0 when it was drained through the API, 70 when it was told that it is dead or failed
   * beyond repair. Everything is closed by then; the process exits with this code.
   */
  onExit(code: ExitCode, reason: string): void;
}

export interface RunningNode {
  /** Hand the partitions over, release the lease, close everything. `onExit` is not called. */
  drain(): Promise<void>;
}

/**
 * Resolves when all sockets are open (the node may still be joining). Rejects with the system's error that names
 * `address` and `port` when one cannot be had, with StoreError when the store cannot be opened.
 */
export type RunNode = (config: Config, options: NodeOptions) => Promise<RunningNode>;
