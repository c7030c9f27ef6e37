/**
 * Plays a scenario file over the call actor of production between telephones that do only what they are told.
 *
 *     patience 300s              how long a call may ring, 20s when not said
 *     phones alice bob bob2      registered; bob2 is a second device of bob
 *     alice INVITE bob           the first request; `with Max-Forwards: 0, Supported: 100rel` adds headers
 *     bob 180                    answers the INVITE; `bob 200 BYE` another request; `with ...` as above
 *     alice ACK                  inside of the dialog, or as CANCEL and the ACK of a refusal go
 *     alice BYE strict           as it comes from a strict router of RFC 2543
 *     alice again INVITE         the same octets once more; `bob again 200 INVITE`
 *     bob returns INVITE         as a proxy that sends it back to us; `for carol`: having changed whom it is for
 *     wait 500ms                 or 32s
 *     node lost                  another node goes on with what the store has; `node lost before storing`: in the moment in
 *                                which it wants to store what comes next; `after storing`: stored, and nothing sent
 *     moved                      the partition is handed over
 *
 * Everything else is written by the player: `->` what a telephone receives, with the tag of who answered, `..` nothing.
 * Each line takes 50 ms. Times count from the first line.
 */
import { reasonPhrase } from '../../src/sip/status.ts';
import { tagOf, value } from '../actors/call/headers.ts';
import type { Sip } from '../actors/call/phone.ts';
import { World } from '../actors/call/world.ts';
import { Handset } from './handset.ts';
import type { Wording } from './handset.ts';

const stepMs = 50;
const column = 64;
const isCommand = /^[a-z]/;

/** The scenario with everything that the telephones received, as it should stand in the file. */
export function play(text: string): string {
  const ladder = new Ladder();
  for (const raw of text.split('\n')) {
    const line = raw.trimEnd();
    if (isCommand.test(line)) ladder.command(line);
    else if (line === '' || line.startsWith('#')) ladder.lines.push(line);
  }
  while (ladder.lines.at(-1) === '') ladder.lines.pop();
  return `${ladder.lines.join('\n')}\n`;
}

class Ladder {
  readonly lines: string[] = [];
  #world = new World({ noAnswerMs: 20_000 });
  readonly #phones = new Map<string, Handset>();
  #startMs = 0;
  #waiting = false;

  command(line: string): void {
    this.lines.push(line);
    const before = this.lines.length;
    const [words = '', headers = ''] = line.split(' with ');
    const [subject = '', ...rest] = words.split(/\s+/);
    const [verb = '', object = ''] = rest;
    const wording: Wording = { headers: headers === '' ? [] : headers.split(', '), strict: rest.includes('strict') };
    if (subject === 'patience') return void (this.#world = new World({ noAnswerMs: milliseconds(verb) }));
    if (subject === 'phones') return this.#open(rest);
    if (subject === 'wait') return this.#wait(milliseconds(verb));
    if (subject === 'moved') this.#world.move();
    else if (subject === 'node') return this.#lose(rest);
    else this.#say(subject, verb, object, rest, wording);
    this.#world.run(stepMs);
    if (this.lines.length === before) this.lines.push('  .. nothing');
  }

  #say(subject: string, verb: string, object: string, rest: readonly string[], wording: Wording): void {
    const phone = this.#phones.get(subject);
    if (phone === undefined) throw new Error(`there is no telephone ${subject}`);
    const status = Number(verb);
    if (verb === 'again') phone.repeat(rest.slice(1).join(' '));
    else if (verb === 'returns') phone.giveBack(object, rest[2] === 'for' ? rest[3] : undefined);
    else if (status >= 100) phone.answer(status, reasonPhrase(status), object === '' ? 'INVITE' : object, wording);
    else if (object === '' || object === 'strict') phone.inside(verb, wording);
    else phone.start(verb, object, wording);
  }

  #open(names: readonly string[]): void {
    for (const [index, name] of names.entries()) {
      const phone = new Handset(this.#world, name, `10.0.0.${index + 2}:5060`);
      this.#phones.set(name, phone);
      phone.register();
    }
    this.#world.run(1_000);
    for (const phone of this.#phones.values()) phone.onReceived = (message) => this.#received(phone, message);
    this.#startMs = this.#world.nowMs;
  }

  #lose(words: readonly string[]): void {
    const when = words[1];
    if (when !== 'before' && when !== 'after') return this.#world.kill();
    const next = this.#world.saves;
    this.#world.loseNodeAt = (save) => (save === next ? when : undefined);
  }

  #wait(forMs: number): void {
    this.#waiting = true;
    this.#world.run(forMs);
    this.#waiting = false;
  }

  #received(phone: Handset, message: Sip): void {
    const text = `  -> ${phone.name} ${message.status > 0 ? responseText(message) : requestText(message)}`;
    const at = `@ ${this.#world.nowMs - this.#startMs}ms`;
    this.lines.push(this.#waiting ? `${text.padEnd(column)} ${at}` : text);
  }
}

function requestText(request: Sip): string {
  const [method = '', uri = ''] = request.start.split(' ');
  const reason = value(request, 'Reason');
  const hops = method === 'INVITE' ? `, Max-Forwards ${value(request, 'Max-Forwards')}` : '';
  return `${method} ${uri}${hops}${reason === '' ? '' : `, ${reason}`}`;
}

/** The tag says who answered; one of the server's own is as long as no telephone's. */
function responseText(response: Sip): string {
  const tag = tagOf(value(response, 'To'));
  const who = tag === '' ? '' : ` (${tag.length > 10 ? 'the server' : tag})`;
  const method = response.method === 'INVITE' ? '' : ` ${response.method}`;
  return `${response.status} ${reasonPhrase(response.status)}${method}${who}`;
}

function milliseconds(text: string): number {
  const match = /^(\d+)(ms|s)$/.exec(text);
  if (match === null) throw new Error(`not a time: ${text}`);
  return Number(match[1]) * (match[2] === 's' ? 1000 : 1);
}
