/**
 * Any call, whatever its parties do and however often its node is lost or its partition moves, comes to the end it would
 * have come to: answered calls end with a BYE that is answered 200, all others with one final status; nobody is asked
 * twice; nothing is left over.
 * Seen failing with: early dialogs of the losing fork kept (a call is left over); the refusal of one fork not saved (the
 * caller waits for ever); repeatOnStreams left out (a call on TCP never gets its answer).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ha1 } from '../../../src/auth/digest.ts';
import { Agent } from './agent.ts';
import type { Leg, Manner } from './agent.ts';
import { read, register, tagOf, value } from './phone.ts';
import { World } from './world.ts';

type Stream = 'udp' | 'tcp' | 'tcp-listening';

interface Scene {
  readonly callers: number;
  readonly devices: readonly Partial<Manner>[];
  readonly cancelMs: number;
  readonly holdBy: 'nobody' | 'caller' | 'callee';
  readonly hangUpBy: 'caller' | 'callee';
  readonly authenticate: boolean;
  readonly callerStream: Stream;
  readonly calleeStream: Stream;
}

const device = fc.record({
  answerMs: fc.integer({ min: 20, max: 4000 }),
  refuse: fc.constantFrom(0, 0, 0, 480, 486, 302, 500, 503, 603),
  reliable: fc.boolean(),
});

function scenes(streams: readonly Stream[]): fc.Arbitrary<Scene> {
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

interface Played {
  readonly world: World;
  readonly legs: readonly Leg[];
  readonly devices: readonly Agent[];
  readonly startedAtMs: number;
}

/** Phones are there and registered; the calls begin now. `play.world.run` lets them go on. */
function begin(scene: Scene): Played {
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

function start(world: World, scene: Scene, devices: readonly Agent[]): { legs: Leg[]; startedAtMs: number } {
  for (const each of devices) register(each.phone, world, 3600, scene.authenticate ? 'secret' : '');
  world.run(2000);
  const legs = Array.from({ length: scene.callers }, (_, index) => {
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
    return caller.call('bob', `call${index}`);
  });
  return { legs, startedAtMs: world.nowMs };
}

function ladder(world: World): string {
  return world.wire
    .map(({ from, to, bytes }) => `${from} -> ${to} ${read(bytes).start} | ${value(read(bytes), 'CSeq')}`)
    .join('\n');
}

/** `mayMiss`: the answer to a BYE or CANCEL on a stream may be lost with the node in the instant between store and network. */
function check({ world, legs, devices }: Played, mayMiss = false): void {
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

function nothingLeft(world: World): void {
  world.run(150_000);
  assert.deepEqual(
    world.entities().filter((each) => each.startsWith('call')),
    [],
    ladder(world),
  );
}

const moments = fc.array(fc.integer({ min: 0, max: 9000 }), { maxLength: 4 });

describe('a call', () => {
  it('comes to its end and leaves nothing behind', () => {
    fc.assert(
      fc.property(scenes(['udp', 'tcp', 'tcp-listening']), (scene) => {
        const played = begin(scene);
        played.world.run(60_000);
        check(played);
        nothingLeft(played.world);
      }),
      { numRuns: 150 },
    );
  });

  it('does so when its node is lost and its partition moved at any moments', () => {
    fc.assert(
      fc.property(scenes(['udp']), moments, moments, (scene, kills, moves) => {
        const played = begin(scene);
        for (const atMs of kills) played.world.after(atMs, () => played.world.kill());
        for (const atMs of moves) played.world.after(atMs, () => played.world.move());
        played.world.run(120_000);
        check(played);
        nothingLeft(played.world);
      }),
      { numRuns: 150 },
    );
  });

  it('does so when the node is lost at any save, before the store has it or before its packets have left', () => {
    fc.assert(
      fc.property(
        scenes(['udp']),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 14 }), fc.constantFrom('before' as const, 'after' as const)), {
          minLength: 1,
          maxLength: 3,
        }),
        (scene, losses) => {
          const played = begin(scene);
          const first = played.world.saves;
          played.world.loseNodeAt = (save) => losses.find(([at]) => first + at === save)?.[1];
          played.world.run(120_000);
          check(played);
          nothingLeft(played.world);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('does so when packets are lost besides', () => {
    fc.assert(
      fc.property(scenes(['udp']), moments, fc.integer({ min: 1, max: 1_000_000 }), (scene, kills, seed) => {
        const played = begin(scene);
        let state = seed;
        played.world.lose = () => ((state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) >> 8) % 100 < 5;
        for (const atMs of kills) played.world.after(atMs, () => played.world.kill());
        played.world.run(120_000);
        check(played);
        nothingLeft(played.world);
      }),
      { numRuns: 100 },
    );
  });

  it('on streams does so when the node is lost once the call was heard of', () => {
    fc.assert(
      fc.property(
        scenes(['tcp', 'tcp-listening']),
        fc.array(fc.integer({ min: 60, max: 9000 }), { maxLength: 4 }),
        (scene, kills) => {
          const played = begin(scene);
          for (const atMs of kills) played.world.after(atMs, () => played.world.kill());
          played.world.run(120_000);
          check(played);
          nothingLeft(played.world);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('on streams does so when packets that the store knows of are lost with the node', () => {
    fc.assert(
      fc.property(
        scenes(['tcp', 'tcp-listening']),
        fc.array(fc.integer({ min: 0, max: 14 }), { minLength: 1, maxLength: 3 }),
        (scene, losses) => {
          const played = begin({ ...scene, callers: 1 });
          const first = played.world.saves;
          played.world.loseNodeAt = (save) => (losses.includes(save - first) ? 'after' : undefined);
          played.world.run(120_000);
          check(played, true);
          nothingLeft(played.world);
        },
      ),
      { numRuns: 150 },
    );
  });
});
