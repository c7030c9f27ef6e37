/**
 * One call through the proxy, between telephones that do only what they are told, against the words of RFC 3261: forking
 * and the choice of the response (16.7), CANCEL in every moment (9.1, 9.2, 16.10), the answers of several devices
 * (13.2.2.4), ACK and BYE inside of the dialog (12.2), what is repeated (17.2.1). The loss of the node and a hand-over
 * between any two messages change nothing that a telephone could see.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { reasonPhrase } from '../../src/sip/status.ts';
import { tagOf, value } from '../actors/call/headers.ts';
import type { Sip } from '../actors/call/phone.ts';
import { World } from '../actors/call/world.ts';
import { Handset } from '../traces-proxy/handset.ts';
import { command } from './command.ts';

interface Branch {
  rings: boolean;
  /** 0: none yet. */
  final: number;
  /** It is to be cancelled; before it rings, that waits. */
  cancelWanted: boolean;
  cancelSent: boolean;
  cancelAnswered: boolean;
}

interface Model {
  readonly branches: Branch[];
  cancelled: boolean;
  /** Statuses that the caller has got in the end: one refusal, or a 200 of each device that answered. */
  readonly finals: number[];
  /** The device whose 200 came last: the dialog that the caller is in. -1: none. */
  partner: number;
  acknowledged: boolean;
  hungUp: boolean;
  byeAnswered: boolean;
}

interface Real {
  readonly world: World;
  readonly caller: Handset;
  readonly devices: readonly Device[];
  /** Since the last look, what nobody had got before, and what came once more. */
  fresh: string[];
  repeated: string[];
}

type CallCommand = fc.Command<Model, Real>;

/** Lets it happen and compares what the telephones got. The caller's refusal may be one of several. */
function expectReceived(real: Real, expected: readonly string[], refusal?: ReadonlySet<number>): number {
  real.fresh = [];
  real.repeated = [];
  real.world.run(50);
  const received = [...real.fresh];
  let chosen = 0;
  if (refusal !== undefined) {
    const at = received.findIndex((line) => /^caller [3-6].. INVITE/.test(line));
    chosen = Number(/\d+/.exec(received[at] ?? '')?.[0] ?? 0);
    assert(refusal.has(chosen), `refused by ${chosen}, not one of ${[...refusal].join(' ')}`);
    received.splice(at, 1);
  }
  assert.deepEqual(received.toSorted(), [...expected].toSorted());
  return chosen;
}

const isAnswered = (model: Model): boolean => model.finals.includes(200);
const isRefused = (model: Model): boolean => model.finals.length > 0 && !isAnswered(model);

/** 9.1: what may be cancelled now is; the others when they have rung. */
function cancelOpen(model: Model): string[] {
  const sent: string[] = [];
  model.branches.forEach((branch, device) => {
    if (branch.final > 0) return;
    branch.cancelWanted = true;
    if (branch.rings && !branch.cancelSent) {
      branch.cancelSent = true;
      sent.push(`device${device} CANCEL`);
    }
  });
  return sent;
}

/**
 * 16.7 step 6: a 6xx, else the lowest class, of 4xx rather those that say what to change, but for a call that was taken
 * back the 487; 503 is not passed on.
 */
function bestOf(statuses: readonly number[], isTakenBack: boolean): ReadonlySet<number> {
  const global = statuses.filter((status) => status >= 600);
  if (global.length > 0) return new Set(global);
  const lowest = Math.min(...statuses.map((status) => Math.floor(status / 100)));
  const ofClass = statuses.filter((status) => Math.floor(status / 100) === lowest);
  if (isTakenBack && ofClass.includes(487)) return new Set([487]);
  const helpful = ofClass.filter((status) => [401, 407, 415, 420, 484].includes(status));
  return new Set((helpful.length > 0 ? helpful : ofClass).map((status) => (status === 503 ? 500 : status)));
}

