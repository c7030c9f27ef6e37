/**
 * What coverage says of a world (sim/coverage.ts, sim/reach): cells of the machines that its calls must have been through,
 * and faults counted against the calls that they met.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { cells } from '../../sim/reach/machines.ts';
import { coverageLines } from '../../sim/reach/print.ts';
import { play, scenarios } from '../../sim/scenarios/list.ts';

test('cells are the rules of the four tables, each once', () => {
  assert.equal(new Set(cells).size, cells.length);
  for (const cell of [
    'invite-client calling A',
    'invite-server completed ACK',
    'client proceeding E',
    'server completed J',
  ])
    assert.ok(cells.includes(cell), cell);
});

test('phones that are gone take machines to their timeouts', () => {
  const { result } = play(scenarios.find(({ name }) => name === 'phones that are gone')!);
  for (const cell of ['invite-client calling B', 'client trying F', 'server completed J'])
    assert.ok((result.reached.get(cell) ?? 0) > 0, cell);
  assert.ok((result.reached.get('drain while ringing') ?? 0) > 0);
});

test('only cells that nobody reached are printed, and only faults that met a call', () => {
  const lines = coverageLines(
    new Map([...cells.slice(1).map((cell) => [cell, 3] as const), ['crash while ringing', 7]]),
  );
  assert.equal(
    lines[0],
    `transactions: ${cells.length - 1} of ${cells.length} cells of their tables; not: ${cells[0]}`,
  );
  assert.deepEqual(
    lines.slice(3).map((line) =>
      line
        .trim()
        .split(/\s+/)
        .filter((word) => word !== '.'),
    ),
    [['crash', '7']],
  );
});
