/** What a node says of itself at /metrics while it is measured. */
import type { Server } from './server.ts';

export interface Metrics {
  /** Of the first sample with this name, 0 without one. */
  value(name: string): number;
  /** By thread. */
  threads(name: string): ReadonlyMap<string, number>;
}

/** @param node number of the node, from 0 */
export async function metricsOf(server: Server, node = 0): Promise<Metrics> {
  const answer = await fetch(`http://127.0.0.1:${server.port + 20 + node}/metrics`, {
    signal: AbortSignal.timeout(30_000),
  });
  const lines = (await answer.text()).split('\n').filter((line) => !line.startsWith('#'));
  const sample = (line: string): number => Number(line.slice(line.lastIndexOf(' ') + 1));
  return {
    value: (name) => sample(lines.find((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`)) ?? ' 0'),
    threads: (name) =>
      new Map(
        lines
          .filter((line) => line.startsWith(`${name}{`))
          .map((line) => [/thread="([^"]*)"/.exec(line)?.[1] ?? '', sample(line)]),
      ),
  };
}

/** Turns of the event loops that took longer than `bound` seconds (one of the buckets), of all threads together. */
export function turnsOver(metrics: Metrics, bound: number): number {
  const name = 'carillon_event_loop_delay_seconds';
  const all = metrics.threads(`${name}_count`);
  let over = 0;
  for (const thread of all.keys())
    over += all.get(thread)! - metrics.value(`${name}_bucket{thread="${thread}",le="${bound}"}`);
  return over;
}
