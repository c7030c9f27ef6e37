/** Counters of one worker thread, by names that come from the code and never from a message. */
export class Counters {
  readonly #values = new Map<string, number>();

  add(name: string, by = 1): void {
    this.#values.set(name, (this.#values.get(name) ?? 0) + by);
  }

  get(name: string): number {
    return this.#values.get(name) ?? 0;
  }

  all(): (readonly [name: string, value: number])[] {
    return [...this.#values];
  }
}
