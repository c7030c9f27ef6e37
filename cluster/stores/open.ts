/** Store URL -> adapter: the one place that knows which stores exist. */
import type { Done } from '../store-access.ts';
import { StoreError } from '../store-ports.ts';
import type { Store } from '../store-ports.ts';
import { MemoryStore } from './memory.ts';
import { asStoreError, servedAtOnce } from './served.ts';
import type { ServedStore } from './served.ts';
import { SqliteStore } from './sqlite/store.ts';
import type { SqliteStoreOptions } from './sqlite/store.ts';

/**
 * Open any store for the store thread, Redis too (redis/url.ts). `done` may be called at once. Redis is loaded only when it
 * is asked for.
 */
export function openServed(url: string, options: SqliteStoreOptions, done: Done<ServedStore>): void {
  if (/^rediss?[+:]/i.test(url)) {
    void import('./redis/store.ts')
      .then(({ openRedisStore }) => openRedisStore(url, options))
      .then(
        (store) => done(undefined, store),
        (error: unknown) => done(asStoreError(error, 'opening it'), undefined),
      );
    return;
  }
  let store: Store;
  try {
    store = openStore(url, options);
  } catch (error) {
    return done(asStoreError(error, 'opening it'), undefined);
  }
  done(undefined, servedAtOnce(store));
}

/**
 * Open `memory:` (nothing outlives the process) or `sqlite:PATH` (relative to the working directory; directories are
 * made as needed).
 * @throws StoreError that says what is wrong with the URL or the file
 */
export function openStore(url: string, options: SqliteStoreOptions = {}): Store {
  const colon = url.indexOf(':');
  const scheme = url.slice(0, Math.max(colon, 0)).toLowerCase();
  const rest = url.slice(colon + 1);
  switch (scheme) {
    case 'memory':
      return new MemoryStore({ nowMs: Date.now, ...options });
    case 'sqlite':
      if (rest === '' || rest.startsWith(':')) {
        throw new StoreError(
          'unsupported',
          `The store ${url} names no file. Write sqlite:./data/carillon.db, or memory: for none.`,
        );
      }
      return new SqliteStore(rest, options);
    default:
      throw new StoreError(
        'unsupported',
        `The store "${withoutPassword(url)}" is of no known kind. Write memory:, sqlite:PATH or redis://HOST.`,
      );
  }
}

function withoutPassword(url: string): string {
  const at = url.lastIndexOf('@');
  const slashes = url.indexOf('//');
  return at < 0 || slashes < 0 ? url : `${url.slice(0, slashes + 2)}***${url.slice(at)}`;
}
