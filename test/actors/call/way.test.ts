/**
 * Phones whose connections are lost in the middle of calls, and that come back by other ones: every call comes to the end it
 * would have come to. Their Contact stays what it was; the server is told of the loss or not.
 * Seen failing with: `turnTo` without the dialogs (a BYE never comes); `former` empty (nothing is found); `mayWait` false for
 * CANCEL; `doubtWayBack` left out (a caller never hears the 200); timer W never armed (a BYE is lost with the connection);
 * `isBygone` always false (the late news of a connection that was left ends the call that went on by another).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Agent } from './agent.ts';
import { begin, check, ladder, nothingLeft, scenes } from './scenes.ts';
import type { Played } from './scenes.ts';

interface Loss {
  readonly who: number;
  readonly atMs: number;
  readonly gapMs: number;
  readonly isSilent: boolean;
  readonly newsMs: number;
}

const losses = fc.array(
  fc.record({
    who: fc.nat(4),
    // The INVITE has been heard of: before that a phone that is not there is a phone that does not ring.
    atMs: fc.integer({ min: 60, max: 9_000 }),
    gapMs: fc.integer({ min: 0, max: 4_000 }),
    isSilent: fc.boolean(),
    newsMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 6_000 })),
  }),
  { minLength: 1, maxLength: 4 },
);

const kills = fc.array(fc.integer({ min: 60, max: 9_000 }), { maxLength: 2 });

function lose(played: Played, { who, atMs, gapMs, isSilent, newsMs }: Loss, port: number, password: string): void {
  const agents: readonly Agent[] = [...played.callers, ...played.devices];
  const agent = agents[who % agents.length];
  if (agent === undefined) return;
  const { phone } = agent;
  const address = phone.at.slice(0, phone.at.indexOf(':'));
  played.world.after(atMs, () => phone.reconnect(`${address}:${port}`, gapMs, isSilent, password, newsMs));
}

/** One caller over UDP, and bob over a connection, who have had one call. */
function afterOneCall(answerMs: number): Pick<Played, 'world'> & Readonly<Record<'caller' | 'bob', Agent>> {
  const played = begin({
    callers: 1,
    devices: [{ answerMs }],
    cancelMs: 0,
    holdBy: 'nobody',
    hangUpBy: 'caller',
    authenticate: false,
    callerStream: 'udp',
    calleeStream: 'tcp',
  });
  played.world.run(20_000);
  check(played);
  const [caller] = played.callers;
  const [bob] = played.devices;
  assert.ok(caller !== undefined && bob !== undefined);
  return { world: played.world, caller, bob };
}

describe('a phone that comes back by another connection', () => {
  for (const [name, outages] of [
    ['finds its calls again', fc.constant<number[]>([])],
    ['does so when the node is lost besides', kills],
  ] as const)
    it(name, () => {
      fc.assert(
        fc.property(scenes(['tcp']), losses, outages, (scene, lost, killed) => {
          const played = begin({ ...scene, callersRegister: true });
          for (const [index, each] of lost.entries())
            lose(played, each, 40_000 + index, scene.authenticate ? 'secret' : '');
          for (const atMs of killed) played.world.after(atMs, () => played.world.kill());
          played.world.run(120_000);
          // A phone has forgotten its BYE or CANCEL with its connection, and what answered it is not said again.
          check(played, true);
          nothingLeft(played.world);
        }),
        { numRuns: 150 },
      );
    });

  it('is not waited for by who calls it anew', () => {
    const { world, caller, bob } = afterOneCall(500);
    world.cut(bob.phone.at);
    const again = caller.call('bob', 'again');
    world.run(1_000);
    assert.deepEqual(again.finals, [500], ladder(world));
  });

  for (const newsMs of [2_002, 2_003, 2_004, 2_005, 2_006, 2_007, 4_000])
    it(`rings on, though what the one before did not send comes back after ${newsMs} ms`, () => {
      const { world, caller, bob } = afterOneCall(3_000);
      const address = bob.phone.at.slice(0, bob.phone.at.indexOf(':'));
      bob.phone.reconnect(`${address}:40000`, 1_000, true, '', newsMs);
      const again = caller.call('bob', 'again');
      world.run(60_000);
      assert.deepEqual(again.finals, [200], ladder(world));
    });
});
