/**
 * A phone that can do more than parties.ts: calls and is called, several calls at once, forks, digest, PRACK, hold from
 * either side, BYE from either side, UDP and TCP. One Leg is one INVITE and the dialog it made, as one side sees it.
 */
import { credentials } from './digest.ts';
import { Phone, all, tagOf, value } from './phone.ts';
import type { Sip } from './phone.ts';
import type { World } from './world.ts';

export interface Manner {
  /** As callee: after how long it answers. */
  answerMs: number;
  /** Final status instead of an answer, 0 for none. */
  refuse: number;
  /** Its 180 is reliable and waits for a PRACK (RFC 3262). */
  reliable: boolean;
  /** Sends a re-INVITE so long after the call stood, 0 for never. */
  holdMs: number;
  /** Hangs up so long after the call stood, 0 for never. */
  hangUpMs: number;
  /** As caller: takes the call back so long after the INVITE, 0 for never. */
  cancelMs: number;
  password: string;
}

const usual: Manner = { answerMs: 2000, refuse: 0, reliable: false, holdMs: 0, hangUpMs: 0, cancelMs: 0, password: '' };

export class Agent {
  readonly world: World;
  readonly phone: Phone;
  readonly manner: Manner;
  readonly legs: Leg[] = [];

  constructor(
    world: World,
    user: string,
    at: string,
    manner: Partial<Manner> = {},
    stream: 'udp' | 'tcp' | 'tcp-listening' = 'udp',
  ) {
    this.world = world;
    this.manner = { ...usual, ...manner };
    this.phone = new Phone(world, user, at, stream);
    this.phone.tag = `t${at.replaceAll(/\W/g, '')}`;
    this.phone.onRequest = (request) => this.#onRequest(request);
  }

  call(callee: string, callId: string): Leg {
    const leg = new Leg(this, callId);
    this.legs.push(leg);
    leg.invite(callee);
    return leg;
  }

  #onRequest(request: Sip): void {
    const callId = value(request, 'Call-ID');
    let leg = this.legs.find((each) => each.callId === callId);
    if (leg === undefined) {
      if (request.method !== 'INVITE') return;
      leg = new Leg(this, callId);
      this.legs.push(leg);
    }
    leg.onRequest(request);
  }
}

export class Leg {
  readonly callId: string;
  /** Requests received, each transaction once. */
  readonly log: string[] = [];
  /** Final statuses of its first INVITE, challenges left out. */
  readonly finals: number[] = [];
  cancelStatus = 0;
  prackStatus = 0;
  holdStatus = 0;
  byeStatus = 0;
  reason = '';
  confirmed = false;
  ended = false;
  readonly #agent: Agent;
  readonly #acks = new Map<string, string>();
  #invite = '';
  #request: Sip | undefined;
  #local = '';
  #remote = '';
  #target = '';
  #route: readonly string[] = [];
  #cseq = 1;
  #inviteCseq = 1;
  #tries = 0;
  #finalSent = false;

  constructor(agent: Agent, callId: string) {
    this.#agent = agent;
    this.callId = callId;
  }

  // As caller

