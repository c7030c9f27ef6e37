/**
 * A small SIP client over UDP for probes, canaries and fetches: one datagram out, what comes back by its branch. Does not
 * repeat requests by itself; the caller knows why it sends.
 */
import { createSocket, type Socket } from 'node:dgram';
import { randomBytes } from 'node:crypto';
import { ha1, responseOf } from '../../../src/auth/digest.ts';
import { domain, type TestUser } from './users.ts';

export interface Received {
  readonly status: number;
  readonly text: string;
  readonly atMs: number;
}

export class SipClient {
  readonly #socket: Socket;
  readonly #server: number;
  readonly #waiting = new Map<string, (received: Received) => void>();
  readonly #addresses: { readonly server: string; readonly own: string };
  #port = 0;

  /** Addresses: 127.0.0.1 unless others are named. */
  constructor(serverPort: number, at: { readonly serverAddress?: string; readonly address?: string } = {}) {
    this.#server = serverPort;
    this.#addresses = { server: at.serverAddress ?? '127.0.0.1', own: at.address ?? '127.0.0.1' };
    this.#socket = createSocket('udp4');
    this.#socket.on('message', (bytes) => this.#receive(bytes.toString('latin1')));
    // A node that was just killed refuses for a moment: the packet counts as lost.
    this.#socket.on('error', () => {});
  }

  /** Port 0 takes any. */
  async open(port = 0): Promise<this> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.once('error', reject);
      this.#socket.bind(port, this.#addresses.own, resolve);
    });
    this.#port = this.#socket.address().port;
    return this;
  }

  get port(): number {
    return this.#port;
  }

  close(): void {
    this.#socket.close();
  }

  /** Calls `onAnswer` for each response to `branch` until `forget(branch)`. */
  send(text: string, branch: string, onAnswer: (received: Received) => void): void {
    this.#waiting.set(branch, onAnswer);
    this.#socket.send(Buffer.from(text, 'latin1'), this.#server, this.#addresses.server, () => {});
  }

  forget(branch: string): void {
    this.#waiting.delete(branch);
  }

  /** The final response, repeating the request each 500 ms as RFC 3261 17.1.2 has it; `undefined` after `timeoutMs`. */
  async ask(text: string, branch: string, timeoutMs: number): Promise<Received | undefined> {
    return new Promise((resolve) => {
      const done = (received: Received | undefined): void => {
        clearInterval(again);
        clearTimeout(end);
        this.forget(branch);
        resolve(received);
      };
      const onAnswer = (received: Received): void => {
        if (received.status >= 200) done(received);
      };
      const again = setInterval(() => this.send(text, branch, onAnswer), 500);
      const end = setTimeout(() => done(undefined), timeoutMs);
      this.send(text, branch, onAnswer);
    });
  }

  /** A request of this client; `lines` are further header lines. */
  request(method: string, uri: string, ids: Ids, lines: readonly string[] = []): string {
    return (
      `${method} ${uri} SIP/2.0\r\nVia: SIP/2.0/UDP ${this.#addresses.own}:${this.#port};branch=${ids.branch};rport\r\n` +
      `Max-Forwards: 70\r\nFrom: <${ids.from}>;tag=${ids.branch.slice(-8)}\r\nTo: <${ids.to}>\r\n` +
      `Call-ID: ${ids.callId}\r\nCSeq: ${ids.cseq} ${method}\r\n${lines.map((line) => `${line}\r\n`).join('')}` +
      'Content-Length: 0\r\n\r\n'
    );
  }

  /** The contacts of a user by a REGISTER without Contact, challenge and all. `undefined` when nobody answers. */
  async fetchContacts(user: TestUser, timeoutMs = 5_000): Promise<{ status: number; contacts: string[] } | undefined> {
    const uri = `sip:${domainOf(user)}`;
    const ids = newIds(user.aor, user.aor);
    const first = await this.ask(this.request('REGISTER', uri, ids), ids.branch, timeoutMs);
    if (first === undefined || first.status !== 401) return first && { status: first.status, contacts: [] };
    const again = { ...ids, branch: newBranch(), cseq: ids.cseq + 1 };
    const authorization = `Authorization: ${credentials(user, 'REGISTER', uri, nonceOf(first.text))}`;
    const answer = await this.ask(this.request('REGISTER', uri, again, [authorization]), again.branch, timeoutMs);
    if (answer === undefined) return undefined;
    const contacts = [...answer.text.matchAll(/^(?:Contact|m): ?<([^>]+)>/gim)].map(([, contact]) => contact ?? '');
    return { status: answer.status, contacts };
  }

  /** A nonce that is good for any user of the cluster, from the challenge to a REGISTER. */
  async nonce(user: TestUser): Promise<string> {
    const ids = newIds(user.aor, user.aor);
    const answer = await this.ask(this.request('REGISTER', `sip:${domainOf(user)}`, ids), ids.branch, 5_000);
    if (answer?.status !== 401) throw new Error(`no challenge but ${answer?.status ?? 'no answer'}`);
    return nonceOf(answer.text);
  }

  #receive(text: string): void {
    const status = statusOf(text);
    if (status === 0) return;
    this.#waiting.get(branchOf(text))?.({ status, text, atMs: performance.now() });
  }
}

export interface Ids {
  readonly from: string;
  readonly to: string;
  readonly callId: string;
  readonly branch: string;
  readonly cseq: number;
}

export function newIds(from: string, to: string, callId = `e2e-${randomBytes(8).toString('hex')}`): Ids {
  return { from, to, callId, branch: newBranch(), cseq: 1 };
}

export function newBranch(): string {
  return `z9hG4bK${randomBytes(8).toString('hex')}`;
}

/** Value of an Authorization or Proxy-Authorization header, by MD5, which all clients know. */
export function credentials(user: TestUser, method: string, uri: string, nonce: string, count = 1): string {
  const [nc, cnonce, qop] = [count.toString(16).padStart(8, '0'), randomBytes(4).toString('hex'), 'auth'];
  const parts = {
    username: user.name,
    realm: domainOf(user),
    nonce,
    uri,
    response: '',
    cnonce,
    nc,
    qop,
    algorithm: 'MD5',
    opaque: '',
  };
  const response = responseOf(parts, method, 'MD5', ha1(user.name, domainOf(user), user.password, 'MD5'));
  return (
    `Digest username="${user.name}", realm="${domainOf(user)}", nonce="${nonce}", uri="${uri}", ` +
    `response="${response}", algorithm=MD5, cnonce="${cnonce}", qop=${qop}, nc=${nc}`
  );
}

export function nonceOf(text: string): string {
  return /nonce="([^"]+)"/.exec(text)?.[1] ?? '';
}

/** 0 for anything but a response. */
export function statusOf(text: string): number {
  return Number(/^SIP\/2\.0 ([1-6]\d\d) /.exec(text)?.[1] ?? 0);
}

function branchOf(text: string): string {
  return /^(?:Via|v)\s*:[^\r\n]*?;branch=([^;,\s]+)/im.exec(text)?.[1] ?? '';
}

function domainOf(user: TestUser): string {
  return user.aor.split('@')[1] ?? domain;
}
