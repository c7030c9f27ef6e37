/**
 * A worker sends datagrams from the address that the peer knows: itself when it has it, else by the node that has it, and
 * itself again when that node is gone. What another worker has read is dropped when it took too long. Seen failing with: the
 * node of a flow not looked at; packets to a node that is gone; the age not looked at.
 */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { packEnvelope, unpackEnvelope } from '../../actors/envelope.ts';
import { SyncHost } from '../../actors/sync-host.ts';
import { SipWorker } from '../../cluster/sip-worker.ts';
import { packTransmit, unpackTransmit } from '../../cluster/transmit.ts';
import { limits } from '../../src/limits.ts';
import type { Flow } from '../../src/outside.ts';
import { Identifiers } from '../../src/proxy/identifiers.ts';
import { Self } from '../../src/proxy/self.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';
import { defaultService } from '../../src/routing/default-service.ts';
import { datagramFlow, isDatagramFlow, nodeOfFlow } from '../../src/transport/datagram-flow.ts';

const flow: Flow = { protocol: 'udp', listener: 0, address: '192.0.2.9', port: 5062, connection: '' };
const options = Buffer.from(
  'OPTIONS sip:10.77.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.1.1:5062;branch=z9hG4bKx;rport\r\nMax-Forwards: 70\r\n' +
    'From: <sip:a@b.test>;tag=1\r\nTo: <sip:10.77.0.1>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n',
);
let sent: string[];
let counts: string[];
let nowMs: number;
let payloads: Buffer[];
let worker: SipWorker;

beforeEach(() => {
  sent = [];
  counts = [];
  nowMs = 0;
  payloads = [];
  const store = { write: () => {}, loadPieces: () => {}, user: () => {} };
  worker = new SipWorker(
    {
      node: 'a',
      incarnation: 1,
      worker: 3,
      clock: { monotonicMs: () => nowMs, clusterMs: () => nowMs },
      random: { bytes: (length) => Buffer.alloc(length), fraction: () => 0.5 },
      log: { write: () => {} },
      store,
      host: new SyncHost({ crashed: () => {}, refused: () => {}, deadLetters: () => {} }),
      deps: {
        self: new Self([{ protocol: 'udp', address: '10.77.0.1', port: 5060, host: '10.77.0.1' }], ['b.test']),
        identifiers: new Identifiers(Buffer.from('secret')),
        service: defaultService({ authenticate: false }),
        nonceSecret: 'n',
        noAnswerMs: 1_000,
        registrar: { minExpiresSeconds: 60, maxExpiresSeconds: 7_200, maxContacts: 10 },
      },
    },
    {
      partitionOf: () => 0,
      serving: () => true,
      send: (to) => void sent.push(`here ${to.address}:${to.port}`),
      toHub: (node, target, payload) => {
        payloads.push(Buffer.from(payload));
        if (target[0] === 0) return true;
        const packet = unpackTransmit(payload);
        return sent.push(`${node} ${target.join(',')} ${packet?.flow.address}:${packet?.flow.port}`) > 0;
      },
      report: () => {},
      soon: () => {},
      later: () => {},
      count: (metric) => void counts.push(metric),
    },
  );
  worker.know([{ node: 'b', workers: 2, sockets: [{ host: '10.77.0.2', port: 5060 }] }]);
});

function answered(connection: string): string[] {
  sent = [];
  worker.edge.receive(Buffer.from(options), { ...flow, connection });
  return sent;
}

test('from here when all have the address or only we; by a worker that the other node has', () => {
  assert.deepEqual(answered(''), ['here 192.0.2.9:5062']);
  assert.deepEqual(answered(datagramFlow('a')), ['here 192.0.2.9:5062']);
  assert.deepEqual(answered(datagramFlow('b')), ['b 1,1 192.0.2.9:5062']);
});

test('from here when the node of the flow is gone', () => {
  assert.deepEqual(answered(datagramFlow('c')), ['here 192.0.2.9:5062']);
  worker.know([]);
  assert.deepEqual(answered(datagramFlow('b')), ['here 192.0.2.9:5062']);
});

test('what another node asks us to send leaves here', () => {
  const packet = { flow: { ...flow, connection: datagramFlow('a') }, bytes: options, token: '' };
  worker.onItem([1, 3], packTransmit(packet));
  assert.deepEqual(sent, ['here 192.0.2.9:5062']);
});

test('names of flows', () => {
  assert.equal(nodeOfFlow({ ...flow, connection: datagramFlow('node-1') }), 'node-1');
  assert.equal(nodeOfFlow({ ...flow, connection: 'b/0/17' }), 'b');
  assert.equal(nodeOfFlow(flow), '');
  assert.ok(isDatagramFlow({ ...flow, connection: datagramFlow('b') }));
  assert.ok(!isDatagramFlow({ ...flow, connection: 'b/0/udp' }), 'a thread that holds the port alone');
  assert.ok(!isDatagramFlow(flow));
});

test('not begun any more when it lay in hubs and links for longer than a network keeps it: RFC 3261 17.1.2.2, T4', () => {
  const message = parse(options, false);
  assert.ok(!isFailure(message));
  const item = packEnvelope({ type: 'sip', to: { kind: 'call', key: 'c' }, message, flow }, 1_000);
  worker.order({ type: 'assign', shares: [{ partition: 0, epoch: 1 }] });
  for (const atMs of [1_000, 1_000 + limits.datagramLateMs, 1_001 + limits.datagramLateMs]) {
    nowMs = atMs;
    worker.onItem([0, 0, 1], item);
  }
  assert.deepEqual(
    counts.filter((metric) => metric.startsWith('dropped')),
    ['dropped-late'],
  );
});

test('dated by who read it when it goes to another worker, over UDP', () => {
  const dates: unknown[] = [];
  const over = (protocol: 'udp' | 'tcp'): void => {
    nowMs = 7_000.5;
    sent = [];
    const invite = Buffer.from(
      options
        .toString('latin1')
        .replaceAll('OPTIONS sip:10.77.0.1', 'MESSAGE sip:u@b.test')
        .replace('1 OPTIONS', '1 MESSAGE'),
      'latin1',
    );
    worker.edge.receive(invite, { ...flow, protocol });
    dates.push(
      unpackEnvelope(payloads.at(-1)!, (bytes, stream) => {
        const each = parse(bytes, stream);
        return isFailure(each) ? undefined : each;
      })?.readMs,
    );
  };
  over('udp');
  over('tcp');
  assert.deepEqual(dates, [7_000, undefined]);
});
