/**
 * What travels between partitions, workers and nodes: an input and the entity it is for. Packed as positional MessagePack;
 * a SIP message travels as its bytes and is parsed again where it arrives.
 */
import { Buffer } from 'node:buffer';
import { Encoder } from '@msgpack/msgpack';
import { limits } from '../src/limits.ts';
import type { Flow, Protocol } from '../src/outside.ts';
import type { SipMessage } from '../src/sip/message.ts';
import { type Address, type Asker, type Input, type Kind, kindNumbers, kinds } from './entity.ts';
import { packArray } from './packer.ts';
import { unpackValue } from './unpacker.ts';

/** Timers and failed asks are made where the entity is; everything else can come from far away. */
export type Envelope = Exclude<Input, { type: 'timer' } | { type: 'ask-failed' }> & {
  readonly to: Address;
  /** Of a datagram that another worker read: cluster time when it did, milliseconds. */
  readonly readMs?: number;
};

/** Only these may bring an entity into being; the others speak of something that it did before. */
export function makesEntity(item: { readonly type: string }): boolean {
  return item.type === 'sip' || item.type === 'ask' || item.type === 'tell';
}

const encoder = new Encoder();
const types = { sip: 1, ask: 2, answer: 3, tell: 4, undelivered: 5 } as const;
const protocols: readonly Protocol[] = ['udp', 'tcp'];

/** @param readMs when it was read, if it is not known to the envelope already; for messages only */
export function packEnvelope(envelope: Envelope, readMs = envelope.readMs): Uint8Array {
  const fields = fieldsOf(envelope, readMs);
  // What somebody asks or tells may have an object in it.
  const packed = packArray(fields);
  return packed === undefined ? encoder.encode(fields) : Buffer.from(packed);
}

function fieldsOf(envelope: Envelope, readMs: number | undefined): readonly unknown[] {
  const { kind, key } = envelope.to;
  const number = kindNumbers[kind];
  switch (envelope.type) {
    case 'sip': {
      const { bytes } = envelope.message;
      const flow = packFlow(envelope.flow);
      return readMs === undefined
        ? [types.sip, number, key, bytes, flow]
        : [types.sip, number, key, bytes, flow, readMs];
    }
    case 'ask': {
      const { asker, body } = envelope;
      return [types.ask, number, key, kindNumbers[asker.kind], asker.key, asker.id, body];
    }
    case 'answer':
      return [types.answer, number, key, envelope.id, envelope.body];
    case 'tell':
      return [types.tell, number, key, envelope.body];
    case 'undelivered':
      return [types.undelivered, number, key, envelope.token];
  }
}

/**
 * The inverse of `packEnvelope`. `undefined`: not one of ours, or a message that `parse` refuses. The bytes must have been
 * checked for depth and size before, as a link does with its frames.
 */
export function unpackEnvelope(
  bytes: Uint8Array,
  parse: (bytes: Buffer, stream: boolean) => SipMessage | undefined,
): Envelope | undefined {
  const fields = decodeArray(bytes);
  if (fields === undefined) return undefined;
  const [type, kindNumber, key] = fields;
  const to = addressOf(kindNumber, key);
  if (to === undefined) return undefined;
  switch (type) {
    case types.sip:
      return fields.length === 5 || (fields.length === 6 && isId(fields[5]))
        ? sipEnvelope(to, fields[3], fields[4], fields[5], parse)
        : undefined;
    case types.ask: {
      const asker = fields.length === 7 ? askerOf(fields[3], fields[4], fields[5]) : undefined;
      return asker && { to, type: 'ask', asker, body: fields[6] };
    }
    case types.answer:
      return fields.length === 5 && isId(fields[3])
        ? { to, type: 'answer', id: fields[3], body: fields[4] }
        : undefined;
    case types.tell:
      return fields.length === 4 ? { to, type: 'tell', body: fields[3] } : undefined;
    case types.undelivered:
      return fields.length === 4 && typeof fields[3] === 'string'
        ? { to, type: 'undelivered', token: fields[3] }
        : undefined;
    default:
      return undefined;
  }
}

function sipEnvelope(
  to: Address,
  bytes: unknown,
  packedFlow: unknown,
  readMs: unknown,
  parse: (bytes: Buffer, stream: boolean) => SipMessage | undefined,
): Envelope | undefined {
  const flow = unpackFlow(packedFlow);
  if (flow === undefined || !(bytes instanceof Uint8Array)) return undefined;
  const octets = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const message = parse(octets, flow.protocol !== 'udp');
  if (message === undefined || readMs === undefined) return message && { to, type: 'sip', message, flow };
  return { to, type: 'sip', message, flow, readMs: readMs as number };
}

/** [protocol number, listener, address, port, connection]: also the form of a flow in snapshots. */
export function packFlow(flow: Flow): readonly unknown[] {
  return [protocols.indexOf(flow.protocol), flow.listener, flow.address, flow.port, flow.connection];
}

export function unpackFlow(packed: unknown): Flow | undefined {
  if (!Array.isArray(packed) || packed.length !== 5) return undefined;
  const [number, listener, address, port, connection] = packed as readonly unknown[];
  const protocol = typeof number === 'number' ? protocols[number] : undefined;
  if (protocol === undefined || !isId(listener) || !isId(port) || port > 65_535) return undefined;
  if (typeof address !== 'string' || typeof connection !== 'string') return undefined;
  return { protocol, listener, address, port, connection };
}

function decodeArray(bytes: Uint8Array): readonly unknown[] | undefined {
  try {
    const decoded = unpackValue(bytes);
    return Array.isArray(decoded) ? decoded : undefined;
  } catch {
    return undefined;
  }
}

function addressOf(kindNumber: unknown, key: unknown): Address | undefined {
  const kind = kindOf(kindNumber);
  if (kind === undefined || typeof key !== 'string' || key.length > limits.entityKeyLengthMax) return undefined;
  return { kind, key };
}

function askerOf(kindNumber: unknown, key: unknown, id: unknown): Asker | undefined {
  const address = addressOf(kindNumber, key);
  return address && isId(id) ? { kind: address.kind, key: address.key, id } : undefined;
}

export function kindOf(number: unknown): Kind | undefined {
  return typeof number === 'number' ? kindsByNumber[number] : undefined;
}

const kindsByNumber: (Kind | undefined)[] = [];
for (const kind of kinds) kindsByNumber[kindNumbers[kind]] = kind;

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
