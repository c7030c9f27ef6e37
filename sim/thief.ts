/**
 * Somebody on the way between phones and cluster who hears everything and knows no password: says a REGISTER again with
 * his own Contact, or with a response that he guessed. Whatever he is told, it must not be 200 (RFC 7616 3.3, 5.12).
 */
import { Owner } from './kernel.ts';
import { clusterEndpoint, nameOf } from './network.ts';
import type { Endpoint, Socket } from './network.ts';
import { readMessage, writeMessage } from './phone/message.ts';
import type { Phone } from './phone/phone.ts';
import type { World } from './world.ts';

export interface Theft {
  readonly atMs: number;
  readonly phone: string;
  /**
   * The first credentials of the phone, its last ones, or its last ones with another response; or not with a REGISTER but
   * with a CANCEL of nothing, or a request to the phone in a dialog that there is not.
   */
  readonly how: 'first' | 'last' | 'guess' | 'cancel' | 'dialog';
}

const at: Endpoint = { address: '10.66.0.1', port: 5060 };

export class Thief implements Socket {
  readonly owner = new Owner('thief');
  readonly #world: World;
  /** REGISTERs with credentials, by the address that they came from. */
  readonly #heard = new Map<string, string[]>();
  #count = 0;

  constructor(world: World) {
    this.#world = world;
    world.network.openPhone(at, this);
    world.network.watchers.push(({ from, bytes, fate }) => {
      const text = bytes.toString('latin1');
      if (fate !== 'arrived' || !text.startsWith('REGISTER ') || !text.includes('Authorization: ')) return;
      const heard = this.#heard.get(from);
      if (heard === undefined) this.#heard.set(from, [text]);
      else heard.push(text);
    });
  }

  strike({ phone, how }: Theft): void {
    const victim = this.#world.phones.get(phone);
    if (victim !== undefined && (how === 'cancel' || how === 'dialog')) return this.#intrude(victim, how);
    const heard = victim === undefined ? undefined : this.#heard.get(nameOf(victim.at));
    const text = heard?.at(how === 'first' ? 0 : -1);
    if (text === undefined) return;
    const said = text
      .replace(/^Via: .*$/m, `Via: SIP/2.0/UDP ${nameOf(at)};branch=z9hG4bKthief${++this.#count};rport`)
      .replace(/^Call-ID: .*$/m, `Call-ID: thief-${this.#count}`)
      .replace(/^Contact: .*$/m, `Contact: <sip:thief@${nameOf(at)}>;expires=60`)
      .replace(/response="(.*?)"/, (all, digits: string) =>
        how === 'guess' ? `response="${'0'.repeat(digits.length)}"` : all,
      )
      .replace(/nc=[0-9a-f]{8}/, (all) => (how === 'guess' ? 'nc=00000fff' : all));
    this.#world.network.send(at, clusterEndpoint, Buffer.from(said, 'latin1'));
  }

  #intrude({ aor, contactUri }: Phone, how: 'cancel' | 'dialog'): void {
    const [method, uri, tag] = how === 'cancel' ? ['CANCEL', aor, ''] : ['INFO', contactUri, ';tag=nobody'];
    const said = writeMessage(`${method} ${uri} SIP/2.0`, [
      ['Via', `SIP/2.0/UDP ${nameOf(at)};branch=z9hG4bKthief${++this.#count};rport`],
      ['Max-Forwards', '70'],
      ['From', `<sip:thief@${nameOf(at)}>;tag=thief`],
      ['To', `<${aor}>${tag}`],
      ['Call-ID', `thief-${this.#count}`],
      ['CSeq', `7 ${method}`],
    ]);
    this.#world.network.send(at, clusterEndpoint, said);
  }

  receive(bytes: Buffer): void {
    const message = readMessage(bytes);
    if (typeof message === 'string') return;
    if (message.isRequest) this.#world.fail('thief', 22, `the thief got a ${message.method}`, message.callId);
    if (message.status === 200)
      this.#world.fail(
        'thief',
        message.method === 'REGISTER' ? 22 : 12,
        message.method === 'REGISTER'
          ? 'what the thief heard was good enough to register him'
          : `a ${message.method} of the thief got 200`,
        message.callId,
      );
  }
}
