/**
 * What two nodes of different releases have in common: the versions of the link that both speak, and the schemas of
 * snapshots that both read. While a cluster is being upgraded, nodes of this release and of the one before run together.
 *
 * - A link speaks the highest version that both sides have. None in common: it is refused, and both are told who is behind.
 * - Everybody reads all schemas of its range, and writes the one of the table (`TableMember.schema`, `Table.schema`).
 */

/** From the lowest to the highest. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/** Schemas of snapshots, and of what nodes tell each other in control frames and in the messages of buddies. */
export interface SchemaRange {
  readonly reads: VersionRange;
  /** The newest that it can write; within `reads`. */
  readonly writes: number;
}

/** What one side has, as it says in its greeting. */
export interface Versions {
  readonly link: VersionRange;
  readonly schema: SchemaRange;
}

/** What this build has. The one before stays readable for one release (test/corpus). */
export const ownVersions: Versions = { link: { min: 1, max: 1 }, schema: { reads: { min: 1, max: 1 }, writes: 1 } };

/** The highest that both have; undefined: none. */
export function highestCommon(a: VersionRange, b: VersionRange): number | undefined {
  const highest = Math.min(a.max, b.max);
  return highest >= Math.max(a.min, b.min) ? highest : undefined;
}

/** Why two nodes cannot run together, naming the one that has to be upgraded; undefined: they can. */
export function incompatibility(
  [a, versionsOfA]: readonly [node: string, Versions],
  [b, versionsOfB]: readonly [node: string, Versions],
): string | undefined {
  const ranges = [
    ['link version', versionsOfA.link, versionsOfB.link],
    ['schema', versionsOfA.schema.reads, versionsOfB.schema.reads],
  ] as const;
  for (const [what, ofA, ofB] of ranges) {
    if (highestCommon(ofA, ofB) !== undefined) continue;
    return ofA.max < ofB.min ? behind(what, a, ofA, b, ofB) : behind(what, b, ofB, a, ofA);
  }
  return undefined;
}

function behind(what: string, node: string, own: VersionRange, other: string, needed: VersionRange): string {
  return `upgrade ${node}: it has ${what} ${own.max}, ${other} needs ${needed.min}`;
}
