/**
 * A packet for a connection that another thread holds, or the news that it could not be sent: what travels to a worker
 * (link target `worker`). Positional MessagePack.
 */
import { Buffer } from 'node:buffer';
import { packFlow, unpackFlow } from '../actors/envelope.ts';
import { packArray } from '../actors/packer.ts';
import { unpackValue } from '../actors/unpacker.ts';
import type { Flow } from '../src/outside.ts';

export interface Transmit {
  readonly flow: Flow;
  readonly bytes: Uint8Array;
  /** See origin.ts; '' when nobody wants to know. */
  readonly token: string;
}

export function packTransmit(transmit: Transmit): Uint8Array {
  // Octets and text alone: nothing that it cannot pack.
  return Buffer.from(packArray([packFlow(transmit.flow), transmit.bytes, transmit.token])!);
}

export function unpackTransmit(payload: Uint8Array): Transmit | undefined {
  let fields: unknown;
  try {
    fields = unpackValue(payload);
  } catch {
    return undefined;
  }
  if (!Array.isArray(fields)) return undefined;
  const [packed, bytes, token] = fields as readonly unknown[];
  const flow = unpackFlow(packed);
  // The octets are copied: the payload is only a view of the link's buffer.
  return flow === undefined || !(bytes instanceof Uint8Array)
    ? undefined
    : { flow, bytes: Buffer.from(bytes), token: String(token) };
}

/** The connection's node and worker, from its name `node/worker/number`; NaN: any worker (`datagramFlow`). */
export function holderOf(connection: string): { node: string; worker: number } | undefined {
  const [node, worker, number] = connection.split('/');
  return node === undefined || worker === undefined || number === undefined
    ? undefined
    : { node, worker: Number(worker) };
}