const ring = (device: number, status: number): CallCommand =>
  command(
    `device${device} ${status}`,
    (model, real) => {
      const branch = model.branches[device]!;
      const expected = model.finals.length === 0 ? [`caller ${status} INVITE device${device}`] : [];
      branch.rings = true;
      if (branch.cancelWanted && !branch.cancelSent) {
        branch.cancelSent = true;
        expected.push(`device${device} CANCEL`);
      }
      const repeats = real.devices[device]!.rung.has(status);
      real.devices[device]!.rung.add(status);
      real.devices[device]!.answer(status, reasonPhrase(status), 'INVITE', plain);
      expectReceived(real, repeats ? expected.filter((line) => !line.startsWith('caller')) : expected);
    },
    (model) => model.branches[device]?.final === 0,
  );

const answer = (device: number): CallCommand =>
  command(
    `device${device} 200`,
    (model, real) => {
      model.branches[device]!.final = 200;
      model.finals.push(200);
      model.partner = device;
      model.acknowledged = false;
      real.devices[device]!.answer(200, 'OK', 'INVITE', plain);
      expectReceived(real, [`caller 200 INVITE device${device}`, ...cancelOpen(model)]);
    },
    (model) => model.branches[device]?.final === 0 && !model.hungUp,
  );

/** After its CANCEL a device refuses by 487 (9.2), or as it had decided before. */
const refuse = (device: number, status: number): CallCommand =>
  command(
    `device${device} refuses by ${status}`,
    (model, real) => {
      const branch = model.branches[device]!;
      branch.final = status;
      const expected = [`device${device} ACK`];
      if (status >= 600) expected.push(...cancelOpen(model));
      const isLast = model.branches.every(({ final }) => final > 0) && !isAnswered(model);
      real.devices[device]!.answer(status, reasonPhrase(status), 'INVITE', plain);
      const finals = model.branches.map(({ final }) => final);
      const refusal = isLast ? bestOf(finals, model.cancelled) : undefined;
      const chosen = expectReceived(real, expected, refusal);
      if (isLast) model.finals.push(chosen);
    },
    (model) => model.branches[device]?.final === 0 && (status !== 487 || model.branches[device].cancelSent),
  );

const confirmCancel = (device: number): CallCommand =>
  command(
    `device${device} 200 CANCEL`,
    (model, real) => {
      model.branches[device]!.cancelAnswered = true;
      real.devices[device]!.answer(200, 'OK', 'CANCEL', plain);
      expectReceived(real, []);
    },
    (model) => model.branches[device]?.cancelSent === true && !model.branches[device].cancelAnswered,
  );

const takeBack: CallCommand = command(
  'caller CANCEL',
  (model, real) => {
    model.cancelled = true;
    real.caller.inside('CANCEL', plain);
    expectReceived(real, ['caller 200 CANCEL', ...(model.finals.length === 0 ? cancelOpen(model) : [])]);
  },
  (model) => !model.cancelled && !isRefused(model),
);

const acknowledge: CallCommand = command(
  'caller ACK',
  (model, real) => {
    model.acknowledged = true;
    real.caller.inside('ACK', plain);
    expectReceived(real, isAnswered(model) ? [`device${model.partner} ACK`] : []);
  },
  (model) => model.finals.length > 0 && !model.hungUp,
);

const hangUp: CallCommand = command(
  'caller BYE',
  (model, real) => {
    model.hungUp = true;
    real.caller.inside('BYE', plain);
    expectReceived(real, [`device${model.partner} BYE`]);
  },
  (model) => model.acknowledged && model.partner >= 0 && !model.hungUp,
);

const confirmBye: CallCommand = command(
  'device 200 BYE',
  (model, real) => {
    model.byeAnswered = true;
    real.devices[model.partner]!.answer(200, 'OK', 'BYE', plain);
    expectReceived(real, [`caller 200 BYE device${model.partner}`]);
  },
  (model) => model.hungUp && !model.byeAnswered,
);

/** 17.2.1: as long as the caller has no 2xx and no ACK was seen, it gets the last response once more. */
const repeatInvite: CallCommand = command(
  'caller repeats its INVITE',
  (model, real) => {
    real.caller.repeat('INVITE');
    expectReceived(real, []);
    const again = real.repeated.filter((line) => line.startsWith('caller') && line.includes('INVITE'));
    if (isAnswered(model)) assert.deepEqual(again, []);
    else assert(again.length >= 1, 'no answer to a repeated INVITE');
  },
  (model) => !model.acknowledged,
);

