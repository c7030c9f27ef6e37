/**
 * The registrar against a reference model: plain records, URIs as members of known equality classes, the rules of RFC 3261 10.3 and RFC 5626 6 in the
 * words of the documentation. Random phones register, refresh, move, remove, ask and wait; after every step status, listing, look-up and kind of change
 * must be the model's, the snapshot must read back as what was written, and a failed request must have done nothing.
 * Seen failing with: `<=` written as `<` in the CSeq rule; the CSeq rule applied to what the same request had just made; expired
 * bindings kept and counted; flows, or an earlier end, not compared when deciding between refresh and change; letters of an
 * instance compared with case; two phones with one private address merged; remaining seconds rounded up.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { lookup, nextExpiryMs, noBindings, pack, register, unpack } from '../../src/registrar/bindings.ts';
import type { Bindings, Change } from '../../src/registrar/bindings.ts';
import { context, flow, requestOf, requestText, startMs, valuesOf } from './requests.ts';

/** Spellings of the same URI stand in one row (RFC 3261 19.1.4). */
const uriClasses = [
  ['sip:a@h1.example', 'sip:a@H1.EXAMPLE', 'SIP:%61@h1.example', 'sip:a@h1.example;x=1'],
  ['sip:a@h1.example:5060', 'sip:a@h1.example:5060;y'],
  ['sip:A@h1.example'],
  ['sip:a@10.0.0.5;transport=tcp', 'sip:a@10.0.0.5;transport=TCP'],
  ['sips:b@h2.example'],
  ['sip:a@h1.example?Route=%3Csip:x%3E', 'sip:a@h1.example?route=%3Csip:x%3E'],
];

interface Contact {
  family: number;
  spelling: number;
  instance: string;
  regId: number;
  q: number;
  expires: number | undefined;
}
interface Command {
  contacts: Contact[] | '*';
  expires: number | undefined;
  call: string;
  cseq: number;
  port: number;
  waitMs: number;
  repeat: boolean;
}

interface Entry {
  uri: string;
  family: number;
  instance: string;
  regId: number;
  q: number;
  endMs: number;
  call: string;
  cseq: number;
  port: number;
  sinceMs: number;
}

const maxContacts = 3;
const minSeconds = 60;
const maxSeconds = 5000;

/** The instance, where letters have no case. */
const key = (instance: string): string => instance.toLowerCase();
const uriOf = (contact: Contact): string =>
  uriClasses[contact.family]![contact.spelling % uriClasses[contact.family]!.length]!;

class Model {
  entries: Entry[] = [];

  run(command: Command, nowMs: number): { status: number; change: Change } {
    const before = this.entries.filter((entry) => entry.endMs > nowMs);
    const outcome = this.#outcome(command, before, nowMs);
    if (typeof outcome === 'number') return { status: outcome, change: 'none' };
    this.entries = outcome;
    return { status: 200, change: changeOf(before, outcome) };
  }

