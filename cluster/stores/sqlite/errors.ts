/** SQLite's and the operating system's error codes -> StoreError with a sentence that helps. */
import { StoreError } from '../../store-ports.ts';

// Primary result codes, https://www.sqlite.org/rescode.html
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;

/** Another connection holds the lock: worth another try. */
export function isBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === SQLITE_BUSY || code === SQLITE_LOCKED;
}

/** @param doing what was tried, as in "renewing the lease of a" */
export function explain(error: unknown, path: string, doing: string): StoreError {
  if (error instanceof StoreError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  switch (primaryCode(error)) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return new StoreError(
        'busy',
        `Other processes held the store ${path} for too long while ${doing}; nothing was written. If it lasts, look for a ` +
          'stopped process or a slow disk under that file.',
      );
    case SQLITE_FULL:
      return new StoreError(
        'full',
        `No space is left for the store ${path} while ${doing}; nothing was written. Free space on its file system: ` +
          'Carillon then goes on by itself.',
      );
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return new StoreError(
        'corrupt',
        `The store ${path} is damaged or is not a SQLite database (${detail}, while ${doing}). Put a backup in its place, or ` +
          'move the file away to start with an empty store.',
      );
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return new StoreError(
        'io',
        `The store ${path} cannot be opened for writing (${detail}, while ${doing}). Check that the path is right and that ` +
          'the user that runs Carillon may write the file and its directory.',
      );
    case SQLITE_IOERR:
      if (detail.includes('no space') || errorCode(error) === 'ENOSPC') return full(path, doing);
      return new StoreError(
        'io',
        `The operating system reported an input/output error on the store ${path} while ${doing} (${detail}). Check the ` +
          'disk and its space.',
      );
    case undefined:
      return explainSystem(error, detail, path, doing);
    default:
      return new StoreError('io', `The store ${path} failed while ${doing}: ${detail}.`);
  }
}

function explainSystem(error: unknown, detail: string, path: string, doing: string): StoreError {
  switch (errorCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return full(path, doing);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new StoreError(
        'io',
        `The store ${path} is not writable (${detail}). Give the user that runs Carillon the right.`,
      );
    case 'ENOTDIR':
    case 'EEXIST':
    case 'ENOENT':
      return new StoreError(
        'io',
        `The directory of the store ${path} cannot be made (${detail}). Check the path: perhaps a part of it is a file.`,
      );
    case 'ERR_INVALID_STATE':
      return new StoreError('closed', `The store ${path} was closed before ${doing}.`);
    default:
      return new StoreError('io', `The store ${path} failed while ${doing}: ${detail}.`);
  }
}

function full(path: string, doing: string): StoreError {
  return new StoreError(
    'full',
    `No space is left for the store ${path} while ${doing}. Free space on its file system.`,
  );
}

/** The low octet of SQLite's extended code; undefined when the error is not SQLite's. */
function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
