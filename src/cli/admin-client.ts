/** The management commands' side of the HTTP API. */
import type { CallView, ClusterView, LimitView, NewUser, Page, RegistrationView, UserView } from '../admin/port.ts';
import { ExitError, exitCodes } from './exit.ts';

/** Answers are read to this many octets at most. */
const answerBytesMax = 16_777_216;
const timeoutMs = 10_000;

export class AdminClient {
  readonly #url: URL;
  readonly #token: string | undefined;

  /** `url` such as `http://127.0.0.1:8080`. */
  constructor(url: string, token: string | undefined) {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw new ExitError(exitCodes.usage, `${url} is not the address of an API: write http://HOST:PORT`);
    }
    this.#url = new URL(url);
    this.#token = token;
  }

  async cluster(): Promise<ClusterView> {
    return this.#ask('GET', '/v1/cluster');
  }

  async users(): Promise<UserView[]> {
    return this.#all('/v1/users', {});
  }

  async registrations(aor: string | undefined): Promise<RegistrationView[]> {
    return this.#all('/v1/registrations', aor === undefined ? {} : { aor });
  }

  async calls(): Promise<CallView[]> {
    return this.#all('/v1/calls', {});
  }

  async limits(name: string | undefined): Promise<LimitView[]> {
    return this.#all('/v1/limits', name === undefined ? {} : { name });
  }

  async putUser(user: NewUser): Promise<void> {
    await this.#ask('POST', '/v1/users', user);
  }

  async removeUser(aor: string): Promise<void> {
    await this.#ask('DELETE', `/v1/users/${encodeURIComponent(aor)}`);
  }

  async drain(id: string): Promise<void> {
    await this.#ask('POST', `/v1/nodes/${encodeURIComponent(id)}/drain`);
  }

  /** Every page of a listing. */
  async #all<T>(path: string, query: Readonly<Record<string, string>>): Promise<T[]> {
    const entries: T[] = [];
    let after: string | null = '';
    while (after !== null) {
      const search: string = new URLSearchParams({ ...query, limit: '1000', after }).toString();
      const page: Page<T> = await this.#ask('GET', `${path}?${search}`);
      entries.push(...page.entries);
      // A server that repeats itself must not keep us for ever.
      after = page.next === after || page.entries.length === 0 ? null : page.next;
    }
    return entries;
  }

  async #ask<T>(method: string, path: string, body?: object): Promise<T> {
    const headers: Record<string, string> = {};
    if (this.#token !== undefined) headers['authorization'] = `Bearer ${this.#token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    let response: Response;
    try {
      response = await fetch(new URL(path, this.#url), {
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const reason = cause instanceof Error ? cause.message || String(Reflect.get(cause, 'code')) : String(cause);
      throw new ExitError(exitCodes.unavailable, `no node answers at ${this.#url.origin} (${reason}); say --admin URL`);
    }
    const text = await readBounded(response);
    if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as T;
    const code = response.status >= 500 ? exitCodes.unavailable : exitCodes.refused;
    throw new ExitError(code, `${this.#url.origin} answers ${response.status}: ${messageOf(text)}`);
  }
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > answerBytesMax)
      throw new ExitError(exitCodes.unavailable, 'the answer is longer than an answer of ours can be');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function messageOf(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    const message: unknown = Reflect.get(Object(Reflect.get(Object(parsed), 'error')), 'message');
    return typeof message === 'string' ? message : 'no reason given';
  } catch {
    return 'no reason given';
  }
}
