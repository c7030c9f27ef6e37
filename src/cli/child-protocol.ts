/** The words between a supervisor and the nodes it starts, over Node's IPC channel. Secrets travel here, not in argv. */
import type { Config } from '../config/config.ts';
import type { LogLevel } from '../outside.ts';
import type { ExitCode } from './exit.ts';

/** First and only message to a node. */
export interface StartMessage {
  readonly type: 'start';
  readonly config: Config;
  readonly incarnation: number;
  readonly logLevel: LogLevel;
}

export type ChildMessage =
  /** Sent every limits.supervisorAliveMs from the main thread. */
  | { readonly type: 'alive' }
  | { readonly type: 'ready' }
  /** Why it is about to exit. */
  | { readonly type: 'ending'; readonly code: ExitCode; readonly message: string };

/** Flag of `carillon start` that makes it wait for a StartMessage. Not for people, so not in --help. */
export const supervisedFlag = '--supervised';

export function isStartMessage(message: unknown): message is StartMessage {
  return typeof message === 'object' && message !== null && Reflect.get(message, 'type') === 'start';
}

export function isChildMessage(message: unknown): message is ChildMessage {
  const type: unknown = typeof message === 'object' && message !== null ? Reflect.get(message, 'type') : undefined;
  return type === 'alive' || type === 'ready' || type === 'ending';
}
