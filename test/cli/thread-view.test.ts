// What the threads of a node say of themselves in /metrics. Seen failing with: the bucket +Inf left out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metricsText } from '../../src/admin/metrics.ts';
import { delayBounds } from '../../src/cli/delay-buckets.ts';
import { threadCounters, threadView } from '../../src/cli/thread-view.ts';

const turns = { upTo: delayBounds.map((_, index) => index), count: 12, sumSeconds: 0.5 };

test('every thread has a histogram that Prometheus reads, and its heap', () => {
  const main = threadView('main', turns, { calls: 0, registrations: 0 });
  const worker = threadView('worker-0', { ...turns, count: 13 }, { calls: 2, registrations: 3 });
  const lines = metricsText(threadCounters([main, worker], 4_096)).split('\n');
  const types = lines.filter((line) => line.startsWith('# TYPE carillon_event_loop'));
  assert.deepEqual(types, ['# TYPE carillon_event_loop_delay_seconds histogram']);
  const of = (thread: string): string[] =>
    lines
      .filter((line) => line.startsWith('carillon_event_loop') && line.includes(`"${thread}"`))
      .map((line) => line.slice('carillon_event_loop_delay_seconds_'.length));
  assert.deepEqual(of('main').slice(0, 2), [
    'bucket{thread="main",le="0.0005"} 0',
    'bucket{thread="main",le="0.001"} 1',
  ]);
  assert.deepEqual(of('worker-0').slice(-3), [
    'bucket{thread="worker-0",le="+Inf"} 13',
    'sum{thread="worker-0"} 0.5',
    'count{thread="worker-0"} 13',
  ]);
  for (const line of ['carillon_resident_bytes 4096', 'carillon_calls 2', 'carillon_registrations 3'])
    assert(lines.includes(line), line);
  const heap = lines.find((line) => line.startsWith('carillon_heap_used_bytes{thread="worker-0"}'));
  assert(Number(heap?.split(' ')[1]) > 1e6);
});
