/** Users on Redis: one slot holds all of them, ordered by their aor for pages. */
import { limits } from '../../../src/limits.ts';
import type { StoredUser, UserRecord } from '../../store-ports.ts';
import type { Asking } from './asking.ts';
import { listOf, numberOf, optional, textOf } from './values.ts';

export class RedisUsers {
  readonly #ask: Asking;

  constructor(ask: Asking) {
    this.#ask = ask;
  }

  async putUser(user: UserRecord): Promise<void> {
    await this.putUsers([user]);
  }

  /** More than limits.storeUsersPageMax go in several steps, each of which is done as a whole; putting again is harmless. */
  async putUsers(users: readonly UserRecord[]): Promise<void> {
    const { keys } = this.#ask;
    for (let from = 0; from < users.length; from += limits.storeUsersPageMax) {
      const part = users.slice(from, from + limits.storeUsersPageMax);
      const parameters = part.flatMap(({ aor, realm, ha1Md5, ha1Sha256 }) => [
        aor,
        JSON.stringify([aor, realm, ha1Md5, ha1Sha256]),
      ]);
      await this.#ask.one('put-users', [keys.users, keys.aors], parameters, 'adding users', true);
    }
  }

  async removeUser(aor: string): Promise<boolean> {
    const { keys } = this.#ask;
    return numberOf(await this.#ask.one('remove-user', [keys.users, keys.aors], [aor], 'removing a user', true)) === 1;
  }

  async user(aor: string): Promise<StoredUser | undefined> {
    return optional(storedUser, await this.#ask.one('user', [this.#ask.keys.users], [aor], 'reading a user'));
  }

  async users(afterAor: string, limit: number): Promise<StoredUser[]> {
    const { keys } = this.#ask;
    const count = Math.min(limit, limits.storeUsersPageMax);
    const reply = await this.#ask.one('users', [keys.users, keys.aors], [afterAor, count], 'reading users');
    return listOf(reply).map(storedUser);
  }
}

function storedUser(reply: Parameters<typeof textOf>[0]): StoredUser {
  const text = textOf(reply);
  const space = text.indexOf(' ');
  const [aor = '', realm = '', ha1Md5 = '', ha1Sha256 = ''] = JSON.parse(text.slice(space + 1)) as string[];
  return { aor, realm, ha1Md5, ha1Sha256, createdMs: Number(text.slice(0, space)) };
}
