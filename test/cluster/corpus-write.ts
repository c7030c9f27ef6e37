/** Writes the corpus of this build: one specimen of each thing that nodes say, and snapshots of calls and users of a small world. */
import { Buffer } from 'node:buffer';
import { packEnvelope } from '../../actors/envelope.ts';
import { encodeRow, packState, rowKey } from '../../actors/snapshot.ts';
import { packTake } from '../../actors/limit/questions.ts';
import { packWord } from '../../cluster/buddy/messages.ts';
import { DataWriter, stampData } from '../../cluster/data-frame.ts';
import { packPeerItem } from '../../cluster/peer-items.ts';
import { packRelayed } from '../../cluster/relay.ts';
import { packTable } from '../../cluster/table.ts';
import { packTransmit } from '../../cluster/transmit.ts';
import { encodeFrame } from '../../cluster/wire.ts';
import type { SimOptions } from '../../sim/options.ts';
import { trunkScenarios } from '../../sim/scenarios/trunks.ts';
import { standardOptions } from '../../sim/standard.ts';
import { simulate } from '../../sim/simulate.ts';
import { parse } from '../../src/sip/parse.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { meaningOf } from './corpus-read.ts';
import type { Specimen, SpecimenKind } from './corpus-read.ts';

const mark = { epoch: 7, nonce: 0xdead_beef };
const octets = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index);
const flow = { protocol: 'udp', listener: 1, address: '192.0.2.7', port: 5070, connection: '' } as const;
const stream = { ...flow, protocol: 'tcp', connection: 'a/0/12' } as const;
const call = { kind: 'call', key: 'id@192.0.2.7' } as const;
const user = { kind: 'aor', key: 'sip:1001@example.test' } as const;
const trunk = { kind: 'limit', key: 'trunk:acme' } as const;
const invite = [
  'INVITE sip:1002@example.test SIP/2.0',
  'Via: SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bKcorpus;rport',
  'From: <sip:1001@example.test>;tag=1',
  'To: <sip:1002@example.test>',
  'Call-ID: id@192.0.2.7',
  'CSeq: 1 INVITE',
  'Max-Forwards: 70',
  'Contact: <sip:1001@192.0.2.7:5070>',
  'Content-Length: 0',
].join('\r\n');

export function writtenByThisBuild(): Specimen[] {
  const specimens: Specimen[] = [];
  const add = (kind: SpecimenKind, name: string, bytes: Uint8Array): void => {
    const own = Buffer.from(bytes);
    specimens.push({ kind, name, octets: own.toString('base64'), meaning: meaningOf(kind, name, own) });
  };
  addFrames((name, frame) => add('frame', name, frame.subarray(4)));
  const message = parse(Buffer.from(`${invite}\r\n\r\n`), false) as SipMessage;
  add('envelope', 'sip', packEnvelope({ type: 'sip', to: call, message, flow }));
  add('envelope', 'ask', packEnvelope({ type: 'ask', to: user, asker: { ...call, id: 3 }, body: ['where', 1] }));
  add(
    'envelope',
    'ask of a counter',
    packEnvelope({ type: 'ask', to: trunk, asker: { ...call, id: 4 }, body: packTake('t', 30) }),
  );
  add('envelope', 'answer', packEnvelope({ type: 'answer', to: call, id: 3, body: [null, 'x'] }));
  add('envelope', 'tell', packEnvelope({ type: 'tell', to: user, body: ['gone'] }));
  add('envelope', 'undelivered', packEnvelope({ type: 'undelivered', to: call, token: 'b0' }));
  add('transmit', 'packet', packTransmit({ flow: stream, bytes: octets(9), token: 't' }));
  add('relay', 'partition', packRelayed('c', [0, 4_095, 1], octets(5)));
  add('relay', 'worker', packRelayed('c', [1, 3], octets(5)));
  const reply = { result: 'ok', tableEpoch: 7, nowMs: 1_700_000_000_123, storeLife: 'x' } as const;
  const frames = [
    { type: 'heartbeat', sentAtMs: 12.5, epoch: 7, nonce: 'a.1.9', links: ['b', 'c'] },
    { type: 'heartbeat-ack', sentAtMs: 12.5, votedAgoMs: 9_000 },
    { type: 'table', bytes: octets(4) },
    { type: 'handed', partitions: [0, 4_095], epochs: [7_340_032, 7_340_033] },
    { type: 'lease', operation: 12, draining: false },
    { type: 'lease-reply', operation: 12, reply },
  ] as const;
  for (const frame of frames) add('peer', frame.type, packPeerItem({ kind: 'control', frame }));
  add('peer', 'ask', packPeerItem({ kind: 'ask', id: 4, question: { what: 'load' } }));
  add('peer', 'answer', packPeerItem({ kind: 'answer', id: 4, value: [{ calls: 1 }] }));
  add('peer', 'user-changed', packPeerItem({ kind: 'user-changed', aor: user.key }));
  const rows = [
    [4, 'call:x', octets(6)],
    [5, 'aor:y', null],
  ] as const;
  const words = [
    { type: 'copy', buddy: 'b.1', epoch: 7, base: 1, from: 4, seq: 5, stored: 3, rows },
    { type: 'stored', epoch: 7, stored: 5 },
    { type: 'take', buddy: 'b.1', epoch: 8 },
    { type: 'forget', epoch: 8 },
    { type: 'ack', epoch: 7, base: 1, seq: 5 },
    { type: 'refused', epoch: 7, base: 1, reason: 'gap' },
    { type: 'tail', epoch: 8, tailEpoch: 7, rows, part: 0, last: true },
    { type: 'held', buddy: 'b.1', epoch: 7 },
  ] as const;
  for (const word of words) add('buddy', word.type, packWord(word));
  add('table', 'three members', packTable(threeMembers()));
  return specimens;
}

