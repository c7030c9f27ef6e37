/** How many may begin at a time where what they begin with is cold: one at first, twice as many after every so many times. */
export class Ramp {
  readonly #timesEach: number;
  /** So many times since it began with one. */
  times = 0;

  /** @param timesEach after how many it doubles */
  constructor(timesEach: number) {
    this.#timesEach = timesEach;
  }

  /** @param most however long it goes on */
  room(most: number): number {
    return Math.min(2 ** Math.floor(this.times / this.#timesEach), most);
  }
}
