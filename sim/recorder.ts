/** What happened, for people: a line for each event in order, every datagram and every forward inside of the cluster. */
import { unpackEnvelope } from '../actors/envelope.ts';
import type { Target } from '../cluster/data-frame.ts';
import { contentOf as contentOfDatagram } from '../cluster/direct/datagram.ts';
import { unpackTransmit } from '../cluster/transmit.ts';
import { isFailure, parse } from '../src/sip/parse.ts';
import { sideOf, wordsOf } from './ladder.ts';
import type { Passage } from './network.ts';
import type { Observer } from './observe.ts';
import { readMessage } from './phone/message.ts';
import { Story } from './report/story.ts';
import type { World } from './world.ts';

/** Something of a call that one node gave to another. */
export interface Forward {
  readonly atMs: number;
  /** Processes: `a.1`. */
  readonly from: string;
  readonly to: string;
  readonly callId: string;
  readonly text: string;
}

const linesMax = 200_000;

export class Recorder {
  readonly observer: Observer;
  readonly lines: string[] = [];
  readonly passages: Passage[] = [];
  readonly forwards: Forward[] = [];
  /** Of nodes, store and partitions; undefined when nothing is kept. */
  readonly story: Story | undefined;

  constructor(world: World, keep: boolean) {
    this.story = keep ? new Story(world) : undefined;
    /** Items that a link did not take. */
    const waiting = new WeakSet<Uint8Array>();
    const say = (text: string): void => {
      if (this.lines.length < linesMax)
        this.lines.push(`${(world.kernel.nowMs / 1_000).toFixed(3).padStart(8)}  ${text}`);
    };
    if (keep)
      world.network.watchers.push((passage) => {
        this.passages.push(passage);
        const { from, to, worker, fate } = passage;
        const fateText = fate === 'arrived' ? '' : `  ${fate.toUpperCase()}`;
        say(`${sideOf(from, worker, true)} > ${sideOf(to, worker, true)}  ${describe(passage.bytes)}${fateText}`);
      });
    const nameOf = (node: string): string => world.nodes.get(node)?.owner.name ?? node;
    const forward = (from: string, to: string, target: Target, payload: Uint8Array, how: string): void => {
      const found = contentOf(target, payload);
      if (found === undefined) return;
      this.forwards.push({ atMs: world.kernel.nowMs, from, to, callId: found.callId, text: found.text + how });
    };
    if (keep && world.direct !== undefined)
      world.direct.watch = (from, to, octets, isLost) => {
        const content = from === to ? undefined : contentOfDatagram(octets);
        if (content?.type !== 'item') return;
        const { partition, hops, payload } = content;
        forward(nameOf(from), nameOf(to), [0, partition, hops], payload, isLost ? ' LOST' : '');
      };
    this.observer = !keep
      ? {}
      : {
          noted: (node, level, event, fields) => {
            if (level !== 'debug') say(`${node}: ${event} ${JSON.stringify(fields)}`);
          },
          callEvent: (call, what) => say(`call ${call.plan.callId}: ${what}`),
          fault: (fault) =>
            say(
              `FAULT ${fault.kind} ${fault.node} ${fault.other} for ${fault.forMs} ms${fault.released ? ', released' : ''}`,
            ),
          registration: (record) => say(`${record.phone}: ${record.wants} ${record.status} ${record.listed.join(' ')}`),
          phase: (phase) => say(`-- ${phase}`),
          crashed: (node, name, error) => say(`${node}: ${name} broke: ${String(error)}`),
          forwarded: (node, peer, target, payload, isTaken) => {
            // Tried again every few milliseconds: said once.
            if (!isTaken && waiting.has(payload)) return;
            if (!isTaken) waiting.add(payload);
            forward(node.owner.name, nameOf(peer), target, payload, isTaken ? '' : ' WAITS');
          },
        };
  }
}

function describe(bytes: Buffer): string {
  const message = readMessage(bytes);
  return typeof message === 'string' ? `unreadable: ${message}` : `${wordsOf(message)} ${message.callId}`;
}

/** Of an item between nodes: which call it is about and what it says. */
function contentOf(target: Target, payload: Uint8Array): Pick<Forward, 'callId' | 'text'> | undefined {
  if (target[0] === 2) return undefined;
  if (target[0] === 1) {
    const packet = unpackTransmit(payload);
    return packet === undefined ? undefined : sipContent(Buffer.from(packet.bytes));
  }
  const envelope = unpackEnvelope(Buffer.from(payload), (bytes, stream) => {
    const message = parse(bytes, stream);
    return isFailure(message) ? undefined : message;
  });
  if (envelope === undefined) return undefined;
  if (envelope.type === 'sip') return sipContent(Buffer.from(envelope.message.bytes));
  const callId = envelope.to.kind === 'call' ? envelope.to.key : 'asker' in envelope ? envelope.asker.key : '';
  return { callId, text: `${envelope.type} ${envelope.to.kind}` };
}

function sipContent(bytes: Buffer): Pick<Forward, 'callId' | 'text'> | undefined {
  const message = readMessage(bytes);
  return typeof message === 'string' ? undefined : { callId: message.callId, text: wordsOf(message) };
}