function addFrames(add: (name: string, frame: Buffer) => void): void {
  const versions = { link: { min: 1, max: 1 }, schema: { reads: { min: 1, max: 1 }, writes: 1 } };
  const who = { cluster: 'demo', node: 'a', to: 'b', incarnation: 1_700_000_000_000, versions, random: octets(32) };
  const resume = { stream: 123_456_789, heardStream: 2, heardSeq: 3 };
  add('hello', encodeFrame({ type: 'hello', mark, ...who, ...resume }));
  add('challenge', encodeFrame({ type: 'challenge', mark, ...who, node: 'b', to: 'a', ...resume }));
  add('proof', encodeFrame({ type: 'proof', mark, mac: octets(32) }));
  const beat = { sentMs: 1_000, echoMs: 900, heardSeq: 44, extra: octets(3), roomBytes: 4_194_304, heldMs: 17 };
  add('heartbeat', encodeFrame({ type: 'heartbeat', mark, ...beat }));
  add('close', encodeFrame({ type: 'close', mark, reason: 'leaving' }));
  const writer = new DataWriter();
  for (const target of [[0, 4_095, 2], [1, 3], [2], [3, 77], [4]] as const) writer.add(target, octets(7));
  const data = writer.take();
  stampData(data, mark, 45, 44);
  data.fill(0, data.length - 16); // The seal.
  add('data', data);
}

function threeMembers(): Parameters<typeof packTable>[0] {
  const schema = { reads: { min: 1, max: 1 }, writes: 1 };
  const members = ['a', 'b', 'c'].map((id, index) => ({
    id,
    incarnation: 5 + index,
    link: `10.0.0.${index}:7000`,
    workers: 2,
    draining: id === 'c',
    zone: id === 'a' ? '' : 'east',
    schema,
  }));
  const owner = Uint16Array.from({ length: 16 }, (_, partition) => partition % 3);
  const buddy = Uint16Array.from({ length: 16 }, (_, partition) => (partition === 3 ? 0xffff : (partition + 1) % 3));
  const voters = { voters: ['a', 'b'], nextVoters: ['a', 'b', 'c'], jointSince: 6 };
  return { epoch: 7, nonce: 'a.5.12', members, owner, buddy, moving: new Map([[2, 1]]), ...voters, schema: 1 };
}

/** Of calls and users in different states: as they were when something came to them. */
export function snapshotsOfThisBuild(): Specimen[] {
  const trunkWorld = trunkScenarios[0];
  const places =
    trunkWorld === undefined
      ? []
      : [
          ...snapshotsOf(trunkWorld.options, 3, (line) => line.startsWith('limit ')),
          ...snapshotsOf(trunkWorld.options, 4, (line) => line.includes(' places ')),
        ];
  return [...snapshotsOf(standardOptions(7), 16, () => true), ...places];
}

function snapshotsOf(options: SimOptions, most: number, isWanted: (line: string) => boolean): Specimen[] {
  const found = new Map<string, Specimen>();
  simulate(options, false, (world) => {
    world.observers.push({
      handling({ kind, key, twin, state, nowMs }) {
        const packed = twin.pack(state);
        // Of each shape one: how much there is of what, and how large it is.
        const about = `${twin.describe(state).slice(key.length)} ${(packed === null ? 0 : packState(packed).length) >> 8}`;
        if (packed === null || !isWanted(twin.describe(state))) return undefined;
        if (found.has(`${kind} ${about}`) || found.size >= most) return undefined;
        const savedAtMs = Math.floor(nowMs);
        const row = encodeRow({
          kind,
          version: found.size + 1,
          savedAtMs,
          wakeAtMs: savedAtMs + 5_000,
          packed: packState(packed),
        });
        if (row.length > 6_000) return undefined;
        const name = rowKey(kind, key);
        found.set(`${kind} ${about}`, {
          kind: 'snapshot',
          name,
          octets: row.toString('base64'),
          meaning: meaningOf('snapshot', name, row),
        });
        return undefined;
      },
    });
  });
  return [...found.values()];
}
