/**
 * A cluster that is upgraded node by node, in a model of releases that each read the schema of the one before and write
 * their own: what the table says is readable for every member at every moment, goes up by itself once all have it for a
 * while, and never goes down; who could not read it does not become a member.
 * Seen failing with: the highest of the members instead of the lowest, the time of waiting left out, members let in below.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ownerName } from '../../cluster/control-types.ts';
import { plan } from '../../cluster/plan.ts';
import { Preferences } from '../../cluster/ring.ts';
import { SchemaRise, schemaBar } from '../../cluster/schema-rise.ts';
import { memberSchema, packTable, tableSchema, unpackTable } from '../../cluster/table.ts';
import type { Table, TableMember } from '../../cluster/table.ts';
import { limits } from '../../src/limits.ts';

const preferences = new Preferences(8);
const nothing = {
  dead: new Set<string>(),
  joining: [],
  draining: new Set<string>(),
  arrived: [],
  adoptedEpoch: () => 1e9,
};

function member(id: string, incarnation: number, release: number): TableMember {
  const schema = { reads: { min: Math.max(1, release - 1), max: release }, writes: release };
  return { id, incarnation, link: `${id}:1`, workers: 1, draining: false, zone: '', schema };
}

const steps = fc.array(
  fc.oneof(
    fc.record({ node: fc.constantFrom('a', 'b', 'c'), release: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ waitMs: fc.constantFrom(1_000, limits.schemaSettleMs / 2, limits.schemaSettleMs) }),
  ),
  { minLength: 5, maxLength: 40 },
);

test('at every step of any upgrade every member reads what the table lets be written', () => {
  let rises = 0;
  let barred = 0;
  fc.assert(
    fc.property(steps, (list) => {
      const rise = new SchemaRise();
      let nowMs = 0;
      let incarnation = 1;
      let table: Table = plan(
        undefined,
        { ...nothing, joining: ['a', 'b', 'c'].map((id) => member(id, 1, 1)) },
        'n',
        preferences,
      )!;
      const next = (facts: object): void => {
        const before = tableSchema(table);
        table = plan(table, { ...nothing, schema: rise.next(table, nowMs), ...facts }, 'n', preferences) ?? table;
        assert(tableSchema(table) >= before, 'it went down');
        if (tableSchema(table) > before) rises++;
        for (const each of table.members) {
          const { reads } = memberSchema(each);
          assert(tableSchema(table) >= reads.min && tableSchema(table) <= reads.max, `${each.id} cannot read it`);
        }
        assert.deepEqual(unpackTable(packTable(table)), table);
      };
      for (const step of list) {
        if ('waitMs' in step) {
          next({});
          nowMs += step.waitMs;
          next({});
          continue;
        }
        const old = table.members.find(({ id }) => id === step.node);
        // The other nodes go on; this one comes back as another release, if that is possible.
        if (old !== undefined && table.members.length > 1)
          next({ dead: new Set([ownerName(old.id, old.incarnation)]) });
        else if (old !== undefined) continue;
        const joining = member(step.node, ++incarnation, step.release);
        if (schemaBar(joining, table) === undefined) next({ joining: [joining] });
        else barred++;
      }
      const common = Math.min(...table.members.map((each) => memberSchema(each).writes));
      next({});
      nowMs += limits.schemaSettleMs;
      next({});
      assert.equal(tableSchema(table), Math.max(common, tableSchema(table)), 'it rises in the end');
      assert(tableSchema(table) >= common);
    }),
    { numRuns: 300 },
  );
  assert(rises > 15 && barred > 200, `${rises} ${barred}`);
});

test('the time of waiting begins anew when somebody goes back', () => {
  const rise = new SchemaRise();
  const of = (...releases: number[]): Table =>
    plan(
      undefined,
      { ...nothing, joining: releases.map((release, i) => member(`n${i}`, 1, release)) },
      'n',
      preferences,
    )!;
  const mixed = of(1, 2);
  const all: Table = { ...of(2, 2), schema: 1 };
  assert.equal(rise.next(all, 0), 1);
  assert.equal(rise.next(all, limits.schemaSettleMs - 1), 1);
  assert.equal(rise.next(mixed, limits.schemaSettleMs), 1);
  assert.equal(rise.next(all, limits.schemaSettleMs + 1), 1);
  assert.equal(rise.next(all, 2 * limits.schemaSettleMs + 1), 2);
});

test('who must be upgraded is told', () => {
  const table = plan(undefined, { ...nothing, joining: [member('a', 1, 3)] }, 'n', preferences)!;
  assert.equal(tableSchema(table), 3);
  assert.match(schemaBar(member('b', 1, 2), table)!, /^upgrade this node/);
  assert.match(schemaBar(member('b', 1, 5), table)!, /^upgrade the others/);
  assert.equal(schemaBar(member('b', 1, 4), table), undefined);
  assert.equal(schemaBar(member('b', 1, 9), undefined), undefined);
});
