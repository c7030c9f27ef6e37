/**
 * Pending events for the scheduler of fast-check: each is a task of its own, those of one channel run in the order in which
 * they were asked for, and fast-check draws, shrinks and replays everything else.
 */
import type fc from 'fast-check';

export class Order {
  readonly #scheduler: fc.Scheduler;
  readonly #channels = new Map<string, (() => void)[]>();
  readonly #failures: unknown[] = [];
  #events = 0;

  constructor(scheduler: fc.Scheduler) {
    this.#scheduler = scheduler;
  }

  /** One day, and in any order with everything else. */
  later(label: string, run: () => void): void {
    void this.#scheduler.schedule(Promise.resolve(), label).then(() => this.#run(run));
  }

  /** One day, but after what was asked for on this channel before. */
  inTurn(channel: string, run: () => void): void {
    const queue = this.#channels.get(channel) ?? [];
    this.#channels.set(channel, queue);
    queue.push(run);
    this.later(channel, () => queue.shift()?.());
  }

  /** Until nothing is pending. Throws what the first broken event threw. */
  async run(): Promise<void> {
    await this.#scheduler.waitIdle();
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  /** The same where production also waits for turns of the real loop: one of them between each two events. */
  async runWithLoop(): Promise<void> {
    for (let quiet = 0; quiet < 3;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#scheduler.count() === 0) quiet++;
      else {
        quiet = 0;
        await this.#scheduler.waitNext(1);
      }
      if (this.#failures.length > 0) throw this.#failures[0];
    }
  }

  #run(run: () => void): void {
    if (this.#failures.length > 0) return;
    try {
      if (++this.#events > eventsMax) throw new Error('they never come to rest');
      run();
    } catch (error) {
      this.#failures.push(error);
    }
  }
}

/** More than any run needs. */
const eventsMax = 50_000;
