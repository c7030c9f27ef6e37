/** The caller's side of a call: INVITE with credentials, CANCEL when it loses patience, ACK for everything that asks for it. */
import { ClientTransaction } from './client.ts';
import { Dialog } from './dialog.ts';
import { credentials, readChallenge } from './digest.ts';
import type { CallRecord } from './history.ts';
import { valueOf, writeMessage } from './message.ts';
import type { Message } from './message.ts';
import { clusterEndpoint } from '../network.ts';
import type { Phone } from './phone.ts';

const inviteAttemptsMax = 4;

export class Caller {
  readonly call: CallRecord;
  readonly #phone: Phone;
  readonly #tag: string;
  readonly #uri: string;
  #cseq = 0;
  #branch = '';
  #provisional = false;
  #cancelWanted = false;
  #cancelSent = false;
  #settled = false;
  /** Dialogs by the callee's tag. */
  readonly dialogs = new Map<string, Dialog>();

  constructor(phone: Phone, call: CallRecord) {
    this.#phone = phone;
    this.call = call;
    this.#tag = `c${call.plan.number.toString(36)}${phone.random.u32().toString(36)}`;
    this.#uri = `sip:${call.plan.callee}@${phone.world.domain}`;
  }

  start(): void {
    this.#invite(undefined);
    const { cancelAfterMs } = this.call.plan;
    if (cancelAfterMs !== undefined) this.#phone.later(cancelAfterMs, () => this.cancel());
  }

  cancel(): void {
    if (this.#settled || this.#cancelSent) return;
    this.#cancelWanted = true;
    // RFC 3261 9.1: not before a provisional response.
    if (!this.#provisional) return;
    this.#cancelSent = true;
    const { call } = this;
    call.cancelledAtMs = this.#phone.world.kernel.nowMs;
    this.#phone.world.tellCall(call, 'caller CANCEL');
    const transaction = new ClientTransaction(
      this.#request('CANCEL', this.#cseq, this.#branch, []),
      false,
      this.#phone.clientPorts(clusterEndpoint),
      (response) => {
        if (response.status >= 200) call.cancelStatus = response.status;
      },
      () => (call.cancelTimedOut = true),
    );
    this.#phone.begin(this.#branch, 'CANCEL', transaction);
  }

  #invite(credential: string | undefined): void {
    const cseq = ++this.#cseq;
    this.#branch = this.#phone.newBranch();
    const branch = this.#branch;
    const { call } = this;
    if (credential !== undefined) call.invitedAtMs = this.#phone.world.kernel.nowMs;
    const headers: [string, string][] = credential === undefined ? [] : [['Proxy-Authorization', credential]];
    const bytes = this.#request('INVITE', cseq, branch, [['Contact', this.#phone.contact], ...headers], 'v=0\r\n');
    const transaction = new ClientTransaction(
      bytes,
      true,
      this.#phone.clientPorts(clusterEndpoint),
      (response) => this.#onResponse(response, cseq, branch),
      () => {
        if (this.#settled) return;
        this.#settled = true;
        call.timedOutAtMs = this.#phone.world.kernel.nowMs;
        this.#phone.world.tellCall(call, 'caller gave up: nobody answered the INVITE');
      },
    );
    this.#phone.begin(branch, 'INVITE', transaction);
  }

  #onResponse(response: Message, cseq: number, branch: string): void {
    const { call } = this;
    const nowMs = this.#phone.world.kernel.nowMs;
    if (response.status < 200) {
      if (branch !== this.#branch) return;
      this.#provisional = true;
      if (call.triedAtMs === 0) call.triedAtMs = nowMs;
      if (response.status > 100 && call.ringingAtMs === 0) call.ringingAtMs = nowMs;
      if (this.#cancelWanted) this.cancel();
      return;
    }
    if (response.status < 300) return this.#onAnswer(response, cseq);
    const ack: [string, string][] = [];
    this.#phone.sendTo(clusterEndpoint, this.#request('ACK', cseq, branch, ack, '', valueOf(response, 'to')));
    if (branch !== this.#branch || this.#settled) {
      if (call.finals.some((each) => each.status === response.status && each.tag === response.toTag)) return;
      if (branch === this.#branch) call.finals.push({ status: response.status, tag: response.toTag, atMs: nowMs });
      return;
    }
    const challenge =
      response.status === 407
        ? readChallenge(valuesOfLines(response, 'proxy-authenticate'), this.#phone.algorithm)
        : undefined;
    if (challenge !== undefined && cseq < inviteAttemptsMax && !this.#cancelSent) {
      this.#provisional = false;
      const { user, password } = this.#phone;
      return this.#invite(
        credentials(challenge, user, password, 'INVITE', this.#uri, 1, this.#phone.random.u32().toString(16)),
      );
    }
    this.#settled = true;
    call.finals.push({ status: response.status, tag: response.toTag, atMs: nowMs });
    this.#phone.world.tellCall(call, `caller got ${response.status}`);
  }

  #onAnswer(response: Message, cseq: number): void {
    const { call } = this;
    const known = this.dialogs.get(response.toTag);
    if (known !== undefined) return known.ack(cseq);
    const dialog = new Dialog(this.#phone, call, 'caller', response, this.#tag);
    this.dialogs.set(response.toTag, dialog);
    const first = this.dialogs.size === 1;
    this.#settled = true;
    call.finals.push({ status: response.status, tag: response.toTag, atMs: this.#phone.world.kernel.nowMs });
    this.#phone.world.tellCall(call, `caller got ${response.status} ${response.toTag}`);
    dialog.ack(cseq);
    // Answered twice by a fork (13.2.2.4), or after the caller gave up (9.1): it ends at once.
    if (!first || call.cancelledAtMs > 0) {
      this.#phone.later(5, () => this.#end(dialog));
      return;
    }
    this.#talk(dialog);
  }

  #talk(dialog: Dialog): void {
    const { plan } = this.call;
    if (plan.reinvite?.by === 'caller')
      this.#phone.later(plan.reinvite.afterMs, () => !dialog.ended && dialog.request('INVITE'));
    if (plan.infoEveryMs !== undefined) this.#ask(dialog, plan.infoEveryMs);
    if (plan.hangup !== 'callee') this.#phone.later(plan.talkMs, () => this.#end(dialog));
  }

  #ask(dialog: Dialog, everyMs: number): void {
    this.#phone.later(everyMs, () => {
      if (dialog.ended || this.#phone.world.isQuiet) return;
      dialog.request('INFO');
      this.#ask(dialog, everyMs);
    });
  }

  #end(dialog: Dialog): void {
    if (dialog.ended) return;
    if (this.call.endedAtMs === 0) this.call.endedAtMs = this.#phone.world.kernel.nowMs;
    dialog.bye();
  }

  #request(
    method: string,
    cseq: number,
    branch: string,
    headers: readonly (readonly [string, string])[],
    body = '',
    to = `<${this.#uri}>`,
  ): Buffer {
    return writeMessage(
      `${method} ${this.#uri} SIP/2.0`,
      [
        ['Via', this.#phone.via(branch)],
        ['Max-Forwards', '70'],
        ['From', `<${this.#phone.aor}>;tag=${this.#tag}`],
        ['To', to],
        ['Call-ID', this.call.plan.callId],
        ['CSeq', `${cseq} ${method}`],
        ...headers,
      ],
      body,
    );
  }
}

/** Challenges are not split on commas: each is a line of its own. */
function valuesOfLines(message: Message, name: string): string[] {
  return message.headers.flatMap(([each, value]) => (each === name ? [value] : []));
}
