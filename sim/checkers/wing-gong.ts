/**
 * Linearizability after Wing and Gong (1993) with Lowe's memory of what was tried: is there an order of the operations that
 * keeps the order of time (what ended before another began stays before it) in which a model gives just these answers?
 */
export interface Operation<S> {
  /** Operations of one process happen in the order of the list. */
  readonly process: string;
  readonly beginMs: number;
  /** Infinity: nobody knows when it happened, if at all. */
  readonly endMs: number;
  /** Nobody knows whether it happened. */
  readonly isDoubtful: boolean;
  /** What the model becomes; undefined: the model does not give this answer. Must not change its argument. */
  readonly apply: (state: S) => S | undefined;
  readonly text: string;
}

export type Verdict = 'linearizable' | 'not linearizable' | 'too long';

/** @param keyOf the same text for equal states. */
export function linearize<S>(
  operations: readonly Operation<S>[],
  initial: S,
  keyOf: (state: S) => string,
  stepsMax: number,
): Verdict {
  const done = new Array<boolean>(operations.length).fill(false);
  const tried = new Set<string>();
  const byProcess = new Map<string, number[]>();
  for (const [index, { process }] of operations.entries()) {
    const own = byProcess.get(process);
    if (own === undefined) byProcess.set(process, [index]);
    else own.push(index);
  }
  let steps = 0;

  const search = (state: S): boolean => {
    if (operations.every(({ isDoubtful }, index) => done[index] || isDoubtful)) return true;
    const key = `${done.map((each) => (each ? '1' : '0')).join('')} ${keyOf(state)}`;
    if (tried.has(key) || ++steps > stepsMax) return false;
    tried.add(key);
    // Nothing may come before what ended before it began.
    let firstEndMs = Infinity;
    for (const [index, { endMs, isDoubtful }] of operations.entries())
      if (!done[index] && !isDoubtful) firstEndMs = Math.min(firstEndMs, endMs);
    for (const own of byProcess.values()) {
      const skipped: number[] = [];
      for (const index of own) {
        if (done[index]) continue;
        const operation = operations[index]!;
        if (operation.beginMs > firstEndMs) break;
        const next = operation.apply(state);
        if (next !== undefined) {
          done[index] = true;
          if (search(next)) return true;
          done[index] = false;
        }
        // What is doubtful may never have happened: the next one of this process may be first then.
        if (!operation.isDoubtful) break;
        done[index] = true;
        skipped.push(index);
      }
      for (const index of skipped) done[index] = false;
    }
    return false;
  };

  if (search(initial)) return 'linearizable';
  return steps > stepsMax ? 'too long' : 'not linearizable';
}
