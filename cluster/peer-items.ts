/** What travels between the main threads of two nodes (link target `control`): frames of the control and questions of the admin API. */
import { Decoder, Encoder } from '@msgpack/msgpack';
import type { PeerFrame } from './control-types.ts';
import { checkMsgpack } from './msgpack-check.ts';
import { readPeerFrame } from './peer-frames.ts';

export type PeerItem =
  | { readonly kind: 'control'; readonly frame: PeerFrame }
  | { readonly kind: 'ask'; readonly id: number; readonly question: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'user-changed'; readonly aor: string }
  /**
   * Where the sender's workers take datagrams (cluster/direct/): by worker, 0 for none; and where its main thread takes copies.
   * The release before does not say that, and does not read it.
   */
  | { readonly kind: 'workers'; readonly ports: readonly number[]; readonly mainPort: number };

const encoder = new Encoder();
const decoder = new Decoder();
const numbers = { 'control': 1, 'ask': 2, 'answer': 3, 'user-changed': 4, 'workers': 5 } as const;

export function packPeerItem(item: PeerItem): Uint8Array {
  switch (item.kind) {
    case 'control':
      return encoder.encode([numbers.control, item.frame]);
    case 'ask':
      return encoder.encode([numbers.ask, item.id, item.question]);
    case 'answer':
      return encoder.encode([numbers.answer, item.id, item.value]);
    case 'user-changed':
      return encoder.encode([numbers['user-changed'], item.aor]);
    case 'workers':
      return encoder.encode([numbers.workers, item.ports, item.mainPort]);
  }
}

/** Undefined when it is nothing that we know. */
export function unpackPeerItem(payload: Uint8Array): PeerItem | undefined {
  if (checkMsgpack(payload) !== undefined) return undefined;
  const fields: unknown = decoder.decode(payload);
  if (!Array.isArray(fields)) return undefined;
  const [number, first, second] = fields as readonly unknown[];
  switch (number) {
    case numbers.control: {
      const frame = readPeerFrame(first);
      return frame === undefined ? undefined : { kind: 'control', frame };
    }
    case numbers.ask:
      return typeof first === 'number' ? { kind: 'ask', id: first, question: second } : undefined;
    case numbers.answer:
      return typeof first === 'number' ? { kind: 'answer', id: first, value: second } : undefined;
    case numbers['user-changed']:
      return typeof first === 'string' ? { kind: 'user-changed', aor: first } : undefined;
    case numbers.workers:
      return Array.isArray(first) && first.every(isPort)
        ? { kind: 'workers', ports: first, mainPort: isPort(second) ? second : 0 }
        : undefined;
    default:
      return undefined;
  }
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535;
}
