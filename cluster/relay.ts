/**
 * Items for a node that cannot be reached directly, through one that can (link target kind 4): one node in between, never two.
 * Octets: `u8 length of the node's name, name, u8 kind, u16 partition or worker, u8 hops, payload`.
 */
import type { Target } from './data-frame.ts';
import { isNodeId } from './wire.ts';

/** Only items of partitions and workers go this way: copies have the store instead, and the control says things again. */
export type RelayedTarget = Extract<Target, readonly [0 | 1, ...unknown[]]>;

export interface Relayed {
  readonly node: string;
  readonly target: RelayedTarget;
  /** A view. */
  readonly payload: Uint8Array;
}

export function isRelayed(target: Target): target is RelayedTarget {
  return target[0] === 0 || target[0] === 1;
}

export function packRelayed(node: string, target: RelayedTarget, payload: Uint8Array): Uint8Array {
  const octets = Buffer.allocUnsafe(1 + node.length + headBytes + payload.length);
  octets[0] = node.length;
  octets.write(node, 1, 'latin1');
  let at = 1 + node.length;
  octets[at++] = target[0];
  octets[at++] = target[1] >> 8;
  octets[at++] = target[1] & 0xff;
  octets[at++] = target[0] === 0 ? target[2] : 0;
  octets.set(payload, at);
  return octets;
}

/** Undefined when it is no such item. The ranges of the target are checked where it is written into a frame again. */
export function unpackRelayed(octets: Uint8Array): Relayed | undefined {
  const at = 1 + (octets[0] ?? 0);
  if (octets.length < at + headBytes) return undefined;
  const node = Buffer.from(octets.buffer, octets.byteOffset + 1, at - 1).toString('latin1');
  const kind = octets[at]!;
  const place = (octets[at + 1]! << 8) | octets[at + 2]!;
  if (!isNodeId(node) || kind > 1) return undefined;
  const target: RelayedTarget = kind === 0 ? [0, place, octets[at + 3]!] : [1, place];
  return { node, target, payload: octets.subarray(at + headBytes) };
}

const headBytes = 4;
