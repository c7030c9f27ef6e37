/** A phone over one TCP connection that registers with an instance (RFC 5626), calls, answers, and comes back when it is cut off. */
import { connect, type Socket } from 'node:net';
import { credentials, newBranch, nonceOf, statusOf } from './sip-client.ts';
import { domain, type TestUser } from './users.ts';

export interface Dialog {
  readonly callId: string;
  readonly local: string;
  readonly remote: string;
  readonly target: string;
  readonly route: readonly string[];
}

export class TcpPhone {
  readonly user: TestUser;
  /** First lines of the requests that came. */
  readonly requests: string[] = [];
  dialog: Dialog | undefined;
  readonly #server: number;
  readonly #waiting = new Map<string, (text: string) => void>();
  #socket: Socket | undefined;
  #held = '';
  #cseq = 0;
  #registered = 0;
  #isClosed = false;

  constructor(user: TestUser, server: number) {
    this.user = user;
    this.#server = server;
  }

  get localPort(): number {
    return this.#socket?.localPort ?? 0;
  }

  /** Connects and registers; from then on it does so whenever its connection is lost, until it is stopped. */
  async start(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.#connect();
        await this.#register();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  /** Its own wish: the next connection may come to another node. */
  async reconnect(): Promise<void> {
    this.#socket?.removeAllListeners('close');
    this.#socket?.destroy();
    await this.start();
  }

  stop(): void {
    this.#isClosed = true;
    this.#socket?.destroy();
  }

  get registrations(): number {
    return this.#registered;
  }

  /** The dialog when it is answered. */
  async call(callee: TestUser): Promise<Dialog> {
    const callId = `tcp-${newBranch()}`;
    const local = `<${this.user.aor}>;tag=c${this.user.name}`;
    let [text, authorization] = ['', [] as string[]];
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const lines = [`From: ${local}`, `To: <${callee.aor}>`, `Call-ID: ${callId}`, this.#contact(), ...authorization];
      text = await this.#ask('INVITE', callee.aor, lines, 20_000);
      if (statusOf(text) !== 407) break;
      this.#say(this.#message('ACK', callee.aor, lines, /branch=([^;\r]+)/.exec(text)?.[1] ?? ''));
      authorization = [`Proxy-Authorization: ${credentials(this.user, 'INVITE', callee.aor, nonceOf(text))}`];
    }
    if (statusOf(text) !== 200) throw new Error(`the call got ${text.split('\r\n')[0]}`);
    const route = headers(text, 'Record-Route').toReversed();
    const target = uriOf(headers(text, 'Contact')[0] ?? '');
    this.dialog = { callId, local, remote: headers(text, 'To')[0] ?? '', target, route };
    this.#say(this.#inDialog('ACK', newBranch()));
    return this.dialog;
  }

  /** Status of the answer, 0 when none comes. */
  async bye(): Promise<number> {
    const branch = newBranch();
    this.#cseq += 1;
    return statusOf(await this.#answerTo('BYE', branch, this.#inDialog('BYE', branch), 31_000));
  }

  async #connect(): Promise<void> {
    const socket = connect(this.#server, '127.0.0.1');
    this.#held = '';
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', resolve);
    });
    this.#socket = socket;
    if (this.#isClosed) socket.destroy();
    socket.on('error', () => {});
    socket.on('close', () => void (this.#isClosed ? undefined : this.start()));
    socket.on('data', (chunk: Buffer) => this.#receive(chunk.toString('latin1')));
  }

  async #register(): Promise<void> {
    const ids = [`From: <${this.user.aor}>;tag=r`, `To: <${this.user.aor}>`, `Call-ID: reg-${this.user.name}`];
    const lines = [...ids, `${this.#contact()};+sip.instance="<urn:uuid:${this.user.name}>";reg-id=1`, 'Expires: 600'];
    lines.push('Supported: path, outbound');
    const uri = `sip:${domain}`;
    const first = await this.#ask('REGISTER', uri, lines, 4_000);
    const authorization = `Authorization: ${credentials(this.user, 'REGISTER', uri, nonceOf(first))}`;
    const status = statusOf(await this.#ask('REGISTER', uri, [...lines, authorization], 4_000));
    if (status !== 200) throw new Error(`the registration got ${status}`);
    this.#registered += 1;
  }

  /** A new one each time, as phones without a listening port have it. */
  #contact(): string {
    return `Contact: <sip:${this.user.name}@127.0.0.1:${this.localPort};transport=tcp>`;
  }

  async #ask(method: string, uri: string, lines: readonly string[], withinMs: number): Promise<string> {
    const branch = newBranch();
    this.#cseq += 1;
    return this.#answerTo(method, branch, this.#message(method, uri, lines, branch), withinMs);
  }

  async #answerTo(method: string, branch: string, text: string, withinMs: number): Promise<string> {
    return new Promise((resolve) => {
      const end = setTimeout(() => resolve(''), withinMs);
      this.#waiting.set(`${branch} ${method}`, (answer) => {
        if (statusOf(answer) < 200) return;
        clearTimeout(end);
        resolve(answer);
      });
      this.#say(text);
    });
  }

  #inDialog(method: string, branch: string): string {
    const { dialog } = this;
    if (dialog === undefined) throw new Error('there is no call');
    const ids = [`From: ${dialog.local}`, `To: ${dialog.remote}`, `Call-ID: ${dialog.callId}`];
    return this.#message(method, dialog.target, [...dialog.route.map((each) => `Route: ${each}`), ...ids], branch);
  }

  #message(method: string, uri: string, lines: readonly string[], branch: string): string {
    const via = `Via: SIP/2.0/TCP 127.0.0.1:${this.localPort};branch=${branch};rport`;
    const head = [`${method} ${uri} SIP/2.0`, via, 'Max-Forwards: 70', `CSeq: ${this.#cseq} ${method}`, ...lines];
    return `${head.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`;
  }

  #say(text: string): void {
    this.#socket?.write(text, 'latin1');
  }

  #receive(text: string): void {
    this.#held += text;
    for (;;) {
      this.#held = this.#held.replace(/^(?:\r\n)+/, '');
      const end = this.#held.indexOf('\r\n\r\n');
      if (end < 0) return;
      const message = this.#held.slice(0, end + 4);
      this.#held = this.#held.slice(end + 4);
      if (statusOf(message) === 0) this.#onRequest(message);
      else {
        const [via, cseq] = [headers(message, 'Via')[0] ?? '', headers(message, 'CSeq')[0] ?? ''];
        this.#waiting.get(`${/branch=([^;]+)/.exec(via)?.[1] ?? ''} ${cseq.split(' ')[1] ?? ''}`)?.(message);
      }
    }
  }

  #onRequest(request: string): void {
    const method = request.slice(0, request.indexOf(' '));
    this.requests.push(method);
    if (method === 'ACK') return;
    const kept = ['Via', 'Record-Route', 'From', 'Call-ID', 'CSeq'].flatMap((name) =>
      headers(request, name).map((value) => `${name}: ${value}`),
    );
    const to = headers(request, 'To')[0] ?? '';
    const local = /;tag=/.test(to) ? to : `${to};tag=a${this.user.name}`;
    if (method === 'INVITE')
      this.dialog = {
        callId: headers(request, 'Call-ID')[0] ?? '',
        local,
        remote: headers(request, 'From')[0] ?? '',
        target: uriOf(headers(request, 'Contact')[0] ?? ''),
        route: headers(request, 'Record-Route'),
      };
    this.#say(['SIP/2.0 200 OK', ...kept, `To: ${local}`, this.#contact(), 'Content-Length: 0', '', ''].join('\r\n'));
  }
}

function headers(text: string, name: string): string[] {
  return [...text.matchAll(new RegExp(`^${name}: (.*)\r$`, 'gim'))].map(([, value]) => value ?? '');
}

function uriOf(contact: string): string {
  return /<([^>]+)>/.exec(contact)?.[1] ?? '';
}
