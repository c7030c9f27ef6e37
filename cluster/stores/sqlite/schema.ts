/** The tables of a store file and how an older file becomes a newer one. */
import type { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../../store-ports.ts';

/** `PRAGMA application_id` of every file of ours: "Cari". */
const applicationId = 0x43_61_72_69;

/**
 * Step i turns schema version i into i + 1. Never edit a released step: append one.
 *
 * `snapshot` keeps its rows in order of arrival, with an index by partition and key: a call's rows are then near each
 * other in the file, which made commits twice as fast as a table clustered by partition.
 */
const steps: readonly string[] = [
  `
  CREATE TABLE member (
    id TEXT NOT NULL PRIMARY KEY,
    incarnation INTEGER NOT NULL,
    dead INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    info TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE vote (
    target TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    voter TEXT NOT NULL,
    counts_until INTEGER NOT NULL,
    PRIMARY KEY (target, incarnation, voter)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE voter (
    stage TEXT NOT NULL CHECK (stage IN ('current', 'next')),
    id TEXT NOT NULL,
    PRIMARY KEY (stage, id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE placement (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    epoch INTEGER NOT NULL,
    nonce TEXT NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
  CREATE TABLE owner (
    partition INTEGER NOT NULL PRIMARY KEY,
    epoch INTEGER NOT NULL,
    owner TEXT NOT NULL
  ) STRICT;
  CREATE TABLE snapshot (
    partition INTEGER NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (partition, key)
  ) STRICT;
  CREATE TABLE user (
    aor TEXT NOT NULL PRIMARY KEY,
    realm TEXT NOT NULL,
    ha1_md5 TEXT NOT NULL,
    ha1_sha256 TEXT NOT NULL,
    created INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
];

/** The schema version that this build reads and writes (`PRAGMA user_version`). */
export const schemaVersion = steps.length;

/**
 * Recognise the file and bring it up to date. Call it inside a transaction that holds the write lock, so that of
 * several processes that start at once one does the work.
 */
export function migrate(db: DatabaseSync, path: string): void {
  const version = pragma(db, 'user_version');
  if (pragma(db, 'application_id') !== applicationId) {
    const tables = db.prepare('SELECT count(*) AS count FROM sqlite_schema').get();
    if (version !== 0 || tables?.['count'] !== 0) {
      throw new StoreError(
        'corrupt',
        `${path} is a SQLite database, but not a store of Carillon. It was left as it is; name another file.`,
      );
    }
    db.exec(`PRAGMA application_id = ${applicationId}`);
  }
  if (version > schemaVersion) {
    throw new StoreError(
      'newer-version',
      `The store ${path} has schema version ${version}; this Carillon knows versions up to ${schemaVersion}. It was left ` +
        'as it is. Start the newer Carillon that wrote it, or name another file.',
    );
  }
  if (version === schemaVersion) return;
  for (const step of steps.slice(version)) db.exec(step);
  db.exec(`PRAGMA user_version = ${schemaVersion}`);
}

function pragma(db: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}
