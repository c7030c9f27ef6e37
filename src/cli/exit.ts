/** How the command ends: one line for people on stderr and a code for scripts (the numbers of sysexits.h). */
import { StoreError } from '../../cluster/store-ports.ts';

export const exitCodes = {
  ok: 0,
  refused: 1,
  usage: 2,
  unavailable: 69,
  internal: 70,
  cannotCreate: 73,
  config: 78,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Shown by --help. */
export const exitCodesHelp = `Exit codes:
  0   done
  1   the cluster refused (no such user, no such node)
  2   wrong use of the command
  69  an address is in use or may not be had, or no node answers
  70  internal error; a node that was told it is dead
  73  the store cannot be opened or created
  78  the configuration is wrong`;

/** An end with a message of its own. */
export class ExitError extends Error {
  override readonly name = 'ExitError';
  readonly code: ExitCode;
  constructor(code: ExitCode, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Ending {
  readonly code: ExitCode;
  readonly message: string;
}

/** Any error as an ending. Only errors nobody foresaw keep their stack. */
export function endingOf(error: unknown): Ending {
  if (error instanceof ExitError) return { code: error.code, message: error.message };
  if (error instanceof StoreError) return { code: exitCodes.cannotCreate, message: error.message };
  const address = addressProblem(error);
  if (address !== undefined) return { code: exitCodes.unavailable, message: address };
  return { code: exitCodes.internal, message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

const sentences: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program: stop that one or choose another address',
  EACCES: 'may not be used by this user: choose a port over 1023 or grant the right',
  EADDRNOTAVAIL: 'is no address of this machine',
};

function addressProblem(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('port' in error)) return undefined;
  const code = String(error.code);
  if (!Object.hasOwn(sentences, code)) return undefined;
  const address = 'address' in error ? String(error.address) : '';
  return `${address.includes(':') ? `[${address}]` : address}:${String(error.port)} ${sentences[code]}`;
}
