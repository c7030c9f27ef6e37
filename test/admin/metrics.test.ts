// The text format of Prometheus. Seen failing with: the quote not escaped in label values.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { metricsText } from '../../src/admin/metrics.ts';
import type { Counter } from '../../src/admin/port.ts';

test('a family is told once, its samples below it', () => {
  const received = { name: 'carillon_received_total', help: 'Messages received.', type: 'counter' } as const;
  const text = metricsText([
    { ...received, labels: { protocol: 'udp' }, value: 3 },
    { name: 'carillon_calls', help: 'Calls.', type: 'gauge', labels: {}, value: 1.5 },
    { ...received, labels: { protocol: 'tcp' }, value: 4 },
  ]);
  assert.equal(
    text,
    `# HELP carillon_received_total Messages received.
# TYPE carillon_received_total counter
carillon_received_total{protocol="udp"} 3
carillon_received_total{protocol="tcp"} 4
# HELP carillon_calls Calls.
# TYPE carillon_calls gauge
carillon_calls 1.5
`,
  );
  assert.equal(metricsText([]), '');
});

test('whatever help and labels hold, one sample stays one line and its label value can be read back', () => {
  const hostile = fc.string({ unit: fc.constantFrom('"', '\\', '\n', 'n', '}', ' ') });
  fc.assert(
    fc.property(hostile, hostile, fc.double(), (help, label, value) => {
      const counter: Counter = { name: 'x', help, type: 'gauge', labels: { l: label }, value };
      const lines = metricsText([counter]).split('\n');
      assert.equal(lines.length, 4);
      const read = /^x\{l="((?:[^"\\\n]|\\.)*)"\} (\S+)$/.exec(lines[2] ?? '');
      const back = (read?.[1] ?? '').replaceAll(/\\(.)/g, (_all, char: string) => (char === 'n' ? '\n' : char));
      assert.equal(back, label);
      assert.equal(Number(read?.[2]?.replace('Inf', 'Infinity')), value === 0 ? 0 : value);
    }),
  );
});
