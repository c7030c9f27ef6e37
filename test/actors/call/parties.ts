/** The two sides of a call: one that calls, takes back or hangs up, one that rings, answers or refuses. */
import { Phone, all, read, tagOf, value } from './phone.ts';
import type { Sip } from './phone.ts';
import type { World } from './world.ts';

export class Caller {
  readonly phone: Phone;
  readonly statuses: number[] = [];
  final = 0;
  byeStatus = 0;
  cancelStatus = 0;
  talkMs = 3000;
  readonly #world: World;
  #invite = '';
  #ack = '';

  constructor(world: World, user: string, at: string) {
    this.#world = world;
    this.phone = new Phone(world, user, at);
  }

  invite(callee: string, domain = 'example.test'): void {
    const { user, at } = this.phone;
    const branch = this.phone.branch();
    this.#invite = [
      `INVITE sip:${callee}@${domain} SIP/2.0`,
      `Via: SIP/2.0/UDP ${at};branch=${branch};rport`,
      'Max-Forwards: 70',
      `From: <sip:${user}@example.test>;tag=${user}tag`,
      `To: <sip:${callee}@${domain}>`,
      `Call-ID: call-${user}`,
      'CSeq: 1 INVITE',
      `Contact: <sip:${user}@${at}>`,
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n');
    this.phone.request(this.#invite, true, (response) => this.#onResponse(response));
  }

  #onResponse(response: Sip): boolean {
    if (response.status < 200) {
      if (!this.statuses.includes(response.status)) this.statuses.push(response.status);
      return true;
    }
    if (this.final === 0) {
      this.final = response.status;
      this.statuses.push(response.status);
      this.#ack = this.#makeAck(response);
      if (response.status < 300) this.#world.after(this.talkMs, () => this.#bye(response));
    }
    this.#world.send(this.phone.at, this.#ack);
    return true;
  }

  #inDialog(method: string, cseq: number, response: Sip, branch: string): string {
    const target = /<([^>]+)>/.exec(value(response, 'Contact'))?.[1] ?? '';
    return [
      `${method} ${target} SIP/2.0`,
      `Via: SIP/2.0/UDP ${this.phone.at};branch=${branch};rport`,
      'Max-Forwards: 70',
      ...all(response, 'Record-Route')
        .toReversed()
        .map((route) => `Route: ${route}`),
      `From: ${value(response, 'From')}`,
      `To: ${value(response, 'To')}`,
      `Call-ID: ${value(response, 'Call-ID')}`,
      `CSeq: ${cseq} ${method}`,
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n');
  }

  #makeAck(response: Sip): string {
    if (response.status < 300) return this.#inDialog('ACK', 1, response, this.phone.branch());
    const start = this.#invite.replace('INVITE', 'ACK').replace('CSeq: 1 INVITE', 'CSeq: 1 ACK');
    return start.replace(/To: [^\r]*/, `To: ${value(response, 'To')}`);
  }

  #bye(response: Sip): void {
    this.phone.request(this.#inDialog('BYE', 2, response, this.phone.branch()), false, (answer) => {
      if (answer.status < 200) return false;
      this.byeStatus = answer.status;
      return true;
    });
  }

  cancel(): void {
    if (this.final !== 0) return;
    const text = this.#invite
      .replace('INVITE', 'CANCEL')
      .replace('CSeq: 1 INVITE', 'CSeq: 1 CANCEL')
      .replace(/Contact: [^\r]*\r\n/, '');
    this.phone.request(text, false, (response) => {
      this.cancelStatus = response.status;
      return response.status >= 200;
    });
  }

  ladder(): string {
    return this.#world.wire.map((packet) => `${packet.from} -> ${packet.to} ${read(packet.bytes).start}`).join('\n');
  }
}

export class Callee {
  readonly phone: Phone;
  /** Requests seen, each once. */
  readonly log: string[] = [];
  reason = '';
  answerAfterMs = 2000;
  refuse = 0;
  readonly #world: World;
  #answered = false;
  #acked = false;
  #invite: Sip | undefined;

  constructor(world: World, user: string, at: string) {
    this.#world = world;
    this.phone = new Phone(world, user, at);
    this.phone.onRequest = (request) => this.#onRequest(request);
  }

  #onRequest(request: Sip): void {
    if (request.method !== 'ACK' || !this.log.includes('ACK')) this.log.push(request.method);
    switch (request.method) {
      case 'INVITE':
        this.#invite = request;
        this.phone.respond(request, 180, 'Ringing', [`Contact: <sip:${this.phone.user}@${this.phone.at}>`]);
        this.#world.after(this.answerAfterMs, () => this.#answer(request));
        return;
      case 'CANCEL':
        this.reason = value(request, 'Reason');
        this.phone.respond(request, 200, 'OK');
        if (!this.#answered && this.#invite !== undefined) {
          this.#answered = true;
          this.#final(this.#invite, 487, 'Request Terminated');
        }
        return;
      case 'ACK':
        this.#acked = true;
        return;
      default:
        this.phone.respond(request, tagOf(value(request, 'To')) === '' ? 405 : 200, 'OK');
    }
  }

  #answer(invite: Sip): void {
    if (this.#answered) return;
    this.#answered = true;
    if (this.refuse !== 0) this.#final(invite, this.refuse, 'No');
    else this.#final(invite, 200, 'OK');
  }

  /** Repeated until the ACK comes (13.3.1.4, 17.2.1). */
  #final(invite: Sip, status: number, phrase: string): void {
    const text = this.phone.respond(invite, status, phrase, [`Contact: <sip:${this.phone.user}@${this.phone.at}>`]);
    let delayMs = 500;
    const again = (): void => {
      if (this.#acked || delayMs > 16_000 * 4) return;
      this.#world.send(this.phone.at, text);
      delayMs *= 2;
      this.#world.after(Math.min(delayMs, 4000), again);
    };
    this.#world.after(delayMs, again);
  }
}