  #outcome(command: Command, before: Entry[], nowMs: number): Entry[] | number {
    const late = (entry: Entry): boolean =>
      before.includes(entry) && entry.call === command.call && command.cseq <= entry.cseq;
    if (command.contacts === '*') {
      if (command.expires !== 0) return 400;
      return before.some(late) ? 500 : [];
    }
    let entries = [...before];
    for (const contact of command.contacts) {
      const asked = contact.expires ?? command.expires ?? 3600;
      if (asked > 0 && asked < 3600 && asked < minSeconds) return 423;
      const regId = contact.instance === '' ? 0 : contact.regId;
      const hits = this.#hits(entries, before, contact, regId);
      if (hits.some(late)) return 500;
      if (asked === 0) {
        entries = entries.filter((entry) => !hits.includes(entry));
        continue;
      }
      const entry: Entry = {
        uri: uriOf(contact),
        family: contact.family,
        instance: contact.instance,
        regId,
        q: contact.q,
        endMs: nowMs + Math.min(asked, maxSeconds) * 1000,
        call: command.call,
        cseq: command.cseq,
        port: command.port,
        sinceMs: hits[0]?.sinceMs ?? nowMs,
      };
      const place = hits.length === 0 ? entries.length : entries.indexOf(hits[0]!);
      entries = [...entries.slice(0, place), entry, ...entries.slice(place)].filter((other) => !hits.includes(other));
    }
    const lasting = command.contacts.filter((contact) => (contact.expires ?? command.expires ?? 3600) > 0);
    if (lasting.length > 1 && lasting.some((contact) => contact.instance !== '' && contact.regId > 0)) return 400;
    if (entries.length > maxContacts && entries.length > before.length) return 403;
    return entries;
  }

  #hits(entries: Entry[], before: Entry[], contact: Contact, regId: number): Entry[] {
    const sameUri = entries.filter((entry) => entry.family === contact.family);
    if (contact.instance === '') return sameUri;
    const mine = entries.filter((entry) => key(entry.instance) === key(contact.instance));
    if (regId > 0) {
      const flows = mine.filter((entry) => entry.regId === regId);
      return flows.length > 0 ? flows : sameUri.filter((entry) => entry.instance === '');
    }
    const near = sameUri.filter((entry) => entry.instance === '' || mine.includes(entry));
    if (near.some((entry) => mine.includes(entry))) return near;
    return [...near, ...mine.filter((entry) => entry.regId === 0 && before.includes(entry))];
  }
}

/** Only ends that move away are a refresh; a new Call-ID or CSeq alone loses nothing. */
function changeOf(before: Entry[], after: Entry[]): Change {
  if (before.length === after.length && before.every((entry, at) => entry === after[at])) return 'none';
  const still = (entry: Entry, at: number): boolean => {
    const now = after[at]!;
    return (
      now.uri === entry.uri &&
      now.instance === entry.instance &&
      now.regId === entry.regId &&
      now.q === entry.q &&
      now.port === entry.port &&
      now.endMs >= entry.endMs
    );
  };
  return before.length === after.length && before.every(still) ? 'refresh' : 'change';
}

const contactArb: fc.Arbitrary<Contact> = fc.record({
  family: fc.nat(uriClasses.length - 1),
  spelling: fc.nat(3),
  instance: fc.constantFrom('', '', '<urn:uuid:A>', '<urn:uuid:a>', '<urn:uuid:B>'),
  regId: fc.constantFrom(0, 0, 0, 1, 2),
  q: fc.constantFrom(1, 1, 0.5, 0),
  expires: fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    { weight: 3, arbitrary: fc.constantFrom(0, 60, 3600, 100_000) },
    { weight: 1, arbitrary: fc.constant(59) },
  ),
});
const commandArb: fc.Arbitrary<Command> = fc.record({
  contacts: fc.oneof(
    { weight: 1, arbitrary: fc.constant('*' as const) },
    { weight: 9, arbitrary: fc.array(contactArb, { maxLength: 2 }) },
    { weight: 3, arbitrary: fc.array(contactArb, { maxLength: 6 }) },
  ),
  expires: fc.constantFrom(undefined, 0, 59, 60, 1800, 1800, 1800, 7200, 7200),
  call: fc.constantFrom('x', 'y'),
  cseq: fc.nat(30),
  port: fc.constantFrom(5060, 5060, 5060, 40_000),
  waitMs: fc.constantFrom(0, 0, 0, 1, 999, 60_000, 600_000, 5_000_000),
  repeat: fc.boolean(),
});

function textOf(command: Command): string {
  const contacts =
    command.contacts === '*'
      ? ['*']
      : command.contacts.map((contact) => {
          const q = contact.q === 1 ? '' : `;q=${contact.q}`;
          const expires = contact.expires === undefined ? '' : `;expires=${contact.expires}`;
          const instance = contact.instance === '' ? '' : `;+sip.instance="${contact.instance}"`;
          return `<${uriOf(contact)}>${q}${expires}${instance}${contact.regId === 0 ? '' : `;reg-id=${contact.regId}`}`;
        });
  return requestText({
    contacts,
    callId: command.call,
    cseq: command.cseq,
    ...(command.expires === undefined ? {} : { expires: String(command.expires) }),
  });
}

