/** The links of the model world: in order each way, cut and healed, gone with their process. */
import type { ControlInput, PeerFrame } from '../../cluster/control-types.ts';
import type { Agenda } from './agenda.ts';

export interface LinkEnd {
  readonly id: string;
  readonly incarnation: number;
  alive: boolean;
  pausedUntilMs: number;
}

interface Link<E extends LinkEnd> {
  readonly ends: readonly [E, E];
  up: boolean;
  cutSinceMs: number | undefined;
  readonly lastArrivalMs: [number, number];
}

export class Links<E extends LinkEnd> {
  readonly #agenda: Agenda;
  readonly #step: (end: E, input: ControlInput) => void;
  readonly #delayMs: () => number;
  readonly #links = new Map<string, Link<E>>();
  readonly #cuts = new Set<string>();

  constructor(agenda: Agenda, step: (end: E, input: ControlInput) => void, delayMs: () => number) {
    this.#agenda = agenda;
    this.#step = step;
    this.#delayMs = delayMs;
  }

  cut(a: string, b: string): void {
    this.#cuts.add(nameOf(a, b));
    const link = this.#links.get(nameOf(a, b));
    if (link?.up === true) this.#break(link, this.#agenda.between(500, 5_000));
  }

  heal(a: string, b: string): void {
    this.#cuts.delete(nameOf(a, b));
    const link = this.#links.get(nameOf(a, b));
    // Healed before anybody gave up: what was under way is lost, the link goes on.
    if (link?.up === true && link.ends.every((end) => end.alive)) link.cutSinceMs = undefined;
  }

  healAll(): void {
    for (const pair of this.#cuts) this.heal(...(pair.split(' ') as [string, string]));
  }

  connect(from: E, find: () => E | undefined): void {
    const agenda = this.#agenda;
    agenda.at(agenda.between(0.5, 5), () => {
      const to = find();
      if (!from.alive || to === undefined || !to.alive || this.#cuts.has(nameOf(from.id, to.id))) return;
      // A stopped process accepts (the kernel does) but shakes no hands.
      if (agenda.nowMs < from.pausedUntilMs || agenda.nowMs < to.pausedUntilMs) return;
      const known = this.#links.get(nameOf(from.id, to.id));
      if (known?.up === true && known.ends.includes(from) && known.ends.includes(to)) return;
      this.#links.set(nameOf(from.id, to.id), {
        ends: [from, to],
        up: true,
        cutSinceMs: undefined,
        lastArrivalMs: [0, 0],
      });
      this.#step(from, { type: 'peer-up', peer: to.id, incarnation: to.incarnation });
      this.#step(to, { type: 'peer-up', peer: from.id, incarnation: from.incarnation });
    });
  }

  /** The process is gone; the peers notice after this time. */
  drop(end: E, afterMs: number): void {
    for (const link of this.#links.values()) if (link.up && link.ends.includes(end)) this.#break(link, afterMs);
  }

  send(from: E, peer: string, incarnation: number, frame: PeerFrame): void {
    const link = this.#links.get(nameOf(from.id, peer));
    if (link === undefined || !link.up || link.cutSinceMs !== undefined) return;
    const to = link.ends.find((end) => end.id === peer)!;
    if (to.incarnation !== incarnation || !link.ends.includes(from)) return;
    const way = link.ends[0] === from ? 0 : 1;
    const arrivalMs = Math.max(this.#agenda.nowMs + this.#delayMs(), link.lastArrivalMs[way]);
    link.lastArrivalMs[way] = arrivalMs;
    this.#agenda.at(arrivalMs - this.#agenda.nowMs, () => {
      if (!link.up || link.cutSinceMs !== undefined) return;
      this.#step(to, { type: 'peer-frame', peer: from.id, incarnation: from.incarnation, frame });
    });
  }

  #break(link: Link<E>, afterMs: number): void {
    if (link.cutSinceMs !== undefined) return;
    const sinceMs = this.#agenda.nowMs;
    link.cutSinceMs = sinceMs;
    this.#agenda.at(afterMs, () => {
      if (link.cutSinceMs !== sinceMs) return;
      link.up = false;
      const [a, b] = link.ends;
      this.#step(a, { type: 'peer-down', peer: b.id, incarnation: b.incarnation });
      this.#step(b, { type: 'peer-down', peer: a.id, incarnation: a.incarnation });
    });
  }
}

function nameOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
