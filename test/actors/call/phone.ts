/** A phone on UDP with RFC 3261 timers, independent of the server's own code: it reads and writes SIP with its own few lines. */
import { credentials } from './digest.ts';
import { tagOf, value, all } from './headers.ts';
import type { Packet, World } from './world.ts';

export { all, tagOf, value } from './headers.ts';

export interface Sip {
  readonly start: string;
  readonly status: number;
  readonly method: string;
  readonly lines: readonly string[];
  readonly text: string;
}

export function read(bytes: Buffer): Sip {
  const text = bytes.toString('latin1');
  const lines = (text.split('\r\n\r\n')[0] ?? '').split('\r\n');
  const start = lines[0] ?? '';
  const status = start.startsWith('SIP/2.0 ') ? Number(start.slice(8, 11)) : 0;
  return {
    start,
    status,
    method: status === 0 ? (start.split(' ')[0] ?? '') : (value({ lines }, 'CSeq').split(' ')[1] ?? ''),
    lines,
    text,
  };
}

export class Phone {
  readonly world: World;
  at: string;
  readonly user: string;
  readonly received: Sip[] = [];
  /** Called for each request, or response without a waiting transaction. */
  onRequest: (request: Sip) => void = () => {};
  readonly #seen = new Map<string, string>();
  readonly #waiting = new Map<string, { done: (response: Sip) => boolean; stop: () => void }>();
  #counter = 0;
  #lines = 0;
  /** Without a connection: what waits for the next one. */
  #unsaid: string[] | undefined;
  /** What it says of itself when it registers (RFC 5626), '' for nothing. */
  instance = '';
  /** Where it believes to be: behind a NAT not where its packets come from. */
  contactAt: string;
  /** Its tag in the dialogs where it is called. */
  tag: string;

  readonly stream: 'udp' | 'tcp' | 'tcp-listening';

  constructor(world: World, user: string, at: string, stream: 'udp' | 'tcp' | 'tcp-listening' = 'udp') {
    this.world = world;
    this.at = at;
    this.user = user;
    this.stream = stream;
    this.tag = `${user}tag`;
    this.contactAt = at;
    world.phone(at, (packet) => this.#receive(packet), stream);
  }

  /** As written into Via. */
  get transport(): string {
    return this.stream === 'udp' ? 'UDP' : 'TCP';
  }

  get contact(): string {
    return `<sip:${this.user}@${this.contactAt}${this.stream === 'udp' ? '' : ';transport=tcp'}>`;
  }

  say(text: string): void {
    if (this.#unsaid === undefined) this.world.send(this.at, text);
    else this.#unsaid.push(text);
  }

  /**
   * Its connection is lost, `silently` or so that the server hears of it; after a while it has another one, from another
   * port, and registers by it with the same Contact and instance. What the server gave to a silent one comes back as unsent
   * `newsMs` later, 0: never.
   */
  reconnect(at: string, gapMs: number, silently: boolean, password: string, newsMs = 0): void {
    this.world.cut(this.at, silently, newsMs);
    this.#unsaid ??= [];
    this.#lines++;
    const line = this.#lines;
    this.world.after(gapMs, () => {
      if (line !== this.#lines) return;
      this.at = at;
      this.world.phone(at, (packet) => this.#receive(packet), this.stream);
      const unsaid = this.#unsaid ?? [];
      this.#unsaid = undefined;
      for (const text of unsaid) this.say(text);
      register(this, this.world, 3600, password);
    });
  }

  /** Sends a request and repeats it until `done` says that a response ends it. */
  request(text: string, invite: boolean, done: (response: Sip) => boolean): void {
    const branch = /branch=([^;\r]+)/.exec(text)?.[1] ?? '';
    const method = text.slice(0, text.indexOf(' '));
    let stopped = false;
    let delayMs = 500;
    const again = (): void => {
      if (stopped) return;
      this.say(text);
      if (this.stream !== 'udp') return;
      this.world.after(delayMs, again);
      delayMs = invite ? delayMs * 2 : Math.min(delayMs * 2, 4000);
    };
    this.#waiting.set(`${method} ${branch}`, { done, stop: () => void (stopped = true) });
    this.world.after(32_000, () => {
      stopped = true;
      if (invite === false) this.#waiting.delete(`${method} ${branch}`);
    });
    again();
  }

  branch(): string {
    return `z9hG4bK${this.user}${(this.#counter += 1)}`;
  }

  /** Answers a request; a repeated request gets the same answer again. */
  respond(request: Sip, status: number, phrase: string, extra: readonly string[] = []): string {
    const to = value(request, 'To');
    const tagged = tagOf(to) !== '' || status === 100 ? to : `${to};tag=${this.tag}`;
    const text = [
      `SIP/2.0 ${status} ${phrase}`,
      ...all(request, 'Via').map((via) => `Via: ${via}`),
      ...all(request, 'Record-Route').map((route) => `Record-Route: ${route}`),
      `From: ${value(request, 'From')}`,
      `To: ${tagged}`,
      `Call-ID: ${value(request, 'Call-ID')}`,
      `CSeq: ${value(request, 'CSeq')}`,
      ...extra,
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n');
    this.#seen.set(keyOf(request), text);
    this.say(text);
    return text;
  }

  #receive(packet: Packet): void {
    const sip = read(packet.bytes);
    this.received.push(sip);
    if (sip.status > 0) {
      const waiting = this.#waiting.get(`${sip.method} ${/branch=([^;\r]+)/.exec(value(sip, 'Via'))?.[1] ?? ''}`);
      if (waiting?.done(sip) === true) waiting.stop();
      return;
    }
    const before = this.#seen.get(keyOf(sip));
    if (before !== undefined && sip.method !== 'ACK') {
      this.say(before);
      return;
    }
    this.onRequest(sip);
  }
}

function keyOf(request: Sip): string {
  return `${request.method} ${/branch=([^;\r]+)/.exec(value(request, 'Via'))?.[1] ?? ''}`;
}

/** REGISTERs; with a password it answers the challenge. */
export function register(phone: Phone, world: World, expires = 3600, password = ''): void {
  sendRegister(phone, world, expires, password, '', 1);
}

function sendRegister(
  phone: Phone,
  world: World,
  expires: number,
  password: string,
  authorization: string,
  attempt: number,
): void {
  const text = [
    'REGISTER sip:example.test SIP/2.0',
    `Via: SIP/2.0/${phone.transport} ${phone.at};branch=${phone.branch()};rport`,
    'Max-Forwards: 70',
    `From: <sip:${phone.user}@example.test>;tag=r${phone.user}`,
    `To: <sip:${phone.user}@example.test>`,
    `Call-ID: reg-${phone.user}-${phone.contactAt}`,
    `CSeq: ${(world.nowMs % 1000000) + attempt} REGISTER`,
    `Contact: ${phone.contact}${phone.instance}`,
    `Expires: ${expires}`,
    ...(authorization === '' ? [] : [`Authorization: ${authorization}`]),
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
  phone.request(text, false, (response) => {
    if (response.status === 401 && password !== '' && attempt < 4)
      sendRegister(
        phone,
        world,
        expires,
        password,
        credentials(phone.user, password, response, 'REGISTER', 'sip:example.test'),
        attempt + 1,
      );
    return response.status >= 200;
  });
}
