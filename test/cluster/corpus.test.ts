/**
 * What earlier releases wrote must stay readable: octets of frames, of what nodes say to each other and of snapshots, as each
 * release wrote them, in test/corpus/<schema>.json, with what they mean. A file that was published is never changed; a new
 * schema gets a new file: `CARILLON_CORPUS=write node --test test/cluster/corpus.test.ts` (and `npm run fmt`) writes that of this build.
 * Seen failing with: two fields of the heartbeat of a link swapped, another number for the target of copies.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { ownVersions } from '../../cluster/versions.ts';
import { meaningOf } from './corpus-read.ts';
import { snapshotsOfThisBuild, writtenByThisBuild } from './corpus-write.ts';
import type { Specimen } from './corpus-read.ts';

const folder = new URL('../corpus/', import.meta.url);
const own = new URL(`${ownVersions.schema.writes}.json`, folder);

if (process.env['CARILLON_CORPUS'] === 'write')
  writeFileSync(own, `${JSON.stringify([...writtenByThisBuild(), ...snapshotsOfThisBuild()], null, 1)}\n`);

const files = readdirSync(folder).filter((name) => name.endsWith('.json'));

test('there is a file for every schema that this build reads', () => {
  const { min, max } = ownVersions.schema.reads;
  for (let schema = min; schema <= max; schema++) assert(files.includes(`${schema}.json`), `${schema}`);
});

for (const file of files) {
  test(`what schema ${file} holds is read, and means what it meant`, () => {
    const specimens = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Specimen[];
    const kinds = new Set(specimens.map(({ kind }) => kind));
    assert.deepEqual([...kinds].sort(), [
      'buddy',
      'envelope',
      'frame',
      'peer',
      'relay',
      'snapshot',
      'table',
      'transmit',
    ]);
    assert(specimens.filter(({ kind }) => kind === 'snapshot').length >= 6);
    for (const { kind, name, octets, meaning } of specimens)
      assert.deepEqual(meaningOf(kind, name, Buffer.from(octets, 'base64')), meaning, `${kind} ${name}`);
  });
}

test('this build still writes what its file says, as far as it is no snapshot', () => {
  const specimens = JSON.parse(readFileSync(own, 'utf8')) as Specimen[];
  const written = new Map(writtenByThisBuild().map((each) => [`${each.kind} ${each.name}`, each]));
  for (const each of specimens)
    if (each.kind !== 'snapshot') assert.deepEqual(written.get(`${each.kind} ${each.name}`), each);
});
