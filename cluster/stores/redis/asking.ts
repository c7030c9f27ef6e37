/** Scripts by their names on one connection; errors are thrown. */
import { StoreError } from '../../store-ports.ts';
import type { RedisConnection } from './connection.ts';
import type { Keys } from './keys.ts';
import type { Argument, Reply, Step } from './pipeline.ts';
import type { ScriptName, Scripts } from './scripts.ts';

export class Asking {
  readonly keys: Keys;
  readonly connection: RedisConnection;
  readonly #scripts: Scripts;

  constructor(connection: RedisConnection, scripts: Scripts, keys: Keys) {
    this.connection = connection;
    this.#scripts = scripts;
    this.keys = keys;
  }

  step(name: ScriptName, keys: readonly [string, ...string[]], parameters: readonly Argument[]): Step {
    return { script: this.#scripts[name], keys, arguments: parameters };
  }

  /** @param confirmed it counts only when replicas have it @throws StoreError */
  async one(
    name: ScriptName,
    keys: readonly [string, ...string[]],
    parameters: readonly Argument[],
    doing: string,
    confirmed = false,
  ): Promise<Reply> {
    const [reply = null] = await this.all([this.step(name, keys, parameters)], doing, confirmed);
    return reply;
  }

  /** All or an error: of those that were done nothing is said. @throws StoreError */
  async all(steps: readonly Step[], doing: string, confirmed: boolean): Promise<Reply[]> {
    if (steps.length === 0) return [];
    const outcomes = await this.connection.run(steps, doing, confirmed);
    return outcomes.map((outcome) => {
      if (outcome instanceof StoreError) throw outcome;
      return outcome;
    });
  }
}
