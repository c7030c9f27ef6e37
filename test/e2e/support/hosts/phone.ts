/**
 * A phone behind a NAT that lets in only what comes from where the phone sends to: its socket is connected, and its Contact
 * is an address that nobody can reach. Calls, answers, hangs up; repeats requests as RFC 3261 17.1 has it.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { randomBytes } from 'node:crypto';
import { clientAddress } from './namespaces.ts';
import { domain } from '../users.ts';

export interface PhoneCall {
  readonly callId: string;
  /** Ours, to the other side and from it, with tags. */
  local: string;
  remote: string;
  routes: string[];
  target: string;
  cseq: number;
  state: 'calling' | 'ringing' | 'talking' | 'ended' | 'failed';
  /** Status that ended it, when it failed. */
  status: number;
}

interface Asked {
  readonly text: string;
  readonly sentAtMs: number;
  lastMs: number;
  gapMs: number;
  onAnswer(status: number, text: string): void;
}

/** A phone that anybody can reach, at a port of the clients' address. */
export interface OpenPhone {
  readonly port: number;
  /** False: not a word, not even to repetitions. */
  hears(method: string, callId: string, from: string): boolean;
}

const sipPort = 5060;
const giveUpMs = 32_000;

export class NatPhone {
  readonly calls = new Map<string, PhoneCall>();
  /** How long it rings before it answers. */
  ringMs = 0;
  readonly #name: string;
  readonly #server: string;
  readonly #open: OpenPhone | undefined;
  readonly #socket: Socket = createSocket('udp4');
  readonly #asked = new Map<string, Asked>();
  /** Last answer to each request, for repetitions. */
  readonly #answers = new Map<string, string>();
  readonly #timer: NodeJS.Timeout;
  #isClosed = false;

  /** Behind a NAT unless it is an open one. */
  constructor(name: string, server: string, open?: OpenPhone) {
    this.#name = name;
    this.#server = server;
    this.#open = open;
    this.#socket.on('message', (bytes, from) => this.#receive(bytes.toString('latin1'), from));
    this.#socket.on('error', () => {});
    this.#timer = setInterval(() => this.#repeat(), 50);
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.#socket.bind(this.#open?.port ?? 0, clientAddress, resolve));
    if (this.#open !== undefined) return this;
    await new Promise<void>((resolve) => this.#socket.connect(sipPort, this.#server, resolve));
    return this;
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#socket.close();
  }

  async register(): Promise<number> {
    const self = `<sip:${this.#name}@${domain}>`;
    const lines = [`Contact: ${this.#contact}`, 'Expires: 3600'];
    return new Promise((resolve) =>
      this.#ask('REGISTER', `sip:${domain}`, `${self};tag=${tag()}`, self, callIdOf(), 1, lines, resolve),
    );
  }

  /** OPTIONS to a user; 0 when there is no answer within `timeoutMs`. */
  async probe(user: string, callId: string, timeoutMs: number): Promise<number> {
    const to = `sip:${user}@${domain}`;
    return new Promise((resolve) => {
      setTimeout(() => resolve(0), timeoutMs);
      this.#ask('OPTIONS', to, `<sip:${this.#name}@${domain}>;tag=${tag()}`, `<${to}>`, callId, 1, [], resolve);
    });
  }

  call(user: string, callId = callIdOf()): PhoneCall {
    const target = `sip:${user}@${domain}`;
    const local = `<sip:${this.#name}@${domain}>;tag=${tag()}`;
    const call: PhoneCall = {
      ...{ callId, local, remote: `<${target}>`, routes: [], target, cseq: 1, state: 'calling', status: 0 },
    };
    this.calls.set(callId, call);
    this.#ask('INVITE', target, local, call.remote, callId, 1, [`Contact: ${this.#contact}`], (status, text) => {
      if (status < 200) {
        if (status > 100 && call.state === 'calling') call.state = 'ringing';
        return;
      }
      const branch = branchOf(text);
      if (status >= 300) {
        call.state = 'failed';
        call.status = status;
        this.#send(this.#text('ACK', target, branch, local, value(text, 'To'), callId, 1, []));
        return;
      }
      call.remote = value(text, 'To');
      call.routes = values(text, 'Record-Route').toReversed();
      call.target = uriOf(value(text, 'Contact'));
      if (call.state !== 'ended') call.state = 'talking';
      this.#send(this.#inDialog('ACK', call, `z9hG4bK${tag()}`, 1));
    });
    return call;
  }

  /** True when the other side said 200. */
  async hangUp(call: PhoneCall): Promise<boolean> {
    call.cseq += 1;
    const branch = `z9hG4bK${tag()}`;
    const text = this.#inDialog('BYE', call, branch, call.cseq);
    const status = await new Promise<number>((resolve) => this.#track(`${branch} BYE`, text, resolve));
    call.state = 'ended';
    return status === 200;
  }

  get #contact(): string {
    return `<sip:${this.#name}@${this.#at}>`;
  }