const upheaval = (what: 'kill' | 'move'): CallCommand =>
  command(what === 'kill' ? 'node lost' : 'moved', (model, real) => {
    // A BYE over UDP is not stored: its sender repeats it, and this one says it anew.
    if (what === 'kill' && !model.byeAnswered) model.hungUp = false;
    real.world[what]();
    expectReceived(real, []);
  });

const plain = { headers: [], strict: false } as const;
const device = fc.nat(2);

const commands = fc.commands(
  [
    fc.tuple(device, fc.constantFrom(180, 183)).map(([at, status]) => ring(at, status)),
    device.map(answer),
    fc
      .tuple(device, fc.constantFrom(487, 487, 486, 404, 407, 302, 500, 503, 603))
      .map(([at, each]) => refuse(at, each)),
    device.map(confirmCancel),
    fc.constant(takeBack),
    fc.constant(acknowledge),
    fc.constant(hangUp),
    fc.constant(confirmBye),
    fc.constant(repeatInvite),
    fc.constantFrom('kill' as const, 'move' as const).map(upheaval),
  ],
  { maxCommands: 25, size: 'max' },
);

/** A telephone that remembers which provisional responses it has sent: the same one twice is not news to the caller. */
class Device extends Handset {
  readonly rung = new Set<number>();
}

function begin(count: number): { model: Model; real: Real } {
  const world = new World({ noAnswerMs: 120_000 });
  const caller = new Handset(world, 'alice', '10.0.0.2:5060');
  const devices = Array.from({ length: count }, (_, at) => new Device(world, `bob${at + 1}`, `10.0.1.${at + 1}:5060`));
  caller.register();
  for (const each of devices) each.register();
  world.run(1_000);
  const real: Real = { world, caller, devices, fresh: [], repeated: [] };
  const known = new Set<string>();
  const listen = (name: string, phone: Handset): void => {
    phone.onReceived = (message) => {
      const line = lineOf(name, message, devices);
      const id = `${line} ${message.status === 0 ? value(message, 'Via') : value(message, 'CSeq')}`;
      (known.has(id) ? real.repeated : real.fresh).push(line);
      known.add(id);
    };
  };
  listen('caller', caller);
  devices.forEach((each, at) => listen(`device${at}`, each));
  caller.start('INVITE', 'bob', plain);
  expectReceived(real, ['caller 100 INVITE', ...devices.map((_, at) => `device${at} INVITE`)]);
  const branches = devices.map(() => ({
    rings: false,
    final: 0,
    cancelWanted: false,
    cancelSent: false,
    cancelAnswered: false,
  }));
  const model: Model = {
    branches,
    cancelled: false,
    finals: [],
    partner: -1,
    acknowledged: false,
    hungUp: false,
    byeAnswered: false,
  };
  return { model, real };
}

function lineOf(name: string, message: Sip, devices: readonly Handset[]): string {
  if (message.status === 0) return `${name} ${message.method}`;
  const tag = tagOf(value(message, 'To'));
  const at = devices.findIndex((each) => each.name === tag);
  const who = at < 0 || message.status >= 300 ? '' : ` device${at}`;
  return `${name} ${message.status} ${message.method}${who}`;
}

export function model(): fc.IRawProperty<unknown> {
  return fc.property(fc.integer({ min: 1, max: 3 }), commands, (count, sequence) => {
    const start = begin(count);
    fc.modelRun(() => start, sequence);
    const { world } = start.real;
    start.real.fresh = [];
    // Whoever does not answer any more: the caller gets a final response all the same, and nothing is left over.
    world.run(400_000);
    const finals = start.real.fresh.filter((line) => /^caller [2-6].. INVITE/.test(line));
    assert.equal(finals.length, start.model.finals.length === 0 ? 1 : 0, finals.join());
    const left = world.entities().filter((each) => each.startsWith('call'));
    if (isAnswered(start.model))
      assert(
        left.every((each) => each.includes('contexts 0')),
        left.join(),
      );
    else assert.deepEqual(left, [], 'left over');
  });
}
