/** Counters of one worker thread, by names that come from the code and never from a message. */
export class Counters {
  readonly #values = new Map<string, { value: number }>();

  add(name: string, by = 1): void {
    const counter = this.#values.get(name);
    if (counter === undefined) this.#values.set(name, { value: by });
    else counter.value += by;
  }

  get(name: string): number {
    return this.#values.get(name)?.value ?? 0;
  }

  all(): (readonly [name: string, value: number])[] {
    return [...this.#values].map(([name, { value }]) => [name, value] as const);
  }
}