  get #at(): string {
    return this.#open === undefined ? '192.168.7.7:5062' : `${clientAddress}:${this.#open.port}`;
  }

  #ask(
    method: string,
    uri: string,
    from: string,
    to: string,
    callId: string,
    cseq: number,
    lines: readonly string[],
    onAnswer: (status: number, text: string) => void,
  ): void {
    const branch = `z9hG4bK${tag()}`;
    this.#track(`${branch} ${method}`, this.#text(method, uri, branch, from, to, callId, cseq, lines), onAnswer);
  }

  #track(key: string, text: string, onAnswer: (status: number, text: string) => void): void {
    const nowMs = performance.now();
    this.#asked.set(key, { text, sentAtMs: nowMs, lastMs: nowMs, gapMs: 500, onAnswer });
    this.#send(text);
  }

  #repeat(): void {
    const nowMs = performance.now();
    for (const [key, asked] of this.#asked) {
      if (nowMs - asked.sentAtMs > giveUpMs) {
        this.#asked.delete(key);
        asked.onAnswer(408, asked.text);
      } else if (nowMs - asked.lastMs >= asked.gapMs) {
        asked.lastMs = nowMs;
        asked.gapMs = Math.min(asked.gapMs * 2, 4_000);
        this.#send(asked.text);
      }
    }
  }

  #receive(text: string, from: RemoteInfo): void {
    const status = Number(/^SIP\/2\.0 (\d{3})/.exec(text)?.[1] ?? 0);
    if (status === 0) return this.#onRequest(text, from);
    const method = value(text, 'CSeq').split(' ')[1] ?? '';
    const key = `${branchOf(text)} ${method}`;
    const asked = this.#asked.get(key);
    if (asked === undefined) return;
    // An INVITE that rings is not repeated; its final answer may come again and is acknowledged again.
    if (method === 'INVITE') asked.lastMs = status < 200 ? performance.now() + giveUpMs : Infinity;
    else if (status >= 200) this.#asked.delete(key);
    asked.onAnswer(status, text);
  }

  #onRequest(text: string, from: RemoteInfo): void {
    const method = text.slice(0, text.indexOf(' '));
    const callId = value(text, 'Call-ID');
    if (this.#open?.hears(method, callId, from.address) === false) return;
    const key = `${branchOf(text)} ${method}`;
    const before = this.#answers.get(key);
    if (before !== undefined) return this.#send(before, from);
    const known = this.calls.get(callId);
    if (method === 'ACK') return;
    if (method === 'BYE') {
      if (known !== undefined) known.state = 'ended';
      return this.#answer(from, key, text, known === undefined ? 481 : 200, value(text, 'To'));
    }
    if (method === 'OPTIONS') return this.#answer(from, key, text, 200, `${value(text, 'To')};tag=${tag()}`);
    if (method !== 'INVITE' || known !== undefined) return;
    const local = `${value(text, 'To')};tag=${tag()}`;
    const call: PhoneCall = {
      ...{ callId, local, remote: value(text, 'From'), routes: values(text, 'Record-Route'), status: 0 },
      ...{ target: uriOf(value(text, 'Contact')), cseq: 1, state: 'ringing' },
    };
    this.calls.set(callId, call);
    this.#answer(from, key, text, 180, local);
    setTimeout(() => {
      call.state = 'talking';
      this.#answer(from, key, text, 200, local);
    }, this.ringMs);
  }

  #answer(from: RemoteInfo, key: string, request: string, status: number, to: string): void {
    const same = ['Via', 'Record-Route', 'From', 'Call-ID', 'CSeq'].flatMap((name) =>
      values(request, name).map((each) => `${name}: ${each}\r\n`),
    );
    const text = `SIP/2.0 ${status} X\r\n${same.join('')}To: ${to}\r\nContact: ${this.#contact}\r\nContent-Length: 0\r\n\r\n`;
    this.#answers.set(key, text);
    this.#send(text, from);
  }

  #inDialog(method: string, call: PhoneCall, branch: string, cseq: number): string {
    const routes = call.routes.map((route) => `Route: ${route}`);
    return this.#text(method, call.target, branch, call.local, call.remote, call.callId, cseq, routes);
  }

  #text(
    method: string,
    uri: string,
    branch: string,
    from: string,
    to: string,
    callId: string,
    cseq: number,
    lines: readonly string[],
  ): string {
    return (
      `${method} ${uri} SIP/2.0\r\nVia: SIP/2.0/UDP ${this.#at};branch=${branch};rport\r\nMax-Forwards: 70\r\n` +
      `From: ${from}\r\nTo: ${to}\r\nCall-ID: ${callId}\r\nCSeq: ${cseq} ${method}\r\n` +
      `${lines.map((line) => `${line}\r\n`).join('')}Content-Length: 0\r\n\r\n`
    );
  }

  #send(
    text: string,
    to: { readonly port: number; readonly address: string } = { port: sipPort, address: this.#server },
  ): void {
    const bytes = Buffer.from(text, 'latin1');
    if (this.#isClosed) return;
    if (this.#open === undefined) this.#socket.send(bytes, () => {});
    else this.#socket.send(bytes, to.port, to.address, () => {});
  }
}

function tag(): string {
  return randomBytes(8).toString('hex');
}

export function callIdOf(): string {
  return `h-${randomBytes(9).toString('hex')}`;
}

function value(text: string, name: string): string {
  return values(text, name)[0] ?? '';
}

/** The server writes one value per line. */
function values(text: string, name: string): string[] {
  return [...text.matchAll(new RegExp(`^${name}: ?(.*)\\r$`, 'gim'))].map(([, each]) => each ?? '');
}

function uriOf(value_: string): string {
  return /<([^>]+)>/.exec(value_)?.[1] ?? value_;
}

function branchOf(text: string): string {
  return /branch=([^;,\s]+)/.exec(value(text, 'Via'))?.[1] ?? '';
}
