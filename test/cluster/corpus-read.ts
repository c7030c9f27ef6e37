/** What octets of the corpus (test/corpus) mean to this build, as JSON. */
import { unpackEnvelope } from '../../actors/envelope.ts';
import { decodeRow, unpackState } from '../../actors/snapshot.ts';
import { unpackWord } from '../../cluster/buddy/messages.ts';
import { visitItems } from '../../cluster/data-frame.ts';
import { unpackPeerItem } from '../../cluster/peer-items.ts';
import { unpackRelayed } from '../../cluster/relay.ts';
import { unpackTable } from '../../cluster/table.ts';
import { unpackTransmit } from '../../cluster/transmit.ts';
import { decodeFrame } from '../../cluster/wire.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';
import { twins } from './corpus-actors.ts';

export type SpecimenKind = 'frame' | 'envelope' | 'transmit' | 'relay' | 'peer' | 'buddy' | 'table' | 'snapshot';

export interface Specimen {
  readonly kind: SpecimenKind;
  readonly name: string;
  /** Base64. */
  readonly octets: string;
  readonly meaning: unknown;
}

/** Plain JSON, so that it can be compared with what is in a file; undefined values are left out, octets are base64. */
export function meaningOf(kind: SpecimenKind, name: string, octets: Buffer): unknown {
  const read = reader[kind](octets, name);
  if (read === undefined) throw new Error(`${kind} ${name} cannot be read`);
  return JSON.parse(JSON.stringify(read, plain)) as unknown;
}

const reader: Readonly<Record<SpecimenKind, (octets: Buffer, name: string) => unknown>> = {
  frame(octets) {
    const frame = decodeFrame(octets);
    if (frame?.type !== 'data') return frame;
    const items: unknown[] = [];
    visitItems(octets, (target, payload) => items.push([target, Uint8Array.from(payload)]));
    return { ...frame, content: items };
  },
  envelope(octets) {
    const envelope = unpackEnvelope(octets, (bytes, stream) => {
      const message = parse(bytes, stream);
      return isFailure(message) ? undefined : message;
    });
    return envelope?.type === 'sip' ? { ...envelope, message: envelope.message.bytes } : envelope;
  },
  transmit: (octets) => unpackTransmit(octets),
  relay: (octets) => unpackRelayed(octets),
  peer: (octets) => unpackPeerItem(octets),
  buddy: (octets) => unpackWord(octets),
  table: (octets) => unpackTable(octets),
  snapshot(octets, name) {
    const row = decodeRow(name, octets);
    if (row === undefined) return undefined;
    const { kind, version, savedAtMs, wakeAtMs, packed } = row.snapshot;
    const { twin, turn } = twins(savedAtMs)[kind];
    const state = twin.unpack(row.key, unpackState(packed), turn);
    return { kind, version, savedAtMs, wakeAtMs, line: twin.describe(state), view: twin.view(state) };
  },
};

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Map) return [...value];
  if (value instanceof Uint16Array) return [...value];
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  // A Buffer has been made an object by its own toJSON already.
  if (typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value)
    return Buffer.from(value.data as number[]).toString('base64');
  return value;
}
