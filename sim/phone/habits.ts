/**
 * What is particular about one device: how it is connected and what it speaks. Drawn apart from everything else, so that
 * the calls of a seed stay what they were.
 */
import type { Chance, Stream } from '../random.ts';
import type { LinePlan } from './line.ts';

export interface Habits {
  readonly phone: string;
  /** Undefined: it speaks UDP. */
  readonly line: LinePlan | undefined;
  /** Writes the names of headers in their compact form (RFC 3261 7.3.3). */
  readonly isCompact: boolean;
  /** Early media: 183 where others say 180. */
  readonly isEarly: boolean;
  /** Its first ACK in each call is never sent: the 2xx comes again. */
  readonly forgetsAck: boolean;
  /** Says 100 before it rings, with its tag in it (RFC 3261 8.2.6.1). */
  readonly saysTrying?: boolean;
  /** Behind a NAT: its Via names another port than its packets come from. */
  readonly viaPort?: number;
}

export const plainHabits: Omit<Habits, 'phone'> = {
  line: undefined,
  isCompact: false,
  isEarly: false,
  forgetsAck: false,
};

export interface LineFault {
  readonly atMs: number;
  readonly phone: string;
  /** A reset for both ends, or silence that nobody is told of. */
  readonly kind: 'reset' | 'silent';
}

/** Only of devices that are not plain. */
export function drawHabits(chance: Chance, devices: readonly number[]): Habits[] {
  const lines = chance.stream('lines');
  const share = lines.pick([0, 0.3, 0.3, 0.7]);
  const habits = chance.stream('habits');
  const newer = chance.stream('newer habits');
  return devices.flatMap((count, user) =>
    Array.from({ length: count }, (_, device): Habits => {
      return {
        phone: `u${user}-${device}`,
        line: lines.chance(share) ? drawLine(lines) : undefined,
        isCompact: habits.chance(0.2),
        isEarly: habits.chance(0.2),
        forgetsAck: habits.chance(0.1),
        ...(newer.chance(0.15) && { saysTrying: true }),
        ...(newer.chance(0.1) && { viaPort: 40_000 }),
      };
    }).filter(
      ({ line, isCompact, isEarly, forgetsAck, saysTrying, viaPort }) =>
        line !== undefined || isCompact || isEarly || forgetsAck || saysTrying === true || viaPort !== undefined,
    ),
  );
}

export function drawLineFaults(chance: Chance, habits: readonly Habits[], fromMs: number, toMs: number): LineFault[] {
  const random = chance.stream('line faults');
  const perLine = random.pick([0, 0.3, 1]);
  const faults = habits.flatMap(({ phone, line }): LineFault[] =>
    line !== undefined && random.chance(perLine)
      ? [{ atMs: random.between(fromMs, toMs), phone, kind: random.pick(['reset', 'silent']) }]
      : [],
  );
  return faults.sort((a, b) => a.atMs - b.atMs);
}

function drawLine(random: Stream): LinePlan {
  const readsWithinMs = random.pick([0, 0, 5, 300]);
  return {
    grain: random.pick(['whole', 'pieces', 'octets']),
    readsWithinMs,
    // Both at once would make each message take seconds.
    windowBytes: readsWithinMs > 100 ? 65_536 : random.pick([65_536, 65_536, 400]),
    listens: random.chance(0.3),
    outbound: random.chance(0.7),
    pingEveryMs: random.pick([3_000, 8_000]),
  };
}
