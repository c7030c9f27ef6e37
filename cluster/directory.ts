/**
 * What a worker knows of users: a bounded cache over the store. A record that is not known is asked for once, and the
 * address-of-record is told when it has come; changes are announced by the node that made them, and records are asked for
 * again after a while in case the announcement was lost.
 */
import type { Directory } from '../actors/aor/state.ts';
import type { SnapshotAccess } from './store-access.ts';
import type { UserRecord } from '../src/auth/verify.ts';
import { limits } from '../src/limits.ts';
import type { Clock, Log } from '../src/outside.ts';

interface Entry {
  readonly record: UserRecord | undefined;
  readonly untilMs: number;
}

export class StoreDirectory implements Directory {
  readonly #store: SnapshotAccess;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #known: (aor: string) => void;
  readonly #cache = new Map<string, Entry>();
  readonly #asked = new Set<string>();

  /** @param known called when a record that was `loading` has come. */
  constructor(store: SnapshotAccess, clock: Clock, log: Log, known: (aor: string) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#known = known;
  }

  record(aor: string): UserRecord | undefined | 'loading' {
    const entry = this.#cache.get(aor);
    if (entry !== undefined && entry.untilMs > this.#clock.monotonicMs()) return entry.record;
    this.#ask(aor);
    // An old record is better than none while the store is away.
    return entry === undefined ? 'loading' : entry.record;
  }

  forget(aor: string): void {
    this.#cache.delete(aor);
  }

  #ask(aor: string): void {
    if (this.#asked.has(aor)) return;
    this.#asked.add(aor);
    this.#store.user(aor, (error, record) => {
      this.#asked.delete(aor);
      if (error !== undefined)
        return this.#log.write('warn', 'user-lookup', { code: error.code, message: error.message });
      if (this.#cache.size >= limits.usersCachedPerWorkerMax) this.#cache.delete(this.#cache.keys().next().value ?? '');
      this.#cache.delete(aor);
      this.#cache.set(aor, { record, untilMs: this.#clock.monotonicMs() + limits.userCacheMs });
      this.#known(aor);
    });
  }
}
