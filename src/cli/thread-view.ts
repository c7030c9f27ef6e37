/** What a thread says of itself, and how /metrics says it. */
import { getHeapStatistics } from 'node:v8';
import type { Counter } from '../admin/port.ts';
import { type DelayBuckets, delayBounds } from './delay-buckets.ts';
import type { ThreadView } from './worker/messages.ts';

/** Of the thread that calls it. */
export function threadView(
  thread: string,
  turns: DelayBuckets,
  held: { readonly calls: number; readonly registrations: number },
): ThreadView {
  const heap = getHeapStatistics();
  return {
    thread,
    turns,
    heapUsedBytes: heap.used_heap_size,
    heapBytes: heap.total_heap_size,
    externalBytes: heap.external_memory,
    ...held,
  };
}

/** @param residentBytes of the whole process */
export function threadCounters(threads: readonly ThreadView[], residentBytes: number): Counter[] {
  const counters: Counter[] = [];
  const name = 'carillon_event_loop_delay_seconds';
  const help = 'Turns of the event loop by how long they took: what comes meanwhile waits so long.';
  for (const { thread, turns } of threads) {
    const add = (part: string, value: number, labels: Counter['labels'] = {}): void =>
      void counters.push({
        family: name,
        name: `${name}_${part}`,
        help,
        type: 'histogram',
        labels: { thread, ...labels },
        value,
      });
    for (const [index, bound] of delayBounds.entries()) add('bucket', turns.upTo[index] ?? 0, { le: String(bound) });
    add('bucket', turns.count, { le: '+Inf' });
    add('sum', turns.sumSeconds);
    add('count', turns.count);
  }
  const gauge = (metric: string, text: string, value: number, labels: Counter['labels'] = {}): void =>
    void counters.push({ name: `carillon_${metric}`, help: text, type: 'gauge', labels, value });
  for (const { thread, heapUsedBytes, heapBytes, externalBytes } of threads) {
    gauge('heap_used_bytes', 'Octets of objects in the heap of a thread.', heapUsedBytes, { thread });
    gauge('heap_bytes', 'Octets that the heap of a thread has taken.', heapBytes, { thread });
    gauge('external_bytes', 'Octets that objects of a thread hold outside of its heap.', externalBytes, { thread });
  }
  gauge('resident_bytes', 'Memory of the process that is resident.', residentBytes);
  const sum = (what: 'calls' | 'registrations'): number => threads.reduce((all, thread) => all + thread[what], 0);
  gauge('calls', 'Calls whose owner is this node.', sum('calls'));
  gauge('registrations', 'Addresses-of-record whose owner is this node.', sum('registrations'));
  return counters;
}
