/** Every datagram of a run, as a text and as a file for Wireshark, sngrep and others; and the ladder of a call. */
import { writeFileSync } from 'node:fs';
import { ladder } from '../ladder.ts';
import { clusterEndpoint, nameOf } from '../network.ts';
import type { Passage } from '../network.ts';

const rawIp = 101;
const udp = 17;

export class Capture {
  readonly passages: Passage[] = [];
  readonly watch = (passage: Passage): void => void this.passages.push(passage);

  /** @param atMs wall clock of the time zero of the passages */
  write(folder: string, startedAtMs: number): void {
    writeFileSync(`${folder}/capture.txt`, this.passages.map(textOf).join(''));
    writeFileSync(
      `${folder}/capture.pcap`,
      Buffer.concat([header(), ...this.passages.map((p) => record(p, startedAtMs))]),
    );
  }

  ladder(callId: string): string[] {
    return ladder(
      this.passages.map((passage) => ({
        ...passage,
        from: sideOf(passage.from),
        to: sideOf(passage.to),
      })),
      callId,
    );
  }
}

/** As the simulator calls them, so that a ladder names phones and nodes. */
function sideOf(endpoint: string): string {
  const phone = /^127\.1\.(\d+)\.(\d+):/.exec(endpoint);
  return phone === null ? nameOf(clusterEndpoint) : `10.1.${phone[1]}.${phone[2]}:5060`;
}

function textOf({ atMs, from, to, fate, worker, bytes }: Passage): string {
  return `--- ${(atMs / 1_000).toFixed(3)} ${from} -> ${to} ${worker} ${fate}\n${bytes.toString('latin1')}\n`;
}

/** Format of libpcap with packets that begin at the IP header. */
function header(): Buffer {
  const bytes = Buffer.alloc(24);
  bytes.writeUInt32LE(0xa1b2c3d4, 0);
  bytes.writeUInt16LE(2, 4);
  bytes.writeUInt16LE(4, 6);
  bytes.writeUInt32LE(65_535, 16);
  bytes.writeUInt32LE(rawIp, 20);
  return bytes;
}

function record({ atMs, from, to, bytes }: Passage, startedAtMs: number): Buffer {
  const micros = Math.round((startedAtMs + atMs) * 1_000);
  const packet = Buffer.alloc(28 + bytes.length);
  packet[0] = 0x45;
  packet.writeUInt16BE(packet.length, 2);
  packet[8] = 64;
  packet[9] = udp;
  const [source, target] = [endpointOf(from), endpointOf(to)];
  Buffer.from(source.octets).copy(packet, 12);
  Buffer.from(target.octets).copy(packet, 16);
  packet.writeUInt16BE(source.port, 20);
  packet.writeUInt16BE(target.port, 22);
  packet.writeUInt16BE(8 + bytes.length, 24);
  bytes.copy(packet, 28);
  const head = Buffer.alloc(16);
  head.writeUInt32LE(Math.floor(micros / 1e6), 0);
  head.writeUInt32LE(micros % 1e6, 4);
  head.writeUInt32LE(packet.length, 8);
  head.writeUInt32LE(packet.length, 12);
  return Buffer.concat([head, packet]);
}

function endpointOf(name: string): { readonly octets: readonly number[]; readonly port: number } {
  const [address = '', port = '0'] = name.split(':');
  return { octets: address.split('.').map(Number), port: Number(port) };
}
