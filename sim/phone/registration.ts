/** How a phone keeps itself registered: REGISTER with credentials, refreshed before it expires, taken back at the end. */
import { ClientTransaction } from './client.ts';
import { credentials, readChallenge } from './digest.ts';
import type { Challenge } from './digest.ts';
import type { RegistrationRecord } from './history.ts';
import { paramOf, uriOf, valuesOf, writeMessage } from './message.ts';
import type { Message } from './message.ts';
import { clusterEndpoint } from '../network.ts';
import type { Phone } from './phone.ts';

const attemptsMax = 5;

export class Registration {
  readonly #phone: Phone;
  readonly #callId: string;
  readonly #expiresSeconds: number;
  #cseq = 0;
  #challenge: Challenge | undefined;
  #count = 0;
  /** The plan of the phone: wants to be bound now. */
  #wanted = false;
  #busy = false;
  /** Left without a word. */
  #isGone = false;

  constructor(phone: Phone, expiresSeconds: number) {
    this.#phone = phone;
    this.#callId = `reg-${phone.name}-${phone.random.u32().toString(36)}`;
    this.#expiresSeconds = expiresSeconds;
  }

  get wanted(): boolean {
    return this.#wanted;
  }

  set(wanted: boolean, silently = false): void {
    this.#wanted = wanted;
    this.#isGone = silently;
    if (!this.#busy && !silently) this.#begin();
  }

  /** Over another connection than before. */
  again(): void {
    if (this.#wanted && !this.#busy) this.#begin();
  }

  #begin(): void {
    this.#busy = true;
    const record: RegistrationRecord = {
      aor: this.#phone.aor,
      phone: this.#phone.name,
      contact: this.#phone.contactUri,
      wants: this.#wanted ? 'bind' : 'unbind',
      sentAtMs: this.#phone.world.kernel.nowMs,
      endedAtMs: 0,
      status: 0,
      timedOut: false,
      expiresMs: 0,
      listed: [],
    };
    this.#phone.world.registrations.push(record);
    this.#send(record, 1);
  }

  #send(record: RegistrationRecord, attempt: number): void {
    const { world, user, password, random } = this.#phone;
    const cseq = ++this.#cseq;
    const branch = this.#phone.newBranch();
    const uri = `sip:${world.domain}`;
    const expires = record.wants === 'bind' ? this.#expiresSeconds : 0;
    const headers: [string, string][] = [
      ['Via', this.#phone.via(branch)],
      ['Max-Forwards', '70'],
      ['From', `<${this.#phone.aor}>;tag=r${random.u32().toString(36)}`],
      ['To', `<${this.#phone.aor}>`],
      ['Call-ID', this.#callId],
      ['CSeq', `${cseq} REGISTER`],
      ['Contact', `<${record.contact}>;expires=${expires}${this.#flowParams()}`],
    ];
    if (this.#phone.habits.line?.outbound === true) headers.push(['Supported', 'path, outbound']);
    if (this.#challenge !== undefined) {
      const text = credentials(
        this.#challenge,
        user,
        password,
        'REGISTER',
        uri,
        ++this.#count,
        random.u32().toString(16),
      );
      headers.push(['Authorization', text]);
    }
    const transaction = new ClientTransaction(
      writeMessage(`REGISTER ${uri} SIP/2.0`, headers),
      false,
      this.#phone.clientPorts(clusterEndpoint),
      (response) => this.#onResponse(record, response, attempt),
      () => this.#finish(record, 0, undefined),
    );
    this.#phone.begin(branch, 'REGISTER', transaction);
  }

  /** RFC 5626 4.2: the same instance over every connection. */
  #flowParams(): string {
    const { line } = this.#phone.habits;
    if (line === undefined) return '';
    const instance = `;+sip.instance="<urn:uuid:00000000-0000-1000-8000-${this.#phone.at.address.replaceAll('.', '').padStart(12, '0')}>"`;
    return line.outbound ? `${instance};reg-id=1` : instance;
  }

  #onResponse(record: RegistrationRecord, response: Message, attempt: number): void {
    if (response.status < 200) return;
    if (response.status === 401 && attempt < attemptsMax) {
      const lines = response.headers.flatMap(([name, value]) => (name === 'www-authenticate' ? [value] : []));
      this.#challenge = readChallenge(lines, this.#phone.algorithm);
      this.#count = 0;
      return this.#send(record, attempt + 1);
    }
    this.#finish(record, response.status, response);
  }

  #finish(record: RegistrationRecord, status: number, response: Message | undefined): void {
    const { world, random } = this.#phone;
    record.endedAtMs = world.kernel.nowMs;
    record.status = status;
    record.timedOut = response === undefined;
    if (response !== undefined && status === 200) {
      if (record.wants === 'bind') this.#phone.line?.registered();
      const contacts = valuesOf(response.headers, 'contact');
      record.listed = contacts.map(uriOf);
      const own = contacts.find((value) => uriOf(value) === record.contact);
      record.expiresMs = Number((own === undefined ? undefined : paramOf(own, 'expires')) ?? 0) * 1_000;
    }
    this.#busy = false;
    for (const tell of world.audience.registration) tell(record);
    if (this.#isGone) return;
    if (this.#wanted !== (record.wants === 'bind')) return this.#begin();
    if (!this.#wanted && status === 200) return;
    const againMs = status === 200 ? record.expiresMs * random.between(0.5, 0.8) : random.between(500, 3_000);
    this.#phone.later(againMs, () => {
      if (!this.#busy && !world.isQuiet && !this.#isGone) this.#begin();
    });
  }
}
