/**
 * Invariant 15: an actor is woken by the timers that it has, when their time has come, and by no other: not by one that it
 * took back, nor at a time that it has changed. Of some actors (one in `oneIn`, by their name).
 * Seen failing with the mutants: 'a cleared timer fires', 'a timer that is armed anew keeps its old time'.
 */
import { hash32 } from '../../cluster/hash.ts';
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';

const oneIn = 24;
/** The store sets clocks right now and then. */
const slackMs = 500;

export function armed(world: World): Observer {
  const isEvery = world.options.looksAtAll === true;
  /** By the state of an actor, which is another one when it is taken over or wakes up: its timers, Infinity: taken back. */
  const timers = new WeakMap<object, Map<string, number>>();
  return {
    handling({ kind, key, state, input, nowMs }) {
      if (!isEvery && hash32(key) % oneIn !== 0) return undefined;
      let own = timers.get(state as object);
      if (own === undefined) timers.set(state as object, (own = new Map()));
      if (input.type === 'timer') {
        const atMs = own.get(input.name);
        own.delete(input.name);
        if (atMs === Infinity)
          world.fail('armed', 15, `${kind} ${key}: timer ${input.name} fires, and was taken back`, key);
        if (atMs !== undefined && nowMs < atMs - slackMs)
          world.fail(
            'armed',
            15,
            `${kind} ${key}: timer ${input.name} fires ${(atMs - nowMs).toFixed(0)} ms early`,
            key,
          );
      }
      const known = own;
      return (lines) => {
        for (const line of lines) {
          if (line.startsWith('no timer ')) known.set(line.slice(9), Infinity);
          else if (line.startsWith('timer ')) {
            const end = line.lastIndexOf(' at ');
            known.set(line.slice(6, end), Number(line.slice(end + 4)));
          }
        }
      };
    },
  };
}
