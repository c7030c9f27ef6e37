/**
 * The partition table: which node owns which partition, who is its buddy, what is on the move, and who votes. One
 * table has one (epoch, nonce) in the store; nodes route by the last one they adopted.
 */
import { Decoder, Encoder } from '@msgpack/msgpack';
import { limits, profiles } from '../src/limits.ts';
import type { Profile } from '../src/limits.ts';
import type { SchemaRange } from './versions.ts';

export interface TableMember {
  readonly id: string;
  readonly incarnation: number;
  /** `host:port` of its link listener. */
  readonly link: string;
  /** Weight in the ring. */
  readonly workers: number;
  readonly draining: boolean;
  /** What it shares its fate with (a rack, a data centre); '' when nobody said. */
  readonly zone: string;
  /** Schemas of snapshots that it reads and can write; absent from the first release: see `memberSchema`. */
  readonly schema?: SchemaRange;
}

export interface Table {
  /** Grows by one with every change. */
  readonly epoch: number;
  /** Names the writer of this table: two tables of one epoch differ in it. */
  readonly nonce: string;
  /** Ordered by id; every id once. */
  readonly members: readonly TableMember[];
  /** Per partition the index of its owner in `members`, or `nobody`. */
  readonly owner: Uint16Array;
  /** Per partition the index of the member that keeps the second copy, or `nobody`. */
  readonly buddy: Uint16Array;
  /** Partitions under way: partition -> index of the member that gets it. Until then the owner forwards. */
  readonly moving: ReadonlyMap<number, number>;
  /** Ids whose votes kill; when `nextVoters` is not empty, a majority of both is needed. */
  readonly voters: readonly string[];
  readonly nextVoters: readonly string[];
  /** Epoch at which `nextVoters` was set; 0 when it is empty. */
  readonly jointSince: number;
  /** The schema that everybody writes; absent from tables of the first release: see `tableSchema`. */
  readonly schema?: number;
  /** The times that all members keep; absent: `default`. */
  readonly profile?: Profile;
}

/** No member. */
export const nobody = 0xffff;

/** Of the first release, which did not say any. */
const firstSchema = 1;
const schema = 1;
const encoder = new Encoder();
const decoder = new Decoder();

/** What it said, or what a node of the first release has. */
export function memberSchema({ schema: said }: TableMember): SchemaRange {
  return said ?? { reads: { min: firstSchema, max: firstSchema }, writes: firstSchema };
}

/** What everybody writes by this table. */
export function tableSchema(table: Table): number {
  return table.schema ?? firstSchema;
}

export function memberIndex(table: Table, id: string): number {
  return table.members.findIndex((member) => member.id === id);
}

/** Is this very incarnation a member? */
export function isMember(table: Table, id: string, incarnation: number): boolean {
  const index = memberIndex(table, id);
  return index >= 0 && table.members[index]!.incarnation === incarnation;
}

/**
 * Nothing is on its way to this member, and it owns what a member owns: one that has just joined has its share still to
 * come.
 */
export function hasShare(table: Table | undefined, id: string): boolean {
  if (table === undefined) return false;
  const self = memberIndex(table, id);
  for (const to of table.moving.values()) if (to === self) return false;
  // More members than partitions: some have none.
  return table.owner.includes(self) || table.members.length > table.owner.length;
}

/** One line for people. */
export function describeTable(table: Table | undefined): string {
  return table === undefined ? 'no table' : `table ${table.epoch} ${table.nonce}`;
}

export function packTable(table: Table): Uint8Array {
  const moving: number[] = [];
  for (const [partition, to] of table.moving) moving.push(partition, to);
  return encoder.encode([
    schema,
    table.epoch,
    table.nonce,
    table.members.map((member) => [
      member.id,
      member.incarnation,
      member.link,
      member.workers,
      member.draining,
      member.zone,
      ...packSchema(member.schema),
    ]),
    packIndexes(table.owner),
    packIndexes(table.buddy),
    moving,
    table.voters,
    table.nextVoters,
    table.jointSince,
    ...(table.schema === undefined && table.profile === undefined ? [] : [tableSchema(table)]),
    ...(table.profile === undefined ? [] : [table.profile]),
  ]);
}

function packSchema(range: SchemaRange | undefined): readonly number[] {
  return range === undefined ? [] : [range.reads.min, range.reads.max, range.writes];
}

