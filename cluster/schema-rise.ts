/**
 * When a cluster may begin to write a newer schema: every member can, and for so long already that nobody has to go back to
 * the release before (which could not read it). Then the next table says so, by itself; `Table.schema` never goes down.
 */
import { limits } from '../src/limits.ts';
import { memberSchema, tableSchema } from './table.ts';
import type { Table, TableMember } from './table.ts';

/** The newest schema that all of these can write; what one can write the others must read. */
export function commonSchema(members: readonly TableMember[]): number {
  return Math.min(...members.map((member) => memberSchema(member).writes));
}

/** Why this node must not become a member of this table; undefined: it may. */
export function schemaBar(self: TableMember, table: Table | undefined): string | undefined {
  if (table === undefined) return undefined;
  const { reads } = memberSchema(self);
  const schema = tableSchema(table);
  if (schema > reads.max)
    return `upgrade this node: the cluster writes schema ${schema}, this release reads ${reads.max}`;
  // The others are behind: their release must come up to the one before ours first.
  return schema < reads.min
    ? `upgrade the others first: they write schema ${schema}, this release reads ${reads.min}`
    : undefined;
}

export class SchemaRise {
  #sinceMs = Infinity;
  #wanted = 0;

  /** The schema that the next table is to say. */
  next(table: Table, nowMs: number): number {
    const schema = tableSchema(table);
    const common = commonSchema(table.members);
    if (common <= schema) {
      this.#sinceMs = Infinity;
      return schema;
    }
    if (common !== this.#wanted) this.#sinceMs = Infinity;
    this.#wanted = common;
    this.#sinceMs = Math.min(this.#sinceMs, nowMs);
    return nowMs - this.#sinceMs >= limits.schemaSettleMs ? common : schema;
  }
}
