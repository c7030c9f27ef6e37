/**
 * Plays a scenario file against the real tables and timers and writes down everything that happened.
 *
 *     transport udp         or tcp; udp when not said
 *     <- INVITE             a request or a response arrives: `<- 180`, `<- 200 CANCEL`
 *     tu 486                the TU answers, or starts a request: `tu INVITE`, `tu 200 CANCEL`, `tu gives up`
 *     wait 500ms            or 32s
 *     transport error       the last message could not be delivered; `transport error CANCEL`
 *     move 3s               this node dies, another goes on from the snapshot after so long
 *
 * Everything else is written by the player: `->` sent, `=>` told to the TU, `==` new state, `..` nothing followed.
 * A line without a method belongs to the first transaction of the file. Times count from its beginning.
 */
import { decode, encode } from '@msgpack/msgpack';
import type { SipMessage } from '../../src/sip/message.ts';
import { reasonPhrase } from '../../src/sip/status.ts';
import { eventOf, eventOfStatus } from '../../src/transaction/event.ts';
import { ClientTransaction, ServerTransaction, apply, begin, destroy, resume } from '../../src/transaction/machine.ts';
import type { Sink, Transaction } from '../../src/transaction/machine.ts';
import { pack, unpack } from '../../src/transaction/pack.ts';
import type { Event, Failure, State } from '../../src/transaction/table.ts';
import { takeoverGraceMs } from '../../src/transaction/timers.ts';
import type { TimerName } from '../../src/transaction/timers.ts';

const isCommand = /^(transport|tu|wait|move|<-)\b|^<-/;
const column = 36;

/** The scenario with everything that the machines did, as it should stand in the file. */
export function play(text: string): string {
  const ladder = new Ladder();
  for (const raw of text.split('\n')) {
    const line = raw.trimEnd();
    if (line === '' || line.startsWith('#')) ladder.lines.push(line);
    else if (isCommand.test(line)) ladder.command(line);
  }
  while (ladder.lines.at(-1) === '') ladder.lines.pop();
  return `${ladder.lines.join('\n')}\n`;
}

interface Timer {
  readonly method: string;
  readonly name: TimerName;
  readonly atMs: number;
}

class Ladder implements Sink {
  readonly lines: string[] = [];
  #protocol: 'udp' | 'tcp' = 'udp';
  #nowMs = 0;
  #waiting = false;
  #first = '';
  /** Status or method of the message being handled. */
  #message = '';
  #transactions = new Map<string, Transaction>();
  #timers: Timer[] = [];

  command(line: string): void {
    this.lines.push(line);
    const before = this.lines.length;
    const words = line.split(/\s+/);
    const [verb, subject] = [words[0] ?? '', words[1] ?? ''];
    if (verb === 'transport' && subject !== 'error') this.#protocol = subject === 'tcp' ? 'tcp' : 'udp';
    else if (verb === 'wait') this.#wait(milliseconds(subject));
    else if (verb === 'move') this.#move(milliseconds(subject));
    else if (verb === 'transport') this.#step(words[2] ?? this.#first, 'transport-error', '');
    else if (verb === 'tu') this.#fromUser(subject, methodIn(words));
    else this.#fromNetwork(subject, methodIn(words));
    if (this.lines.length === before && /^(tu|<-|transport error)/.test(line)) this.#write('.. absorbed');
  }

