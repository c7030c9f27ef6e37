/** Calls of all kinds between the agents of agent.ts, and what must have become of them. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ha1 } from '../../../src/auth/digest.ts';
import { Agent } from './agent.ts';
import type { Leg, Manner } from './agent.ts';
import { read, register, tagOf, value } from './phone.ts';
import { World } from './world.ts';

export type Stream = 'udp' | 'tcp' | 'tcp-listening';

export interface Scene {
  readonly callers: number;
  readonly devices: readonly Partial<Manner>[];
  readonly cancelMs: number;
  readonly holdBy: 'nobody' | 'caller' | 'callee';
  readonly hangUpBy: 'caller' | 'callee';
  readonly authenticate: boolean;
  readonly callerStream: Stream;
  readonly calleeStream: Stream;
  /** Then they are found again when their connections are lost. */
  readonly callersRegister?: boolean;
}

const device = fc.record({
  answerMs: fc.integer({ min: 20, max: 4000 }),
  refuse: fc.constantFrom(0, 0, 0, 480, 486, 302, 500, 503, 603),
  reliable: fc.boolean(),
});

export function scenes(streams: readonly Stream[]): fc.Arbitrary<Scene> {
  return fc.record({
    callers: fc.integer({ min: 1, max: 2 }),
    devices: fc.array(device, { minLength: 1, maxLength: 3 }),
    cancelMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 4500 })),
    holdBy: fc.constantFrom('nobody', 'caller', 'callee'),
    hangUpBy: fc.constantFrom('caller', 'callee'),
    authenticate: fc.boolean(),
    callerStream: fc.constantFrom(...streams),
    calleeStream: fc.constantFrom(...streams),
  });
}

export interface Played {
  readonly world: World;
  readonly legs: readonly Leg[];
  readonly devices: readonly Agent[];
  readonly callers: readonly Agent[];
  readonly startedAtMs: number;
}

/** Phones are there and registered; the calls begin now. `play.world.run` lets them go on. */
export function begin(scene: Scene): Played {
  const world = new World({ authenticate: scene.authenticate });
  for (const user of ['alice', 'bob', 'carol']) {
    world.users.set(`sip:${user}@example.test`, {
      aor: `sip:${user}@example.test`,
      ha1Md5: ha1(user, 'example.test', 'secret', 'MD5'),
      ha1Sha256: ha1(user, 'example.test', 'secret', 'SHA-256'),
    });
  }
  const devices = scene.devices.map((manner, index) => {
    const agent = new Agent(
      world,
      'bob',
      `10.0.1.${index + 1}:5060`,
      {
        ...manner,
        holdMs: scene.holdBy === 'callee' ? 700 : 0,
        hangUpMs: scene.hangUpBy === 'callee' ? 3000 : 0,
      },
      scene.calleeStream,
    );
    return agent;
  });
  return { world, devices, ...start(world, scene, devices) };
}

function start(
  world: World,
  scene: Scene,
  devices: readonly Agent[],
): { legs: Leg[]; callers: Agent[]; startedAtMs: number } {
  for (const each of devices) register(each.phone, world, 3600, scene.authenticate ? 'secret' : '');
  world.run(2000);
  const callers = Array.from({ length: scene.callers }, (_, index) => {
    const user = index === 0 ? 'alice' : 'carol';
    const caller = new Agent(
      world,
      user,
      `10.0.0.${index + 2}:5060`,
      {
        cancelMs: scene.cancelMs,
        holdMs: scene.holdBy === 'caller' ? 700 : 0,
        hangUpMs: scene.hangUpBy === 'caller' ? 3000 : 0,
        password: 'secret',
      },
      scene.callerStream,
    );
    if (scene.callersRegister === true) register(caller.phone, world, 3600, scene.authenticate ? 'secret' : '');
    return caller;
  });
  if (scene.callersRegister === true) world.run(2000);
  const legs = callers.map((caller, index) => caller.call('bob', `call${index}`));
  return { legs, callers, startedAtMs: world.nowMs };
}

