/**
 * Names of messages by their octets and where they came from: what a worker reads and what an actor handles is the same one
 * when both have one name. A number of 53 bits: in a world of 10,000 messages two of them are confused once in 10^8 worlds.
 */
import assert from 'node:assert';
import { unpackEnvelope } from '../../actors/envelope.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';
import { writeMessage } from '../phone/message.ts';

/** Stands for every message in an item: its octets are all that is asked for, and parsing costs. */
const anyMessage = messageOf(
  writeMessage('OPTIONS sip:any SIP/2.0', [
    ['Via', 'SIP/2.0/UDP any;branch=z9hG4bK-any'],
    ['Max-Forwards', '70'],
    ['From', '<sip:any>;tag=any'],
    ['To', '<sip:any>'],
    ['Call-ID', 'any'],
    ['CSeq', '1 OPTIONS'],
  ]),
);

function messageOf(bytes: Buffer): SipMessage {
  const message = parse(bytes, false);
  assert(!isFailure(message));
  return message;
}

let octets: Buffer | undefined;

function take(bytes: Buffer): SipMessage {
  octets = bytes;
  return anyMessage;
}

/** Of an item that carries a message. */
export function nameIn(payload: Uint8Array): number | undefined {
  const envelope = unpackEnvelope(payload, take);
  if (envelope?.type !== 'sip' || octets === undefined) return undefined;
  return nameOf(octets, envelope.flow.address, envelope.flow.port);
}

/** The octets of one, to be read four at a time (in the order of this machine: names are compared in one process). */
const scratchBytes = 65_536;
const scratch = new Uint8Array(scratchBytes);
const scratchWords = new Int32Array(scratch.buffer);

/** Two hashes of its octets and of where it came from. */
export function nameOf(bytes: Uint8Array, address: string, port: number): number {
  let [first, second] = [0x811c9dc5 ^ port, bytes.length];
  for (let index = 0; index < address.length; index++) first = Math.imul(first ^ address.charCodeAt(index), 0x01000193);
  const taken = Math.min(bytes.length, scratchBytes) & ~3;
  scratch.set(bytes.length <= scratchBytes ? bytes : bytes.subarray(0, scratchBytes));
  for (let index = 0; index < taken >> 2; index++) {
    const word = scratchWords[index]!;
    // As MurmurHash3 mixes, so that each bit reaches those below it too.
    const mixed = Math.imul(word, 0xcc9e2d51);
    first ^= Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
    first = (Math.imul((first << 13) | (first >>> 19), 5) + 0xe6546b64) | 0;
    second = (Math.imul(second, 0x5bd1e995) + word) | 0;
  }
  for (let index = taken; index < bytes.length; index++) {
    first = Math.imul(first ^ bytes[index]!, 0x01000193);
    second = (Math.imul(second, 0x5bd1e995) + bytes[index]!) | 0;
  }
  return (first >>> 0) * 2 ** 21 + (second >>> 11);
}
