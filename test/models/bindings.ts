/**
 * The bindings of one address-of-record as telephones see them (RFC 3261 10.3): each has one contact and one Call-ID, and
 * counts its REGISTERs. Refreshed, removed, expired, repeated late, removed all at once, and moved to another node.
 */
import assert from 'node:assert/strict';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { lookup, noBindings, pack, register, unpack } from '../../src/registrar/bindings.ts';
import type { Bindings } from '../../src/registrar/bindings.ts';
import { context, requestOf, requestText, startMs } from '../registrar/requests.ts';
import { command } from './command.ts';

interface Phone {
  cseq: number;
  /** Of its last REGISTER that was done while its binding lives. */
  doneCseq: number;
  endMs: number;
}

interface Model {
  nowMs: number;
  readonly phones: readonly Phone[];
}

interface Real {
  bindings: Bindings;
}

type BindingsCommand = fc.Command<Model, Real>;

const isLive = (model: Model, { endMs }: Phone): boolean => endMs > model.nowMs;

function ask(model: Model, real: Real, phone: number, cseq: number, contact: string, seconds: number): number {
  const text = requestText({ contacts: [contact], expires: String(seconds), callId: `call${phone}`, cseq });
  const result = register(real.bindings, requestOf(text), context({ nowMs: model.nowMs }));
  if (result.status === 200) real.bindings = result.bindings;
  return result.status;
}

function compare(model: Model, real: Real): void {
  const live = model.phones.flatMap((phone, at) => (isLive(model, phone) ? [`${uriOf(at)} ${phone.endMs}`] : []));
  const found = lookup(real.bindings, model.nowMs).map(({ uri, expiresAtMs }) => `${uri} ${expiresAtMs}`);
  assert.deepEqual(found.toSorted(), live.toSorted());
}

const uriOf = (phone: number): string => `sip:p@h${phone}.example`;

/** `seconds` 0 removes it. `late`: so many behind its count, as a request that was overtaken. */
const say = (phone: number, seconds: number, late: number): BindingsCommand =>
  command(`phone ${phone} registers for ${seconds} s${late > 0 ? `, ${late} late` : ''}`, (model, real) => {
    const it = model.phones[phone]!;
    const cseq = late > 0 ? Math.max(1, it.cseq - late + 1) : (it.cseq += 1);
    it.cseq = Math.max(it.cseq, cseq);
    const isOvertaken = isLive(model, it) && cseq <= it.doneCseq;
    const status = ask(model, real, phone, cseq, `<${uriOf(phone)}>`, seconds);
    assert.equal(status, seconds > 0 && seconds < 60 ? 423 : isOvertaken ? 500 : 200);
    if (status === 200) {
      it.endMs = seconds === 0 ? 0 : model.nowMs + Math.min(seconds, 7_200) * 1_000;
      it.doneCseq = cseq;
    }
    compare(model, real);
  });

/** 10.2.2: all are removed, unless the same Call-ID has done something later. */
const removeAll = (phone: number): BindingsCommand =>
  command(`phone ${phone} removes all`, (model, real) => {
    const it = model.phones[phone]!;
    it.cseq += 1;
    assert.equal(ask(model, real, phone, it.cseq, '*', 0), 200);
    for (const each of model.phones) each.endMs = 0;
    compare(model, real);
  });

const wait = (seconds: number): BindingsCommand =>
  command(`wait ${seconds} s`, (model, real) => {
    model.nowMs += seconds * 1_000;
    compare(model, real);
  });

const move: BindingsCommand = command('move', (model, real) => {
  real.bindings = unpack(decode(encode(pack(real.bindings))) as unknown[]);
  compare(model, real);
});

const phone = fc.nat(2);
const commands = fc.commands(
  [
    fc.tuple(phone, fc.constantFrom(0, 59, 60, 600, 7_200, 100_000)).map(([at, seconds]) => say(at, seconds, 0)),
    fc.tuple(phone, fc.constantFrom(0, 600), fc.integer({ min: 1, max: 3 })).map(([at, ...how]) => say(at, ...how)),
    phone.map(removeAll),
    fc.constantFrom(1, 59, 60, 599, 7_000).map(wait),
    fc.constant(move),
  ],
  { maxCommands: 30, size: 'max' },
);

export function model(): fc.IRawProperty<unknown> {
  return fc.property(commands, (sequence) => {
    const phones = [0, 1, 2].map(() => ({ cseq: 0, doneCseq: 0, endMs: 0 }));
    fc.modelRun(() => ({ model: { nowMs: startMs, phones }, real: { bindings: noBindings } }), sequence);
  });
}
