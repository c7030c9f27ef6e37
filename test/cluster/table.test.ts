/**
 * Packed tables: what is packed is unpacked, and bytes that break a rule are refused, never thrown over.
 * Seen failing with: owner index beyond the members let through, members out of order let through.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { plan } from '../../cluster/plan.ts';
import { Preferences } from '../../cluster/ring.ts';
import { isMember, memberIndex, nobody, packTable, unpackTable } from '../../cluster/table.ts';
import type { Table } from '../../cluster/table.ts';

const preferences = new Preferences(4096);
const members = ['a', 'b', 'c'].map((id) => ({
  id,
  incarnation: 1,
  link: `${id}:1`,
  workers: 2,
  draining: id === 'b',
  zone: id === 'a' ? 'east' : '',
}));
const nothing = { dead: new Set<string>(), draining: new Set<string>(), arrived: [], adoptedEpoch: () => 0 };
const alone = plan(undefined, { ...nothing, joining: members.slice(0, 1) }, 'one', preferences)!;
const table: Table = plan(alone, { ...nothing, joining: members }, 'two', preferences)!;

test('a table survives packing, and stays small', () => {
  const bytes = packTable(table);
  assert.ok(table.moving.size > 0);
  assert.deepEqual(unpackTable(bytes), table);
  assert.ok(bytes.length < 20_000, `${bytes.length}`);
  assert.equal(memberIndex(table, 'c'), 2);
  assert.ok(isMember(table, 'c', 1) && !isMember(table, 'c', 2));
});

test('a later version may add fields at the end', () => {
  const fast: Table = { ...table, profile: 'fast' };
  const fields = decode(packTable(fast)) as unknown[];
  assert.deepEqual(unpackTable(encode([...fields, 'new'])), fast);
});

test('broken tables are refused', () => {
  const fields = decode(packTable(table)) as unknown[];
  const broken = (index: number, value: unknown): Uint8Array =>
    encode([...fields, 'fast'].map((field, i) => (i === index ? value : field)));
  const indexes = (value: number): Uint8Array => {
    const bytes = new Uint8Array(fields[4] as Uint8Array);
    bytes[0] = value & 0xff;
    bytes[1] = value >> 8;
    return bytes;
  };
  assert.deepEqual(unpackTable(broken(4, indexes(2)))?.owner[0], 2);
  assert.deepEqual(unpackTable(broken(4, indexes(nobody)))?.owner[0], nobody);
  const cases: [number, unknown][] = [
    [0, 2],
    [1, 0],
    [1, -1],
    [1, 1.5],
    [2, 7],
    [3, [...(fields[3] as unknown[])].reverse()],
    [3, [['a', 1, 'a:1', 2]]],
    [4, indexes(3)],
    [4, (fields[4] as Uint8Array).slice(2)],
    [5, 'x'],
    [6, [1]],
    [6, [4096, 0]],
    [6, [0, 3]],
    [7, ['']],
    [7, 'a'],
    [8, []],
    [9, 0],
    [9, null],
    [11, 'quick'],
    [11, 'constructor'],
  ];
  for (const [index, value] of cases)
    assert.equal(unpackTable(broken(index, value)), undefined, `${index} ${String(value)}`);
});

test('any bytes at all are answered, not thrown over', () => {
  const bytes = packTable(table);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length), (at, octet, length) => {
      const changed = new Uint8Array(bytes);
      changed[at] = octet;
      const read = unpackTable(changed);
      if (read !== undefined)
        for (const owner of read.owner) assert.ok(owner === nobody || owner < read.members.length);
      if (length < bytes.length) assert.equal(unpackTable(bytes.slice(0, length)), undefined);
    }),
    { numRuns: 200 },
  );
});
