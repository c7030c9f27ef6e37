/**
 * The search for an order of operations: a register that is written and read. Seen failing with: the end of earlier ones not
 * compared; doubtful ones always carried out.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { linearize } from '../../sim/checkers/wing-gong.ts';
import type { Operation } from '../../sim/checkers/wing-gong.ts';

function write(process: string, beginMs: number, endMs: number, value: number, isDoubtful = false): Operation<number> {
  return { process, beginMs, endMs, isDoubtful, apply: () => value, text: `write ${value}` };
}

function read(process: string, beginMs: number, endMs: number, value: number): Operation<number> {
  const apply = (state: number): number | undefined => (state === value ? state : undefined);
  return { process, beginMs, endMs, isDoubtful: false, apply, text: `read ${value}` };
}

function verdict(...operations: Operation<number>[]): string {
  return linearize(operations, 0, String, 1_000);
}

test('operations at the same time may have any order, others keep theirs', () => {
  assert.equal(verdict(write('a', 0, 10, 1), read('b', 5, 8, 0)), 'linearizable');
  assert.equal(verdict(write('a', 0, 10, 1), read('b', 5, 8, 1)), 'linearizable');
  assert.equal(verdict(write('a', 0, 4, 1), read('b', 5, 8, 0)), 'not linearizable');
  assert.equal(verdict(write('a', 0, 10, 1), read('b', 1, 2, 1), read('b', 3, 4, 0)), 'not linearizable');
});

test('what is doubtful may have happened, late, or never', () => {
  const lost = write('a', 0, Number.POSITIVE_INFINITY, 1, true);
  assert.equal(verdict(lost, read('b', 5, 8, 0)), 'linearizable');
  assert.equal(verdict(lost, read('b', 5, 8, 0), read('b', 9, 10, 1)), 'linearizable');
  assert.equal(verdict(lost, read('b', 5, 8, 1), read('b', 9, 10, 0)), 'not linearizable');
  // Not after what its own process did next.
  assert.equal(verdict(lost, write('a', 20, 21, 2), read('b', 30, 31, 1)), 'not linearizable');
});

test('a search has an end', () => {
  const many = Array.from({ length: 9 }, (_, index) => write(`p${index}`, 0, 10, index + 1));
  assert.equal(linearize([...many, read('b', 0, 10, 99)], 0, String, 50), 'too long');
});