export function ladder(world: World): string {
  return world.wire
    .map(({ from, to, bytes }) => `${from} -> ${to} ${read(bytes).start} | ${value(read(bytes), 'CSeq')}`)
    .join('\n');
}

/** `mayMiss`: the answer to a BYE or CANCEL on a stream may be lost with the node in the instant between store and network. */
export function check({ world, legs, devices }: Played, mayMiss = false): void {
  const told = (what: string): string => `${what}\n${ladder(world)}`;
  for (const leg of legs) {
    assert.ok(leg.finals.length > 0, told('no final response'));
    const callees = devices.flatMap((each) => each.legs.filter((other) => other.callId === leg.callId));
    assert.ok([0, 200].includes(leg.cancelStatus), told(`CANCEL ${leg.cancelStatus}`));
    assert.ok([0, 200].includes(leg.prackStatus), told(`PRACK ${leg.prackStatus}`));
    for (const each of [leg, ...callees])
      assert.ok([0, 200].includes(each.holdStatus), told(`re-INVITE ${each.holdStatus}`));
    const answered = leg.finals[0] !== undefined && leg.finals[0] < 300;
    if (!answered) {
      const possible = new Set([487, ...devices.map((each) => upstream(each.manner.refuse))]);
      assert.ok(possible.has(leg.finals[0] ?? 0), told(`ended with ${leg.finals[0]}`));
      assert.ok(
        leg.finals[0] !== 487 || leg.cancelStatus === 200 || mayMiss,
        told('487 of a call that nobody took back'),
      );
      assert.equal(leg.finals.length, 1, told(`several refusals ${leg.finals.join()}`));
      assert.ok(!callees.some((each) => each.log.includes('BYE')), told('BYE of a call that never stood'));
      continue;
    }
    assert.ok(
      leg.finals.every((status) => status === 200),
      told(`answered and refused ${leg.finals.join()}`),
    );
    assert.ok(leg.ended, told('the caller hangs in the air'));
    const over = callees.filter((each) => each.ended);
    assert.equal(over.length, callees.length, told('a callee hangs in the air'));
    const byes = [leg, ...callees].map((each) => each.byeStatus).filter((status) => status !== 0);
    assert.ok((mayMiss || byes.length > 0) && byes.every((status) => status === 200), told(`BYE ${byes.join()}`));
  }
  for (const [request, branches] of branchesSeen(world))
    assert.equal(branches.size, 1, told(`asked twice: ${request}`));
  for (const [request, statuses] of finalsSeen(world))
    assert.ok(statuses.size === 1, told(`${request} ended with ${[...statuses].join()}`));
}

/** 16.7 step 6: a 503 goes no further. */
function upstream(status: number): number {
  return status === 503 ? 500 : status;
}

function branchesSeen(world: World): Map<string, Set<string>> {
  const seen = new Map<string, Set<string>>();
  for (const { from, to, bytes } of world.wire) {
    const sip = read(bytes);
    if (from !== '10.0.0.1:5060' || sip.method !== 'INVITE' || sip.status !== 0) continue;
    add(
      seen,
      `${to} ${value(sip, 'Call-ID')} ${value(sip, 'CSeq')} ${tagOf(value(sip, 'From'))}`,
      branchOf(value(sip, 'Via')),
    );
  }
  return seen;
}

function finalsSeen(world: World): Map<string, Set<string>> {
  const seen = new Map<string, Set<string>>();
  for (const { from, to, bytes } of world.wire) {
    const sip = read(bytes);
    if (from !== '10.0.0.1:5060' || sip.status < 200) continue;
    add(seen, `${to} ${sip.method} ${branchOf(value(sip, 'Via'))}`, String(sip.status));
  }
  return seen;
}

function add(map: Map<string, Set<string>>, key: string, item: string): void {
  map.set(key, (map.get(key) ?? new Set()).add(item));
}

function branchOf(via: string): string {
  return /branch=([^;]+)/.exec(via)?.[1] ?? '';
}

export function nothingLeft(world: World): void {
  world.run(150_000);
  assert.deepEqual(
    world.entities().filter((each) => each.startsWith('call')),
    [],
    ladder(world),
  );
}
