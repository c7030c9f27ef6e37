/** Checks what another node sent to our control: a value decoded from MessagePack becomes a PeerFrame or nothing. */
import { limits } from '../src/limits.ts';
import type { PeerFrame } from './control-types.ts';

/** Undefined when it is no frame that we know; the link then closes with reason `bad-frame`. */
export function readPeerFrame(value: unknown): PeerFrame | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const frame = value as Readonly<Record<string, unknown>>;
  switch (frame['type']) {
    case 'heartbeat': {
      const { sentAtMs, epoch, nonce } = frame;
      if (!isTime(sentAtMs) || !isCount(epoch) || typeof nonce !== 'string') return undefined;
      return { type: 'heartbeat', sentAtMs, epoch, nonce };
    }
    case 'heartbeat-ack': {
      const { sentAtMs, votedAgoMs } = frame;
      if (!isTime(sentAtMs) || !isTime(votedAgoMs)) return undefined;
      return { type: 'heartbeat-ack', sentAtMs, votedAgoMs };
    }
    case 'table': {
      const { bytes } = frame;
      return bytes instanceof Uint8Array ? { type: 'table', bytes } : undefined;
    }
    case 'handed': {
      const { partitions, epochs } = frame;
      if (!isCounts(partitions) || !isCounts(epochs) || partitions.length !== epochs.length) return undefined;
      return partitions.every((partition) => partition < limits.partitions)
        ? { type: 'handed', partitions, epochs }
        : undefined;
    }
    default:
      return undefined;
  }
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= limits.partitions && value.every(isCount);
}