  invite(callee: string, authorization = ''): void {
    const { phone } = this.#agent;
    const branch = phone.branch();
    this.#local = `<sip:${phone.user}@example.test>;tag=${phone.tag}${this.callId}`;
    this.#invite = [
      `INVITE sip:${callee}@example.test SIP/2.0`,
      `Via: SIP/2.0/${phone.transport} ${phone.at};branch=${branch};rport`,
      'Max-Forwards: 70',
      `From: ${this.#local}`,
      `To: <sip:${callee}@example.test>`,
      `Call-ID: ${this.callId}`,
      `CSeq: ${this.#cseq} INVITE`,
      `Contact: ${phone.contact}`,
      'Supported: 100rel',
      ...(authorization === '' ? [] : [`Proxy-Authorization: ${authorization}`]),
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n');
    const mine = this.#invite;
    this.#inviteCseq = this.#cseq;
    phone.request(mine, true, (response) => mine !== this.#invite || this.#onAnswer(response, callee));
  }

  #onAnswer(response: Sip, callee: string): boolean {
    const { manner, phone, world } = this.#agent;
    if (response.status < 200) {
      if (manner.cancelMs > 0 && this.#tries < 100) {
        this.#tries = 100;
        world.after(manner.cancelMs, () => this.#cancel());
      }
      if (value(response, 'RSeq') !== '') this.#prack(response);
      return true;
    }
    const tag = tagOf(value(response, 'To'));
    const key = response.status < 300 ? tag : 'refused';
    const known = this.#acks.get(key);
    if (known !== undefined) {
      phone.say(known);
      return true;
    }
    if (response.status >= 300) {
      const ack = this.#invite
        .replace('INVITE', 'ACK')
        .replace(`CSeq: ${this.#inviteCseq} INVITE`, `CSeq: ${this.#inviteCseq} ACK`)
        .replace(/To: [^\r]*/, `To: ${value(response, 'To')}`);
      phone.say(ack);
      if (response.status === 407 && manner.password !== '' && (this.#tries += 1) < 4) {
        this.#cseq += 1;
        this.invite(callee, credentials(phone.user, manner.password, response, 'INVITE', `sip:${callee}@example.test`));
        return true;
      }
      this.#acks.set(key, ack);
      this.finals.push(response.status);
      return true;
    }
    const first = this.finals.length === 0;
    const [remote, target, route] = [this.#remote, this.#target, this.#route];
    this.finals.push(response.status);
    this.#learn(response);
    const ack = this.#inDialog('ACK', this.#inviteCseq, []);
    this.#acks.set(tag, ack);
    phone.say(ack);
    if (first) this.#stands();
    else {
      // 13.2.2.4: another fork answered too; one call is enough.
      this.#sendBye();
      [this.#remote, this.#target, this.#route] = [remote, target, route];
    }
    return true;
  }

  #cancel(): void {
    if (this.finals.length > 0) return;
    const text = this.#invite
      .replace('INVITE', 'CANCEL')
      .replace(`CSeq: ${this.#inviteCseq} INVITE`, `CSeq: ${this.#inviteCseq} CANCEL`)
      .replace(/Contact: [^\r]*\r\n/, '');
    this.#agent.phone.request(text, false, (response) => {
      this.cancelStatus = response.status;
      return response.status >= 200;
    });
  }

  #prack(response: Sip): void {
    if (this.prackStatus !== 0) return;
    this.prackStatus = 1;
    this.#learn(response);
    const rack = `RAck: ${value(response, 'RSeq')} ${value(response, 'CSeq')}`;
    this.#agent.phone.request(this.#inDialog('PRACK', (this.#cseq += 1), [rack]), false, (answer) => {
      if (answer.status >= 200) this.prackStatus = answer.status;
      return answer.status >= 200;
    });
  }

  // As callee

  onRequest(request: Sip): void {
    const { manner, phone, world } = this.#agent;
    this.log.push(request.method);
    switch (request.method) {
      case 'INVITE':
        if (tagOf(value(request, 'To')) !== '') {
          this.#answerReinvite(request);
          return;
        }
        this.#request = request;
        phone.respond(request, 180, 'Ringing', [
          `Contact: ${phone.contact}`,
          ...(manner.reliable ? ['Require: 100rel', 'RSeq: 1'] : []),
        ]);
        world.after(manner.answerMs, () => this.#answer(request));
        return;
      case 'CANCEL':
        this.reason = value(request, 'Reason');
        phone.respond(request, 200, 'OK');
        if (!this.#finalSent && this.#request !== undefined) this.#final(this.#request, 487);
        return;
      case 'ACK':
        if (this.confirmed) return;
        this.confirmed = true;
        if (this.#request !== undefined && !this.ended) this.#stands();
        return;
      case 'BYE':
        this.ended = true;
        phone.respond(request, 200, 'OK');
        return;
      default:
        phone.respond(request, 200, 'OK');
    }
  }

  #answer(invite: Sip): void {
    if (!this.#finalSent) this.#final(invite, this.#agent.manner.refuse === 0 ? 200 : this.#agent.manner.refuse);
  }

  #final(invite: Sip, status: number): void {
    const { phone } = this.#agent;
    this.#finalSent = true;
    this.ended = status >= 300;
    const text = phone.respond(invite, status, 'Final', [`Contact: ${phone.contact}`]);
    if (status < 300) {
      this.#local = value({ lines: text.split('\r\n') }, 'To');
      this.#remote = value(invite, 'From');
      this.#target = uriOf(value(invite, 'Contact'));
      this.#route = all(invite, 'Record-Route');
      this.#cseq = 100;
    }
    this.#untilAck(text, status < 300, () => this.confirmed);
  }

  #answerReinvite(invite: Sip): void {
    const acks = this.log.filter((each) => each === 'ACK').length;
    const text = this.#agent.phone.respond(invite, 200, 'OK', [`Contact: ${this.#agent.phone.contact}`]);
    this.#untilAck(text, true, () => this.log.filter((each) => each === 'ACK').length > acks);
  }

  /** 13.3.1.4: a 2xx is repeated on any transport; 17.2.1: a refusal on datagrams only. */
  #untilAck(text: string, always: boolean, done: () => boolean): void {
    const { phone, world } = this.#agent;
    if (!always && phone.stream !== 'udp') return;
    let delayMs = 500;
    let leftMs = 32_000;
    const again = (): void => {
      if (done() || leftMs <= 0) return;
      phone.say(text);
      leftMs -= delayMs;
      delayMs = Math.min(delayMs * 2, 4000);
      world.after(delayMs, again);
    };
    world.after(delayMs, again);
  }

  // Both

  #stands(): void {
    const { manner, world } = this.#agent;
    if (manner.holdMs > 0) world.after(manner.holdMs, () => this.#hold());
    if (manner.hangUpMs > 0) world.after(manner.hangUpMs, () => this.#bye());
  }

  #hold(): void {
    if (this.ended) return;
    const cseq = (this.#cseq += 10);
    const { phone } = this.#agent;
    let ack = '';
    phone.request(this.#inDialog('INVITE', cseq, [`Contact: ${phone.contact}`]), true, (response) => {
      if (response.status < 200) return true;
      this.holdStatus = response.status;
      if (response.status < 300) {
        if (ack === '') ack = this.#inDialog('ACK', cseq, []);
        phone.say(ack);
      }
      return true;
    });
  }

  #bye(): void {
    if (this.ended) return;
    this.ended = true;
    this.#sendBye();
  }

  #sendBye(): void {
    this.#agent.phone.request(this.#inDialog('BYE', (this.#cseq += 20), []), false, (response) => {
      if (response.status >= 200) this.byeStatus = response.status;
      return response.status >= 200;
    });
  }

  #learn(response: Sip): void {
    this.#remote = value(response, 'To');
    this.#target = uriOf(value(response, 'Contact'));
    this.#route = all(response, 'Record-Route').toReversed();
  }

  #inDialog(method: string, cseq: number, extra: readonly string[]): string {
    const { phone } = this.#agent;
    return [
      `${method} ${this.#target} SIP/2.0`,
      `Via: SIP/2.0/${phone.transport} ${phone.at};branch=${phone.branch()};rport`,
      'Max-Forwards: 70',
      ...this.#route.map((route) => `Route: ${route}`),
      `From: ${this.#local}`,
      `To: ${this.#remote}`,
      `Call-ID: ${this.callId}`,
      `CSeq: ${cseq} ${method}`,
      ...extra,
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n');
  }
}

function uriOf(contact: string): string {
  return /<([^>]+)>/.exec(contact)?.[1] ?? '';
}
