/** Coverage for people: cells of the machines that no seed went through, and how often faults met calls, as a heat map. */
import { cells } from './machines.ts';
import { callStates, pairName, struckKinds } from './pairs.ts';

/** @param reached sums over many seeds, by name. */
export function coverageLines(reached: ReadonlyMap<string, number>): string[] {
  const missed = cells.filter((cell) => !reached.has(cell));
  const lines = [
    `transactions: ${cells.length - missed.length} of ${cells.length} cells of their tables${missed.length === 0 ? '' : `; not: ${missed.join(', ')}`}`,
    'faults that met calls:',
  ];
  const width = Math.max(...struckKinds.map((kind) => kind.length));
  const columns = callStates.map((state) => Math.max(state.length, 6));
  lines.push(`  ${' '.repeat(width)}  ${callStates.map((state, index) => state.padStart(columns[index]!)).join('  ')}`);
  for (const kind of struckKinds) {
    const counts = callStates.map((state) => reached.get(pairName(kind, state)) ?? 0);
    if (counts.every((count) => count === 0)) continue;
    lines.push(
      `  ${kind.padEnd(width)}  ${counts.map((count, index) => (count === 0 ? '.' : String(count)).padStart(columns[index]!)).join('  ')}`,
    );
  }
  return lines;
}
