/** The store of a seed and what befalls it, drawn from streams of their own so that the rest of the world stays as it is. */
import type { Fault, FaultKind, StorePlan } from '../options.ts';
import type { Stream } from '../random.ts';

/** @param kinds those that were asked for; some need a Redis */
export function drawStore(random: Stream, kinds: readonly FaultKind[]): StorePlan {
  const needsRedis = kinds.includes('redis-failover') || kinds.includes('store-wiped');
  const isRedis = random.chance(0.5) || needsRedis;
  return {
    kind: isRedis ? 'redis' : 'sqlite',
    replicas: random.pick([0, 1, 1, 2]),
    lagMs: random.pick<[number, number]>([
      [0.2, 2],
      [0.2, 2],
      [2, 60],
    ]),
    forceMs: random.pick<[number, number]>([
      [0.2, 0.5],
      [1, 4],
      [5, 60],
    ]),
  };
}

export function drawStoreKinds(random: Stream, store: StorePlan): FaultKind[] {
  const isRedis = store.kind === 'redis';
  const kinds: readonly [FaultKind, number][] = [
    ['redis-failover', isRedis ? 0.35 : 0],
    ['store-wiped', isRedis ? 0.08 : 0],
    ['store-eio', 0.12],
    ['store-hung', 0.2],
  ];
  return kinds.filter(([, chance]) => random.chance(chance)).map(([kind]) => kind);
}

/** @param fromMs faults begin then and last for `faultMs` */
export function drawStoreFaults(
  random: Stream,
  kinds: readonly FaultKind[],
  nodes: readonly string[],
  fromMs: number,
  faultMs: number,
): Fault[] {
  return kinds.flatMap((kind) =>
    Array.from({ length: kind === 'store-wiped' ? 1 : random.int(1, 2) }, (): Fault => {
      return {
        atMs: fromMs + random.between(500, faultMs - 500),
        kind,
        node: random.pick(nodes),
        other: nodes[0]!,
        forMs: random.pick([30, 400, 1_500, 4_000]),
        // A master whose machine lives: its port is closed at once.
        released: random.chance(0.5),
        worker: 0,
        weather: undefined,
        onWrite: random.chance(0.3),
        tailMs: kind === 'redis-failover' ? random.pick([0, 20, 100, 500]) : 0,
      };
    }),
  );
}