/** Absent: undefined; wrong: null. */
function unpackSchema(fields: readonly unknown[]): SchemaRange | undefined | null {
  if (fields.length === 0) return undefined;
  const [min, max, writes] = fields;
  if (!isCount(min) || !isCount(max) || !isCount(writes) || min > writes || writes > max) return null;
  return { reads: { min, max }, writes };
}

/** Undefined when the bytes are not a table of this schema that keeps every rule above. Trailing fields are ignored. */
export function unpackTable(bytes: Uint8Array): Table | undefined {
  let value: unknown;
  try {
    value = decoder.decode(bytes);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length < 10 || value[0] !== schema) return undefined;
  const [
    ,
    epoch,
    nonce,
    packedMembers,
    packedOwner,
    packedBuddy,
    packedMoving,
    voters,
    nextVoters,
    jointSince,
    writes,
    profile,
  ] = value as unknown[];
  if (!isCount(epoch) || epoch === 0 || typeof nonce !== 'string' || !isCount(jointSince)) return undefined;
  if (!isIdList(voters) || !isIdList(nextVoters) || (nextVoters.length === 0) !== (jointSince === 0)) return undefined;
  const members = unpackMembers(packedMembers);
  if (members === undefined) return undefined;
  const owner = unpackIndexes(packedOwner, members.length);
  const buddy = unpackIndexes(packedBuddy, members.length);
  if (owner === undefined || buddy === undefined || owner.length !== buddy.length) return undefined;
  const moving = unpackMoving(packedMoving, owner.length, members.length);
  if (moving === undefined) return undefined;
  if (writes !== undefined && !isCount(writes)) return undefined;
  if (profile !== undefined && !isProfile(profile)) return undefined;
  const table = { epoch, nonce, members, owner, buddy, moving, voters, nextVoters, jointSince };
  return { ...table, ...(writes !== undefined && { schema: writes }), ...(profile !== undefined && { profile }) };
}

function isProfile(value: unknown): value is Profile {
  return typeof value === 'string' && Object.hasOwn(profiles, value);
}

function unpackMembers(value: unknown): TableMember[] | undefined {
  if (!Array.isArray(value) || value.length > limits.nodesMax) return undefined;
  const members: TableMember[] = [];
  for (const item of value as unknown[]) {
    if (!Array.isArray(item) || item.length < 5) return undefined;
    const [id, incarnation, link, workers, draining, zone = '', ...rest] = item as unknown[];
    const range = unpackSchema(rest.slice(0, 3));
    if (!isId(id) || !isCount(incarnation) || typeof link !== 'string' || !isCount(workers)) return undefined;
    if (typeof draining !== 'boolean' || typeof zone !== 'string' || range === null) return undefined;
    const last = members.at(-1);
    if (last !== undefined && last.id >= id) return undefined;
    members.push({ id, incarnation, link, workers, draining, zone, ...(range && { schema: range }) });
  }
  return members;
}

/** Two octets each, little end first, whatever the machine's order is. */
function packIndexes(indexes: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(indexes.length * 2);
  for (let i = 0; i < indexes.length; i++) {
    bytes[2 * i] = indexes[i]! & 0xff;
    bytes[2 * i + 1] = indexes[i]! >>> 8;
  }
  return bytes;
}

function unpackIndexes(value: unknown, members: number): Uint16Array | undefined {
  if (!(value instanceof Uint8Array) || value.length % 2 !== 0 || value.length > 2 * limits.partitions)
    return undefined;
  const indexes = new Uint16Array(value.length / 2);
  for (let i = 0; i < indexes.length; i++) {
    const index = value[2 * i]! | (value[2 * i + 1]! << 8);
    if (index >= members && index !== nobody) return undefined;
    indexes[i] = index;
  }
  return indexes;
}

function unpackMoving(value: unknown, partitions: number, members: number): Map<number, number> | undefined {
  if (!Array.isArray(value) || value.length % 2 !== 0) return undefined;
  const moving = new Map<number, number>();
  for (let i = 0; i < value.length; i += 2) {
    const partition: unknown = value[i];
    const to: unknown = value[i + 1];
    if (!isCount(partition) || partition >= partitions || !isCount(to) || to >= members) return undefined;
    moving.set(partition, to);
  }
  return moving;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 64;
}

function isIdList(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= limits.nodesMax && value.every(isId);
}
