/**
 * One connection to a store file that several processes share: opening, locking, retrying, forcing to disk, and errors
 * in sentences. Every operation of the adapter is one `read` or one `write` here.
 *
 * Durability: SQLite in WAL mode writes a commit to the `-wal` file while it holds the write lock. A durable commit
 * must also force that file to disk. `PRAGMA synchronous=FULL` would do so under the lock, where all other processes
 * wait for our disk; we commit with NORMAL and call fdatasync on the `-wal` file after the lock is free and before we
 * answer. The octets that reach the disk are the same: a checkpoint forces the `-wal` file to disk itself before it
 * lets go of it.
 */
import { closeSync, fdatasyncSync, fstatSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { limits } from '../../../src/limits.ts';
import { StoreError } from '../../store-ports.ts';
import { explain, isBusy } from './errors.ts';
import { migrate } from './schema.ts';

export interface ConnectionOptions {
  /** How long to try for the lock before `busy`. */
  readonly busyMs?: number;
  /** Upper bound of the file in pages of 4096 octets, after which writes answer `full`. */
  readonly pagesMax?: number;
}

/** When the `-wal` file is larger than this, we stop the writers for a moment and empty it. */
const walBytesMax = 67_108_864;
/** Pages in the `-wal` file after which the committing connection copies them into the database (SQLite's default: 1000). */
const checkpointPages = 4_000;
const cacheKibibytes = 32_768;

export class Connection {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #busyMs: number;
  readonly #wal: number;
  #commits = 0;
  #directoryForced = false;

  /** @throws StoreError `io`, `corrupt`, `newer-version`, `full`, `busy` */
  constructor(path: string, options: ConnectionOptions = {}) {
    this.path = resolve(path);
    this.#busyMs = options.busyMs ?? limits.storeBusyMs;
    this.#db = this.#open();
    try {
      this.#prepareFile(options.pagesMax);
      this.#begin = this.#db.prepare('BEGIN IMMEDIATE');
      this.#commit = this.#db.prepare('COMMIT');
      this.#wal = openSync(`${this.path}-wal`, 'r+');
    } catch (error) {
      this.#db.close();
      throw explain(error, this.path, 'opening it');
    }
  }

  prepare(sql: string): StatementSync {
    return this.#db.prepare(sql);
  }

  /**
   * Run `body` in a transaction that holds the write lock from its start. It may be run again when the lock was taken
   * from us, so it must touch nothing but the database.
   */
  write<T>(doing: string, durable: boolean, body: () => T): T {
    const result = this.#retry(doing, () => this.#transaction(body));
    if (durable) this.#force(doing);
    if (++this.#commits % 256 === 0) this.#trimWal();
    return result;
  }

  /** Run `body` outside of a transaction: each statement in it sees one state of the store. */
  read<T>(doing: string, body: () => T): T {
    if (!this.#db.isOpen) throw new StoreError('closed', `The store ${this.path} was closed before ${doing}.`);
    return this.#retry(doing, body);
  }

  close(): void {
    if (!this.#db.isOpen) return;
    closeSync(this.#wal);
    this.#db.close();
  }

  #open(): DatabaseSync {
    try {
      makeDirectory(dirname(this.path));
    } catch (error) {
      throw explain(error, this.path, 'making its directory');
    }
    if (statSync(this.path, { throwIfNoEntry: false })?.isDirectory() === true) {
      throw new StoreError(
        'io',
        `The store ${this.path} is a directory. Name a file, for example sqlite:${this.path}/carillon.db.`,
      );
    }
    try {
      return new DatabaseSync(this.path, { timeout: 0 });
    } catch (error) {
      throw explain(error, this.path, 'opening it');
    }
  }

  #prepareFile(pagesMax: number | undefined): void {
    const db = this.#db;
    const doing = 'opening it';
    // Recognise the file under the lock and before anything is written to it.
    this.#retry(doing, () => {
      db.exec('BEGIN IMMEDIATE');
      try {
        migrate(db, this.path);
        db.exec('COMMIT');
      } finally {
        if (db.isTransaction) db.exec('ROLLBACK');
      }
    });
    const mode = this.#retry(doing, () => db.prepare('PRAGMA journal_mode = WAL').get())?.['journal_mode'];
    if (mode !== 'wal') {
      throw new StoreError(
        'io',
        `The file system of the store ${this.path} has no shared memory between processes (journal mode ${String(mode)}). ` +
          'Put the store on a local disk, or use redis: for several machines.',
      );
    }
    db.exec('PRAGMA synchronous = NORMAL');
    db.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
    db.exec(`PRAGMA cache_size = -${cacheKibibytes}`);
    if (pagesMax !== undefined) db.exec(`PRAGMA max_page_count = ${pagesMax}`);
    // The first read creates the -wal file that we force to disk.
    this.#retry(doing, () => db.prepare('SELECT count(*) FROM placement').get());
  }

  #transaction<T>(body: () => T): T {
    this.#begin.run();
    try {
      const result = body();
      this.#commit.run();
      return result;
    } catch (error) {
      // SQLite rolls back by itself on some errors (full, input/output).
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  #retry<T>(doing: string, body: () => T): T {
    const deadline = performance.now() + this.#busyMs;
    for (let pauseMs = 0.1; ; pauseMs = Math.min(pauseMs * 2, 4)) {
      try {
        return body();
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadline) throw explain(error, this.path, doing);
      }
      // Jitter, so that processes that met once do not meet again at every try.
      sleep(pauseMs * (0.2 + 0.8 * Math.random()));
    }
  }

  #force(doing: string): void {
    try {
      fdatasyncSync(this.#wal);
      if (this.#directoryForced) return;
      const directory = openSync(dirname(this.path), 'r');
      fsyncSync(directory);
      closeSync(directory);
      this.#directoryForced = true;
    } catch (error) {
      throw explain(error, this.path, `forcing to disk after ${doing}`);
    }
  }

  /**
   * Writers of several processes can keep the -wal file from ever being finished: then it grows until someone stops
   * them. Whoever comes first does; for the others the file is then small again.
   */
  #trimWal(): void {
    for (let tries = 0; tries < 20 && fstatSync(this.#wal).size > walBytesMax; tries++) {
      try {
        if (this.#db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0) return;
      } catch (error) {
        // The commit is done and safe; a checkpoint that finds no space now is tried again after other commits.
        if (!isBusy(error)) return;
      }
      sleep(1 + Math.random() * 4);
    }
  }
}

/** Not mkdir's own `recursive`, which never returns where the system answers ENOENT for good, as in /proc. */
function makeDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  if (dirname(path) !== path) makeDirectory(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process that starts at the same time was faster.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
  }
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Block this thread. Only store threads, tools and tests run this code. */
function sleep(ms: number): void {
  Atomics.wait(sleeper, 0, 0, ms);
}
