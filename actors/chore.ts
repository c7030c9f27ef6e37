/** A piece of housekeeping that comes round by the wheel: of a partition, or of a worker. */
import { Scheduled } from './wheel.ts';

export class Chore extends Scheduled {
  readonly #run: (nowMs: number) => void;

  constructor(run: (nowMs: number) => void) {
    super();
    this.#run = run;
  }

  due(nowMs: number): void {
    this.#run(nowMs);
  }
}