  #fromUser(subject: string, method: string | undefined): void {
    const status = Number(subject);
    if (status >= 100) return this.#step(method ?? this.#first, eventOfStatus(status), phrase(status));
    if (subject === 'gives') {
      const tx = this.#transactions.get(this.#first);
      if (tx !== undefined) this.#watch(this.#first, tx, () => destroy(tx, this));
      return;
    }
    const kind = subject === 'INVITE' ? 'invite-client' : 'client';
    this.#create(subject, new ClientTransaction(kind, subject, this.#flow()), subject);
  }

  #fromNetwork(subject: string, method: string | undefined): void {
    const status = Number(subject);
    if (status >= 100) return this.#step(method ?? this.#first, eventOfStatus(status), phrase(status));
    const owner = subject === 'ACK' ? 'INVITE' : subject;
    if (this.#transactions.has(owner) || subject === 'ACK') {
      return this.#step(owner, eventOf({ isRequest: true, method: subject } as SipMessage), subject);
    }
    const kind = subject === 'INVITE' ? 'invite-server' : 'server';
    this.#create(subject, new ServerTransaction(kind, subject, this.#flow()), '');
  }

  #create(method: string, tx: Transaction, sent: string): void {
    if (this.#first === '') this.#first = method;
    this.#message = method;
    this.#transactions.set(method, tx);
    begin(tx, this.#nowMs, this, Buffer.from(sent));
    this.#write(`== ${this.#named(method, tx.state)}`);
  }

  #step(method: string, event: Event, message: string): void {
    const tx = this.#transactions.get(method);
    if (tx === undefined) return this.#write('.. no transaction');
    this.#message = message;
    this.#watch(method, tx, () => {
      if (apply(tx, event, this.#nowMs, this, Buffer.from(message)) === undefined) this.#write('.. ignored');
    });
  }

  /** Writes the new state, and forgets a transaction the instant it is terminated (17.1.1.2, 17.2.1). */
  #watch(method: string, tx: Transaction, act: () => void): void {
    const before: State = tx.state;
    act();
    if (tx.state !== before) this.#write(`== ${this.#named(method, tx.state)}`);
    if (tx.terminated) this.#transactions.delete(method);
  }

  #wait(forMs: number): void {
    const untilMs = this.#nowMs + forMs;
    this.#waiting = true;
    for (;;) {
      const [due] = this.#timers.filter((t) => t.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
      if (due === undefined) break;
      this.#timers = this.#timers.filter((t) => t !== due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      this.#step(due.method, due.name, '');
    }
    this.#nowMs = untilMs;
    this.#waiting = false;
  }

  #move(forMs: number): void {
    this.#timers = [];
    const packed = [...this.#transactions].map(([method, tx]) => [method, encode(pack(tx))] as const);
    this.#nowMs += forMs;
    for (const [method, bytes] of packed) {
      const tx = unpack(decode(bytes) as unknown[]);
      this.#transactions.set(method, tx);
      resume(tx, this.#nowMs, this, takeoverGraceMs);
    }
    this.#wait(0);
  }

  send(tx: Transaction): void {
    this.#write(`-> ${this.#named(tx.key, Buffer.from(tx.sent).toString())}`);
  }
  resend(tx: Transaction): void {
    this.send(tx);
  }
  pass(tx: Transaction): void {
    this.#write(`=> ${this.#named(tx.key, this.#message)}`);
  }
  ack(): void {
    this.#write('-> ACK');
  }
  tell(tx: Transaction, what: Failure): void {
    this.#write(`=> ${this.#named(tx.key, what.replace('-', ' '))}`);
  }
  timer(tx: Transaction, name: TimerName, atMs: number): void {
    this.clearTimer(tx, name);
    this.#timers.push({ method: tx.key, name, atMs });
  }
  clearTimer(tx: Transaction, name: TimerName): void {
    this.#timers = this.#timers.filter((t) => t.method !== tx.key || t.name !== name);
  }

  #flow(): Transaction['flow'] {
    return {
      protocol: this.#protocol,
      listener: 0,
      address: '192.0.2.1',
      port: 5060,
      connection: this.#protocol === 'tcp' ? 'n1/0/1' : '',
    };
  }

  /** The first transaction goes without saying; the method of another is put behind, as in a CSeq. */
  #named(method: string, text: string): string {
    return method === this.#first || text === method ? text : `${text} (${method})`;
  }

  #write(text: string): void {
    const line = `  ${text}`;
    this.lines.push(this.#waiting ? `${line.padEnd(column)}@ ${this.#nowMs}ms` : line);
  }
}

const phrase = (status: number): string => `${status} ${reasonPhrase(status)}`;

/** The method at the end of a line about a response: `tu 200 CANCEL`. */
const methodIn = (words: readonly string[]): string | undefined =>
  words.slice(2).find((word) => /^[A-Z]{3,}$/.test(word));

function milliseconds(text: string): number {
  const match = /^(\d+)(ms|s)$/.exec(text);
  if (match === null) throw new Error(`not a time: ${text}`);
  return Number(match[1]) * (match[2] === 's' ? 1000 : 1);
}
