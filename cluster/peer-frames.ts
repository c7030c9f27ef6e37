/** Checks what another node sent to our control: a value decoded from MessagePack becomes a PeerFrame or nothing. */
import { limits } from '../src/limits.ts';
import type { PeerFrame } from './control-types.ts';
import type { LeaseReply } from './store-ports.ts';

/** Undefined when it is no frame that we know; the link then closes with reason `bad-frame`. */
export function readPeerFrame(value: unknown): PeerFrame | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const frame = value as Readonly<Record<string, unknown>>;
  switch (frame['type']) {
    case 'heartbeat': {
      const { sentAtMs, epoch, nonce, links } = frame;
      if (!isTime(sentAtMs) || !isCount(epoch) || typeof nonce !== 'string' || !isIds(links)) return undefined;
      return { type: 'heartbeat', sentAtMs, epoch, nonce, links };
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
      const { partitions, epochs, rows } = frame;
      if (!isCounts(partitions) || !isCounts(epochs) || partitions.length !== epochs.length) return undefined;
      if (partitions.some((partition) => partition >= limits.partitions)) return undefined;
      if (rows === undefined) return { type: 'handed', partitions, epochs };
      return isCounts(rows) && rows.length === partitions.length
        ? { type: 'handed', partitions, epochs, rows }
        : undefined;
    }
    case 'lease': {
      const { operation, draining } = frame;
      return isCount(operation) && typeof draining === 'boolean' ? { type: 'lease', operation, draining } : undefined;
    }
    case 'lease-reply': {
      const { operation } = frame;
      const reply = readLeaseReply(frame['reply']);
      return isCount(operation) && reply !== undefined ? { type: 'lease-reply', operation, reply } : undefined;
    }
    default:
      return undefined;
  }
}

const leaseResults: readonly LeaseReply['result'][] = ['ok', 'superseded', 'dead', 'predecessor-alive'];

function readLeaseReply(value: unknown): LeaseReply | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { result: said, tableEpoch, nowMs, storeLife } = value as Readonly<Record<string, unknown>>;
  const result = leaseResults.find((each) => each === said);
  if (result === undefined || !isCount(tableEpoch) || !isTime(nowMs)) return undefined;
  if (storeLife === undefined) return { result, tableEpoch, nowMs };
  return typeof storeLife === 'string' ? { result, tableEpoch, nowMs, storeLife } : undefined;
}

function isIds(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= limits.nodesMax && value.every((id) => typeof id === 'string');
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
