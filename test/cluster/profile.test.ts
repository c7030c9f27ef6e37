/**
 * The two profiles in the world of the controls: how long a lost machine is missed, and that a cluster has one of them.
 * Seen failing with: the profile not put into the table; candidates of another profile taken along into an empty store; the
 * table before asked though all its members are dead; the lease kept by who is refused.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Control } from '../../cluster/control.ts';
import type { ControlOptions } from '../../cluster/control-types.ts';
import { Preferences } from '../../cluster/ring.ts';
import type { Profile } from '../../src/limits.ts';
import { World } from './control-world.ts';

const preferences = new Preferences(12);
const control = (options: ControlOptions): Control => new Control(options);

function world(seed: number, profile: Profile | undefined, ...ids: readonly string[]): World {
  const made = new World({ seed, preferences, control, profile });
  for (const id of ids) made.start(id);
  made.run(3_000);
  return made;
}

/** From the loss of a machine until everything is served again. */
function missedMs(seed: number, profile: Profile | undefined): number {
  const three = world(seed, profile, 'a', 'b', 'c');
  three.checkSettled();
  three.run(three.nowMs + seed * 37);
  three.kill(three.processes.get('b')!, { release: false, machine: true });
  const fromMs = three.nowMs;
  while (three.unserved().length > 0) three.run(three.nowMs + 5);
  return three.nowMs - fromMs;
}

test('the loss of a machine is over in a second and a half with the fast profile, and takes longer with the other', () => {
  for (let seed = 1; seed <= 12; seed++) {
    const fast = missedMs(seed, 'fast');
    assert.ok(fast > 600 && fast < 1_500, `seed ${seed}: ${fast} ms`);
    const slow = missedMs(seed, undefined);
    assert.ok(slow > 2_200 && slow < 4_500, `seed ${seed}: ${slow} ms`);
  }
});

for (const [theirs, ours] of [
  ['fast', undefined],
  [undefined, 'fast'],
] as const)
  test(`a node with ${ours ?? 'default'} is refused by a cluster with ${theirs ?? 'default'}`, () => {
    const two = world(20, theirs, 'a', 'b');
    two.restartAfterExit = false;
    const stranger = two.start('c', ours ?? 'default');
    two.run(two.nowMs + 3_000);
    assert.equal(stranger.alive, false);
    assert.equal(two.exited.get('c'), 78);
    assert.ok(two.trace.some((line) => line.includes(`cluster.profile of this node is ${ours ?? 'default'}`)));
    assert.deepEqual(
      two.processes.get('a')!.control.table!.members.map(({ id }) => id),
      ['a', 'b'],
    );
    assert.equal(two.store.members().find(({ id }) => id === 'c')?.status, 'dead');
    two.checkSettled();
  });

test('of nodes with different profiles in front of an empty store one kind stays', () => {
  for (let seed = 30; seed < 50; seed++) {
    const mixed = new World({ seed, preferences, control });
    mixed.restartAfterExit = false;
    for (const [id, profile] of [
      ['a', 'fast'],
      ['b', 'default'],
      ['c', 'fast'],
      ['d', 'default'],
    ] as const)
      mixed.start(id, profile);
    mixed.run(6_000);
    const living = [...mixed.processes.values()].filter(({ alive }) => alive).map(({ id }) => id);
    assert.ok(['a c', 'b d'].includes(living.join(' ')), `seed ${seed}: ${living.join(' ')}`);
    assert.deepEqual(mixed.unserved(), []);
  }
});

test('a cluster that was stopped starts with another profile', () => {
  const two = world(60, undefined, 'a', 'b');
  for (const process of two.processes.values()) two.step(process, { type: 'drain' });
  two.run(two.nowMs + 4_000);
  assert.deepEqual([...two.exited.values()], [0, 0]);
  for (const id of ['a', 'b']) two.start(id, 'fast');
  two.run(two.nowMs + 4_000);
  two.checkSettled();
  assert.equal(two.processes.get('a')!.control.table!.profile, 'fast');
});
