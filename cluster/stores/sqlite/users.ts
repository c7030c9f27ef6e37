/** UserStore on SQLite. */
import type { StatementSync } from 'node:sqlite';
import { limits } from '../../../src/limits.ts';
import type { StoredUser, UserRecord, UserStore } from '../../store-ports.ts';
import type { Connection } from './connection.ts';

export class SqliteUsers implements UserStore {
  readonly #connection: Connection;
  readonly #nowMs: () => number;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #one: StatementSync;
  readonly #page: StatementSync;

  constructor(connection: Connection, nowMs: () => number) {
    this.#connection = connection;
    this.#nowMs = nowMs;
    this.#put = connection.prepare(
      'INSERT INTO user (aor, realm, ha1_md5, ha1_sha256, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET ' +
        'realm = excluded.realm, ha1_md5 = excluded.ha1_md5, ha1_sha256 = excluded.ha1_sha256',
    );
    this.#remove = connection.prepare('DELETE FROM user WHERE aor = ?');
    this.#one = connection.prepare('SELECT * FROM user WHERE aor = ?');
    this.#page = connection.prepare('SELECT * FROM user WHERE aor > ? ORDER BY aor LIMIT ?');
  }

  putUser(user: UserRecord): void {
    this.putUsers([user]);
  }

  putUsers(users: readonly UserRecord[]): void {
    this.#connection.write('adding users', true, () => {
      const nowMs = this.#nowMs();
      for (const { aor, realm, ha1Md5, ha1Sha256 } of users) this.#put.run(aor, realm, ha1Md5, ha1Sha256, nowMs);
    });
  }

  removeUser(aor: string): boolean {
    return this.#connection.write('removing a user', true, () => this.#remove.run(aor).changes === 1);
  }

  user(aor: string): StoredUser | undefined {
    const row = this.#connection.read('reading a user', () => this.#one.get(aor));
    return row === undefined ? undefined : storedUser(row);
  }

  users(afterAor: string, limit: number): StoredUser[] {
    return this.#connection.read('reading users', () =>
      this.#page.all(afterAor, Math.min(limit, limits.storeUsersPageMax)).map(storedUser),
    );
  }
}

function storedUser(row: Record<string, unknown>): StoredUser {
  return {
    aor: String(row['aor']),
    realm: String(row['realm']),
    ha1Md5: String(row['ha1_md5']),
    ha1Sha256: String(row['ha1_sha256']),
    createdMs: Number(row['created']),
  };
}
