/** Commands of fast-check from plain functions. */
import type fc from 'fast-check';

/**
 * @param name as a failure prints it
 * @param run acts on the model and on the real thing, and compares
 * @param isPossible in this state of the model; the command is left out otherwise
 */
export function command<Model extends object, Real>(
  name: string,
  run: (model: Model, real: Real) => void,
  isPossible: (model: Readonly<Model>) => boolean = () => true,
): fc.Command<Model, Real> {
  return { check: isPossible, run, toString: () => name };
}
