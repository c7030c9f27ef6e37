/** Random schedules of faults for the model of control, one per seed: chaos, then healing, then what must hold. */
import type { Control } from '../../cluster/control.ts';
import type { ControlOptions } from '../../cluster/control-types.ts';
import type { Preferences } from '../../cluster/ring.ts';
import type { Profile } from '../../src/limits.ts';
import { World } from './control-world.ts';

const chaosMs = 14_000;
const quietMs = 14_000;

/** Runs one schedule; throws with the trace of the world when an invariant breaks. */
export function runSchedule(
  seed: number,
  preferences: Preferences,
  control: (options: ControlOptions) => Control,
  profile?: Profile,
): World {
  const world = new World({ seed, preferences, control, profile });
  try {
    if (seed % 2 === 0) chaos(world);
    else islands(world);
    world.run(chaosMs);
    heal(world);
    world.run(chaosMs + quietMs);
    world.checkSettled();
  } catch (error) {
    const trace = world.trace.slice(-60).join('\n');
    const states = [...world.processes.values()].map(
      (process) => `${process.alive ? '' : 'dead '}${process.control.describe()}`,
    );
    throw new Error(
      `seed ${seed} at ${world.nowMs.toFixed(1)} ms: ${(error as Error).message}\n${trace}\n${states.join('\n')}`,
      { cause: error },
    );
  }
  return world;
}

function chaos(world: World): void {
  const ids = ['a', 'b', 'c', 'd', 'e'].slice(0, 1 + Math.floor(world.random() * 5));
  const together = world.random() < 0.5;
  for (const id of ids) world.at(together ? world.between(0, 30) : world.between(0, 5_000), () => world.start(id));
  world.slow = world.random() < 0.4 ? world.random() * 0.05 : 0;
  const any = (): string => ids[Math.floor(world.random() * ids.length)]!;
  // Which faults, and how often, is drawn too: most schedules have few kinds, some have all.
  const faults: (() => void)[] = [
    () => {
      const process = world.processes.get(any());
      if (process === undefined) return;
      world.kill(process, { release: world.random() < 0.5, machine: world.random() < 0.3 });
      if (world.random() < 0.7) world.at(world.between(50, 3_000), () => world.restart(process.id));
    },
    () => {
      const process = world.processes.get(any());
      if (process !== undefined)
        world.pause(process, world.random() < 0.5 ? world.between(200, 2_500) : world.between(2_000, 12_000));
    },
    () => {
      const [a, b] = [any(), any()];
      if (a === b) return;
      world.say(`cut ${a} ${b}`);
      world.links.cut(a, b);
      world.at(world.between(300, 8_000), () => world.links.heal(a, b));
    },
    () => {
      world.say('store down');
      world.storeUp = false;
      world.at(world.between(50, 6_000), () => (world.storeUp = true));
    },
    () => {
      const id = any();
      world.say(`store cut from ${id}`);
      world.storeCutFrom.add(id);
      world.at(world.between(300, 8_000), () => world.storeCutFrom.delete(id));
    },
    () => {
      // All links of one node at once, with or without its store.
      const id = any();
      const store = world.random() < 0.6;
      world.say(`isolate ${id}${store ? ' and its store' : ''}`);
      for (const other of ids) if (other !== id) world.links.cut(id, other);
      if (store) world.storeCutFrom.add(id);
      world.at(world.between(1_000, 9_000), () => {
        for (const other of ids) if (other !== id) world.links.heal(id, other);
        world.storeCutFrom.delete(id);
      });
    },
    () => {
      const process = world.processes.get(any());
      if (process !== undefined) world.killWorker(process, world.random() < 0.5 ? 0 : 1);
    },
    () => {
      const process = world.processes.get(any());
      if (process === undefined || !process.alive) return;
      world.say(`drain ${process.id}`);
      world.step(process, { type: 'drain' });
    },
  ];
  const chosen = faults.filter(() => world.random() < 0.5);
  const times = Math.floor(world.random() * 14);
  for (let i = 0; i < times && chosen.length > 0; i++) {
    world.at(world.between(200, chaosMs - 500), () => chosen[Math.floor(world.random() * chosen.length)]!());
  }
}

/** The network falls into islands again and again, some with the store and some without: hard on leases and votes. */
function islands(world: World): void {
  const ids = ['a', 'b', 'c', 'd', 'e'].slice(0, 2 + Math.floor(world.random() * 4));
  for (const id of ids) world.at(world.between(0, 30), () => world.start(id));
  world.slow = world.random() * 0.1;
  const pauses = world.random() < 0.3;
  const quick = world.random() < 0.5;
  const change = (): void => {
    if (world.nowMs > chaosMs - 500) return;
    const whole = world.random() < 0.3;
    const island = new Map(ids.map((id) => [id, world.random() < 0.5]));
    const storeless = new Set(ids.filter((id) => !whole && world.random() < (island.get(id) === true ? 0.7 : 0.15)));
    world.say(
      `islands ${whole ? 'none' : ids.map((id) => `${id}${island.get(id) === true ? 1 : 2}${storeless.has(id) ? '-' : ''}`).join(' ')}`,
    );
    for (const a of ids) {
      for (const b of ids) {
        if (a >= b) continue;
        if (whole || island.get(a) === island.get(b)) world.links.heal(a, b);
        else world.links.cut(a, b);
      }
      if (storeless.has(a)) world.storeCutFrom.add(a);
      else world.storeCutFrom.delete(a);
    }
    if (pauses && world.random() < 0.3) {
      const process = world.processes.get(ids[Math.floor(world.random() * ids.length)]!);
      if (process !== undefined) world.pause(process, world.between(500, 5_000));
    }
    world.at(whole ? world.between(20, 1_500) : quick ? world.between(20, 1_000) : world.between(500, 6_000), change);
  };
  world.at(world.between(1_500, 4_000), change);
}

/** Faults end; whoever died comes back, unless it had left. */
function heal(world: World): void {
  world.say('heal');
  world.healAll();
  for (const process of world.processes.values()) {
    if (!process.alive && world.exited.get(process.id) !== 0) world.restart(process.id);
  }
}