function listed(entry: Entry, nowMs: number): string {
  const q = entry.q === 1 ? '' : `;q=${entry.q}`;
  const instance = entry.instance === '' ? '' : `;+sip.instance="${entry.instance}"`;
  return `<${entry.uri}>;expires=${Math.max(1, Math.floor((entry.endMs - nowMs) / 1000))}${q}${instance}${entry.regId === 0 ? '' : `;reg-id=${entry.regId}`}`;
}

const rank: readonly Change[] = ['none', 'refresh', 'change'];

test('any history of any phones: the registrar does what the model does', () => {
  const reached = new Map<string, number>();
  fc.assert(
    fc.property(
      fc.array(commandArb, { minLength: 1, maxLength: 40, size: 'max' }),
      fc.boolean(),
      (commands, orderly) => {
        const model = new Model();
        let state: Bindings = noBindings;
        let nowMs = startMs;
        commands.forEach((drawn, at) => {
          // Half of the histories come from phones that count their requests.
          const previous = commands[at - 1];
          const again =
            drawn.repeat && previous !== undefined ? { contacts: previous.contacts, expires: previous.expires } : {};
          const command = { ...drawn, ...again, ...(orderly ? { cseq: at + 1 } : {}) };
          nowMs += command.waitMs;
          const expected = model.run(command, nowMs);
          const ctx = context({
            nowMs,
            flow: { ...flow, port: command.port },
            limits: { minExpiresSeconds: minSeconds, maxExpiresSeconds: maxSeconds, maxContacts },
          });
          const frozen = JSON.stringify(state);
          const result = register(state, requestOf(textOf(command)), ctx);

          assert.equal(result.status, expected.status);
          assert.equal(JSON.stringify(state), frozen, 'the bindings before are never changed');
          reached.set(
            `${result.status} ${result.changed}`,
            (reached.get(`${result.status} ${result.changed}`) ?? 0) + 1,
          );
          if (result.status !== 200) {
            assert.equal(result.bindings, state);
            assert.equal(result.changed, 'none');
            return;
          }
          const live = model.entries.filter((entry) => entry.endMs > nowMs);
          assert.deepEqual(
            valuesOf(result, 'Contact'),
            live.map((entry) => listed(entry, nowMs)),
          );
          assert.deepEqual(
            lookup(result.bindings, nowMs).map((binding) => [binding.uri, binding.flow.port]),
            [...live].sort((a, b) => b.q - a.q || b.sinceMs - a.sinceMs).map((entry) => [entry.uri, entry.port]),
          );
          assert.equal(
            nextExpiryMs(result.bindings),
            live.length === 0 ? 0 : Math.min(...live.map((entry) => entry.endMs)),
          );
          // One contact: exactly the model's word. Several, which may undo each other: never less careful than the model.
          if (command.contacts === '*' || command.contacts.length <= 1) assert.equal(result.changed, expected.change);
          else assert(rank.indexOf(result.changed) >= rank.indexOf(expected.change));

          state = unpack(decode(encode(pack(result.bindings))) as unknown[]);
          assert.deepEqual(state, result.bindings);
        });
      },
    ),
    { numRuns: 400 },
  );
  for (const outcome of ['200 none', '200 refresh', '200 change', '400 none', '403 none', '423 none', '500 none']) {
    assert((reached.get(outcome) ?? 0) > 20, `the histories hardly reach ${outcome}`);
  }
});

test('one phone, one binding: what only differs in its NAT port never piles up', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1024, max: 65_535 }), { minLength: 1, maxLength: 30 }),
      fc.constantFrom('', ';reg-id=1'),
      (ports, regId) => {
        let state: Bindings = noBindings;
        ports.forEach((port, at) => {
          const text = requestText({
            contacts: [`<sip:a@203.0.113.9:${port}>;+sip.instance="<urn:uuid:A>"${regId}`],
            cseq: at + 1,
          });
          state = register(state, requestOf(text), context({ flow: { ...flow, port } })).bindings;
          assert.deepEqual(
            state.map((binding) => binding.flow.port),
            [port],
          );
        });
      },
    ),
    { numRuns: 50 },
  );
});
