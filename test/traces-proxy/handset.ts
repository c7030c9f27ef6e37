/** A telephone that does nothing by itself: it says what it is told to say, in the dialog it is in, and remembers. */
import { all, tagOf, value } from '../actors/call/headers.ts';
import { read } from '../actors/call/phone.ts';
import type { Sip } from '../actors/call/phone.ts';
import type { World } from '../actors/call/world.ts';

export interface Wording {
  /** Header lines that are added, or put in the place of those of that name. */
  readonly headers: readonly string[];
  /** RFC 2543: the next hop is in the Request-URI, the target behind all Route values. */
  readonly strict: boolean;
}

export class Handset {
  readonly name: string;
  readonly at: string;
  onReceived: (message: Sip) => void = () => {};
  readonly #world: World;
  readonly #user: string;
  /** What it sent last, by method; responses under `status method`. */
  readonly #sent = new Map<string, string>();
  readonly #requests = new Map<string, Sip>();
  #local = '';
  #remote = '';
  #target = '';
  #route: readonly string[] = [];
  #cseq = 0;
  #branches = 0;
  #final: Sip | undefined;
  #reliable: Sip | undefined;

  /** @param name the user, with a digit for more devices of the same one. */
  constructor(world: World, name: string, at: string) {
    this.name = name;
    this.at = at;
    this.#world = world;
    this.#user = name.replace(/\d+$/, '');
    world.phone(at, (packet) => this.#receive(read(packet.bytes)));
  }

  register(): void {
    const aor = `<sip:${this.#user}@example.test>`;
    this.#send(
      'REGISTER',
      this.#text(
        'REGISTER',
        'sip:example.test',
        this.#branch(),
        1,
        `${aor};tag=r${this.name}`,
        aor,
        `reg-${this.name}`,
        [`Contact: ${this.#contact}`],
      ),
    );
  }

  /** The first request of a call, to a user. */
  start(method: string, user: string, wording: Wording): void {
    const uri = `sip:${user}@example.test`;
    this.#local = `<sip:${this.#user}@example.test>;tag=${this.name}`;
    this.#remote = `<${uri}>`;
    this.#target = uri;
    this.#request(method, (this.#cseq += 1), wording);
  }

  /** A request inside of the dialog; ACK and CANCEL as the last INVITE needs them. */
  inside(method: string, wording: Wording): void {
    const invite = this.#sent.get('INVITE') ?? '';
    const [cseq] = value(read(Buffer.from(invite, 'latin1')), 'CSeq').split(' ');
    if (method === 'CANCEL' || (method === 'ACK' && (this.#final?.status ?? 0) >= 300)) {
      const text = invite
        .replace('INVITE', method)
        .replace(/CSeq: [^\r]*/, `CSeq: ${cseq} ${method}`)
        .replace(/Contact: [^\r]*\r\n/, '');
      const to = method === 'ACK' && this.#final !== undefined ? value(this.#final, 'To') : undefined;
      return this.#send(method, to === undefined ? text : text.replace(/\r\nTo: [^\r]*/, `\r\nTo: ${to}`));
    }
    if (method === 'ACK') return this.#request(method, Number(cseq), wording);
    const answered = this.#reliable;
    const rack = answered === undefined ? '' : `RAck: ${value(answered, 'RSeq')} ${value(answered, 'CSeq')}`;
    const headers = method === 'PRACK' ? [rack, ...wording.headers] : wording.headers;
    this.#request(method, (this.#cseq += 1), { ...wording, headers });
  }

  answer(status: number, phrase: string, method: string, { headers }: Wording): void {
    const request = this.#requests.get(method);
    if (request === undefined) throw new Error(`${this.name} got no ${method}`);
    const to = value(request, 'To');
    const text = [
      `SIP/2.0 ${status} ${phrase}`,
      ...all(request, 'Via').map((via) => `Via: ${via}`),
      ...all(request, 'Record-Route').map((route) => `Record-Route: ${route}`),
      `From: ${value(request, 'From')}`,
      `To: ${tagOf(to) === '' ? `${to};tag=${this.name}` : to}`,
      `Call-ID: ${value(request, 'Call-ID')}`,
      `CSeq: ${value(request, 'CSeq')}`,
      `Contact: ${this.#contact}`,
      ...headers,
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n');
    this.#send(`${status} ${method}`, text);
  }

  /** The same octets once more. */
  repeat(what: string): void {
    const text = this.#sent.get(what);
    if (text === undefined) throw new Error(`${this.name} has not sent ${what}`);
    this.#world.send(this.at, text);
  }

  /** As a proxy that sends a request back to where it came from, for `user` or whom it was first meant for. */
  giveBack(method: string, user = this.#user): void {
    const request = this.#requests.get(method);
    if (request === undefined) throw new Error(`${this.name} got no ${method}`);
    const lines = request.text.split('\r\n').slice(1);
    const via = `Via: SIP/2.0/UDP ${this.at};branch=${this.#branch()};rport`;
    this.#world.send(this.at, [`${method} sip:${user}@example.test SIP/2.0`, via, ...lines].join('\r\n'));
  }

  get #contact(): string {
    return `<sip:${this.#user}@${this.at}>`;
  }

  #branch(): string {
    return `z9hG4bK${this.name}${(this.#branches += 1)}`;
  }

  #request(method: string, cseq: number, { headers, strict }: Wording): void {
    const [next = '', ...rest] = this.#route;
    const route = strict ? [...rest, `<${this.#target}>`] : this.#route;
    const uri = strict ? next.slice(1, next.indexOf('>')) : this.#target;
    this.#send(
      method,
      this.#text(method, uri, this.#branch(), cseq, this.#local, this.#remote, 'call', [
        ...route.map((each) => `Route: ${each}`),
        ...(method === 'INVITE' ? [`Contact: ${this.#contact}`] : []),
        ...headers,
      ]),
    );
  }

  #text(
    method: string,
    uri: string,
    branch: string,
    cseq: number,
    from: string,
    to: string,
    callId: string,
    headers: readonly string[],
  ): string {
    const own = headers.some((each) => each.startsWith('Max-Forwards:'));
    return [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP ${this.at};branch=${branch};rport`,
      ...(own ? [] : ['Max-Forwards: 70']),
      `From: ${from}`,
      `To: ${to}`,
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} ${method}`,
      ...headers,
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n');
  }

  #send(what: string, text: string): void {
    this.#sent.set(what, text);
    this.#world.send(this.at, text);
  }

  #receive(message: Sip): void {
    if (message.status > 0) this.#learnFromResponse(message);
    else this.#learnFromRequest(message);
    this.onReceived(message);
  }

  #learnFromResponse(response: Sip): void {
    if (response.method !== 'INVITE') return;
    if (response.status >= 200) this.#final = response;
    if (value(response, 'RSeq') !== '') this.#reliable = response;
    if (response.status <= 100 || response.status >= 300 || tagOf(value(response, 'To')) === '') return;
    this.#remote = value(response, 'To');
    this.#target = uriIn(value(response, 'Contact'));
    this.#route = all(response, 'Record-Route').toReversed();
  }

  #learnFromRequest(request: Sip): void {
    this.#requests.set(request.method, request);
    if (request.method !== 'INVITE' || tagOf(value(request, 'To')) !== '') return;
    this.#local = `${value(request, 'To')};tag=${this.name}`;
    this.#remote = value(request, 'From');
    this.#target = uriIn(value(request, 'Contact'));
    this.#route = all(request, 'Record-Route');
    this.#cseq = 100;
  }
}

function uriIn(address: string): string {
  return /<([^>]+)>/.exec(address)?.[1] ?? '';
}
