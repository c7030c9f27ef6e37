/** The known name that a mistyped one most likely meant. */

/** Undefined when nothing is near: more than a third of the letters (at least two, at most five) would have to change. */
export function nearest(written: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = changesMax(written) + 1;
  for (const name of known) {
    const distance = editDistance(written.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** How many changes still count as a slip of the pen. */
export function changesMax(written: string): number {
  return Math.min(5, Math.max(2, Math.floor(written.length / 3)));
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`; names over 64 letters are far. */
export function editDistance(a: string, b: string): number {
  if (a.length > 64 || b.length > 64) return a === b ? 0 : 64;
  const width = b.length + 1;
  const cost = Array.from({ length: (a.length + 1) * width }, () => 0);
  for (let i = 0; i <= a.length; i += 1) cost[i * width] = i;
  for (let j = 0; j <= b.length; j += 1) cost[j] = j;
  const at = (i: number, j: number): number => cost[i * width + j] ?? 0;
  for (let i = 1; i <= a.length; i += 1) {
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, at(i - 2, j - 2) + 1);
      cost[i * width + j] = least;
    }
  }
  return at(a.length, b.length);
}
