/** The callee's side of a call on one device: rings, answers or not, repeats its final response until it is acknowledged. */
import { Dialog } from './dialog.ts';
import type { CallRecord, DevicePlan, Leg } from './history.ts';
import { hostPortOf, valuesOf, writeText } from './message.ts';
import type { Message } from './message.ts';
import type { Phone } from './phone.ts';

const T1 = 500;
const T2 = 4_000;

export class Callee {
  readonly leg: Leg;
  dialog: Dialog | undefined;
  readonly #phone: Phone;
  readonly #call: CallRecord;
  readonly #plan: DevicePlan;
  readonly #invite: Message;
  #last: Buffer | undefined;
  #acked = false;

  constructor(phone: Phone, call: CallRecord, invite: Message, plan: DevicePlan) {
    this.#phone = phone;
    this.#call = call;
    this.#invite = invite;
    this.#plan = plan;
    this.leg = {
      phone: phone.name,
      tag: `d${call.plan.number.toString(36)}${phone.random.u32().toString(36)}`,
      branch: invite.branch,
      cseq: invite.cseq,
      invitedAtMs: phone.world.kernel.nowMs,
      ringingAtMs: 0,
      final: 0,
      finalAtMs: 0,
      ackedAtMs: 0,
      cancelledAtMs: 0,
      endedAtMs: 0,
      abandoned: false,
    };
    call.legs.push(this.leg);
  }

  start(): void {
    const { ringAfterMs, afterMs, does, status } = this.#plan;
    if (this.#phone.habits.saysTrying === true) this.#respond(100);
    this.#phone.later(ringAfterMs, () => {
      if (this.leg.final !== 0) return;
      this.leg.ringingAtMs = this.#phone.world.kernel.nowMs;
      this.#respond(this.#phone.habits.isEarly ? 183 : 180);
    });
    if (does === 'ring') return;
    this.#phone.later(ringAfterMs + afterMs, () => this.finish(does === 'answer' ? 200 : status));
  }

  get callId(): string {
    return this.#invite.callId;
  }

  /** The INVITE came again. */
  again(): void {
    if (this.#last !== undefined && !(this.leg.final >= 200 && this.#acked)) this.#transmit(this.#last);
  }

  cancelled(): void {
    this.leg.cancelledAtMs = this.#phone.world.kernel.nowMs;
    this.finish(487);
  }

  finish(status: number): void {
    const { leg } = this;
    if (leg.final !== 0) return;
    leg.final = status;
    leg.finalAtMs = this.#phone.world.kernel.nowMs;
    this.#phone.world.tellCall(this.#call, `${this.#phone.name} sends ${status}`);
    if (status < 300) this.dialog = new Dialog(this.#phone, this.#call, 'callee', this.#invite, leg.tag);
    this.#respond(status);
    // 17.2.1: over a stream only a 2xx is repeated (13.3.1.4).
    if (status < 300 || this.#phone.line === undefined) this.#repeat(T1);
    this.#phone.later(64 * T1, () => {
      if (this.#acked) return;
      this.#acked = true;
      // The dialog went with its BYE, and with it the way over our connection for an ACK that comes after that.
      if (this.#phone.line !== undefined && this.dialog?.ended === true) return;
      leg.abandoned = true;
      this.#phone.world.tellCall(this.#call, `${this.#phone.name} waits no longer for an ACK of its ${status}`);
      if (status < 300) this.end();
    });
  }

  onAck(): void {
    if (this.leg.final === 0 || this.#acked) return;
    this.#acked = true;
    this.leg.ackedAtMs = this.#phone.world.kernel.nowMs;
    if (this.leg.final >= 300) return;
    const { plan } = this.#call;
    const { dialog } = this;
    if (dialog === undefined) return;
    if (plan.reinvite?.by === 'callee')
      this.#phone.later(plan.reinvite.afterMs, () => !dialog.ended && dialog.request('INVITE'));
    if (plan.hangup !== 'caller') this.#phone.later(plan.talkMs, () => this.end());
  }

  end(): void {
    if (this.dialog === undefined || this.dialog.ended) return;
    if (this.leg.endedAtMs === 0) this.leg.endedAtMs = this.#phone.world.kernel.nowMs;
    this.dialog.bye();
  }

  #repeat(gapMs: number): void {
    this.#phone.later(gapMs, () => {
      if (this.#acked || this.#last === undefined) return;
      this.#transmit(this.#last);
      this.#repeat(Math.min(T2, gapMs * 2));
    });
  }

  #respond(status: number): void {
    this.#last = respond(this.#phone, this.#invite, status, this.leg.tag);
    this.#transmit(this.#last);
  }

  #transmit(bytes: Buffer): void {
    this.#phone.sendTo(hostPortOf(valuesOf(this.#invite.headers, 'via')[0]!), bytes);
  }
}

/** A response of a phone (RFC 3261 8.2.6). */
export function respond(phone: Phone, request: Message, status: number, tag: string): Buffer {
  let vias = '';
  let routes = '';
  let [from, to, cseq] = ['', '', ''];
  for (const [name, value] of request.headers) {
    if (name === 'via') vias += `Via: ${value}\r\n`;
    else if (name === 'record-route') routes += `Record-Route: ${value}\r\n`;
    else if (name === 'from') from = value;
    else if (name === 'to') to = value;
    else if (name === 'cseq') cseq = value;
  }
  const ownTag = request.toTag.length === 0 ? `;tag=${tag}` : '';
  const contact = request.method === 'INVITE' && status > 100 && status < 300 ? `Contact: ${phone.contact}\r\n` : '';
  return writeText(
    `SIP/2.0 ${status} ${phrases[status] ?? 'Response'}\r\n${vias}${routes}From: ${from}\r\nTo: ${to}${ownTag}\r\n` +
      `Call-ID: ${request.callId}\r\nCSeq: ${cseq}\r\n${contact}`,
  );
}

const phrases: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  183: 'Session Progress',
  200: 'OK',
  481: 'Call Does Not Exist',
  482: 'Merged',
  486: 'Busy Here',
  487: 'Request Terminated',
  603: 'Decline',
};
