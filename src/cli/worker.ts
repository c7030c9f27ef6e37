/**
 * A worker thread of a node: its SIP sockets, its share of the partitions, and everything between them. This is the
 * composition root of the thread; it decides nothing itself.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { aorBehaviour } from '../../actors/aor/behaviour.ts';
import { callBehaviour } from '../../actors/call/behaviour.ts';
import { Edge } from '../../actors/edge.ts';
import type { Behaviour } from '../../actors/entity.ts';
import { packEnvelope, unpackEnvelope } from '../../actors/envelope.ts';
import type { Envelope } from '../../actors/envelope.ts';
import type { WorkerLoad } from '../../actors/mailbox.ts';
import { NactHost } from '../../actors/nact-host.ts';
import type { PartitionPorts } from '../../actors/ports.ts';
import { userChangedBody } from '../../actors/questions.ts';
import { Wheel } from '../../actors/wheel.ts';
import { ownerName } from '../../cluster/control-types.ts';
import type { Target } from '../../cluster/data-frame.ts';
import { partitionOf } from '../../cluster/hash.ts';
import { StoreClient } from '../../cluster/stores/client.ts';
import { BatchPort } from '../io/batch-port.ts';
import { SystemClock } from '../io/clock.ts';
import { openLog } from '../io/log.ts';
import { SystemRandom } from '../io/random.ts';
import { limits } from '../limits.ts';
import type { Flow } from '../outside.ts';
import { Identifiers } from '../proxy/identifiers.ts';
import type { SipMessage } from '../sip/message.ts';
import { isFailure, parse } from '../sip/parse.ts';
import { BoundedLog } from './worker/bounded-log.ts';
import { LoopDelay } from './worker/loop-delay.ts';
import { HostedPartitions } from './worker/hosted.ts';
import { Counters } from './worker/counters.ts';
import { StoreDirectory } from './worker/directory.ts';
import { deriveKey, selfOf } from './worker/identity.ts';
import type { FromWorker, ToWorker, WorkerData } from './worker/messages.ts';
import { tokenOf, undeliveredEnvelope } from './worker/origin.ts';
import { answerQuery } from './worker/queries.ts';
import { loadService } from './worker/service.ts';
import { Sockets } from './worker/sockets.ts';
import { holderOf, packTransmit, unpackTransmit } from './worker/transmit.ts';

const data = workerData as WorkerData;
const { config, worker } = data;
const node = config.node.id;
const clock = new SystemClock(data.clock);
const log = new BoundedLog(openLog({ level: 'info', fields: { node, worker } }), clock);
const random = new SystemRandom();
const counters = new Counters();
const loopDelay = new LoopDelay();
const serveUntil = new Float64Array(data.serveUntil);
const store = new StoreClient(data.store);
const wheel = new Wheel(clock.clusterMs());
const load: WorkerLoad = { queuedItems: 0 };
const count = (metric: string): void => counters.add(metric);
const tellMain = (message: FromWorker): void => parentPort?.postMessage(message);
const serving = (): boolean => clock.monotonicMs() < (serveUntil[0] ?? 0);

const self = selfOf(config);
const identifiers = new Identifiers(deriveKey(config.cluster.secret, 'identifiers'));
const directory = new StoreDirectory(store, clock, log, (aor) => {
  deliver(partitionOf(aor), { to: { kind: 'aor', key: aor }, type: 'tell', body: userChangedBody });
});
const deps = {
  self,
  identifiers,
  service: await loadService(config),
  random,
  nonceSecret: deriveKey(config.cluster.secret, 'nonces').toString('hex'),
  noAnswerMs: config.calls.noAnswerSeconds * 1000,
  directory,
  registrar: {
    minExpiresSeconds: config.registrar.minExpires,
    maxExpiresSeconds: config.registrar.maxExpires,
    maxContacts: config.registrar.maxContacts,
  },
};

const edge = new Edge(self, identifiers, {
  partitionOf,
  deliver,
  send: (flow, bytes) => transmit(flow, bytes, ''),
  note: (level, event, fields) => log.write(level, event, fields),
  count,
});

const ports: PartitionPorts = {
  clock,
  wheel,
  load,
  partitionOf,
  wake: (partition) => hosted.wake(partition),
  send(flow, bytes, origin) {
    // A process that woke from a pause may hear late acknowledgements: what they release belongs to somebody else now.
    if (!serving()) return count('dropped-not-serving');
    transmit(flow, bytes, origin === undefined ? '' : tokenOf(origin));
  },
  post: deliver,
  write(partition, epoch, owner, rows, durable, done) {
    store.write(partition, epoch, owner, rows, durable, (error, reply) => {
      if (error !== undefined)
        log.write('warn', 'snapshot-write', { partition, code: error.code, message: error.message });
      if (error === undefined && reply !== 'ok') count('store-writes-refused');
      done(error === undefined ? (reply === 'ok' ? 'ok' : 'fenced') : 'failed');
    });
  },
  overloaded(envelope) {
    if (envelope.type === 'sip')
      edge.reject(envelope.message, envelope.flow, 503, [
        ['Retry-After', String(2 + Math.floor(random.fraction() * 8))],
      ]);
  },
  failed(envelope) {
    if (envelope.type === 'sip') edge.reject(envelope.message, envelope.flow, 500);
  },
  fenced: (partition) => hosted.fenced(partition),
  note: (level, event, fields) => log.write(level, event, fields),
  count,
};

const host = new NactHost(`worker-${worker}`, {
  crashed: (name, error) => log.write('error', 'actor-crashed', { name, error }),
  refused: () => count('actor-refused'),
  deadLetters: () => count('actor-dead-letters'),
});
const hosted = new HostedPartitions(
  host,
  store,
  ownerName(node, data.incarnation),
  log,
  {
    serving,
    elsewhere,
    report: (type, shares) => tellMain({ type, shares }),
    reportFrozen: (attempt, shares) => tellMain({ type: 'frozen', attempt, shares }),
    count,
  },
  () => ports,
  { call: callBehaviour(deps) as Behaviour<unknown>, aor: aorBehaviour(deps) as Behaviour<unknown> },
);

const hub = new BatchPort(data.hub, (_from, target, payload) => onItem(target, payload), {
  onError: (error) => log.write('error', 'item-failed', { error }),
});

/** To the entity, wherever its partition is. */
function deliver(partition: number, envelope: Envelope): void {
  if (!hosted.deliver(partition, envelope)) elsewhere(partition, envelope);
}

function elsewhere(partition: number, envelope: Envelope): void {
  count('forwarded');
  if (!hub.send('', [0, partition, 0], packEnvelope(envelope))) count('dropped-hub-busy');
}

/** From another thread or node. The payload is a view of a buffer that is not ours. */
function onItem(target: Target, payload: Uint8Array): void {
  if (target[0] === 1) return onTransmit(payload);
  if (target[0] !== 0) return;
  const [, partition, hops] = target;
  if (!hosted.has(partition)) {
    // The table has changed while it was under way.
    if (hops >= limits.linkHopsMax) return count('dropped-hops');
    if (!hub.send('', [0, partition, hops + 1], payload)) count('dropped-hub-busy');
    return;
  }
  const envelope = unpackEnvelope(Buffer.from(payload), parsed);
  if (envelope === undefined) count('dropped-unreadable');
  else hosted.deliver(partition, envelope);
}

function parsed(bytes: Buffer, stream: boolean): SipMessage | undefined {
  const message = parse(bytes, stream);
  return isFailure(message) ? undefined : message;
}

function transmit(flow: Flow, bytes: Uint8Array, token: string): void {
  const holder = flow.connection === '' ? undefined : holderOf(flow.connection);
  if (holder === undefined || (holder.node === node && holder.worker === worker))
    return sockets.send(flow, bytes, token);
  if (!hub.send(holder.node, [1, holder.worker], packTransmit({ flow, bytes, token }))) count('dropped-hub-busy');
}

function onTransmit(payload: Uint8Array): void {
  const packet = unpackTransmit(payload);
  if (packet === undefined) count('dropped-unreadable');
  else sockets.send(packet.flow, packet.bytes, packet.token);
}

function onUndelivered(token: string): void {
  count('undelivered');
  const news = undeliveredEnvelope(token);
  if (news !== undefined) deliver(news.partition, news.envelope);
}

parentPort?.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'assign':
      return hosted.assign(message.shares);
    case 'freeze':
      return hosted.freeze(message.attempt, message.shares);
    case 'thaw':
      return hosted.thaw(message.shares);
    case 'drop':
      return hosted.drop(message.partitions);
    case 'user-changed':
      return directory.forget(message.aor);
    case 'query': {
      const value = answerQuery(message.query, hosted, counters, loopDelay);
      return tellMain({ type: 'answer', id: message.id, value });
    }
    case 'close':
      void sockets.close().then(() => process.exit(0));
  }
});

/** Timers have a resolution of 10 ms (src/limits.ts); nothing fires while the node may not act. */
setInterval(() => {
  if (!serving()) return;
  hosted.resume();
  wheel.advance(clock.clusterMs());
}, limits.timerTickMs);

let sockets: Sockets;
try {
  sockets = await Sockets.open({
    node,
    worker,
    listeners: self.listeners,
    clock,
    log,
    onMessage: (bytes, flow) => edge.receive(bytes, flow),
    onUndelivered,
    count,
  });
  tellMain({ type: 'up' });
} catch (error) {
  const { code, message, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  tellMain({ type: 'refused', code: code ?? 'unknown', message, address: address ?? '', port: port ?? 0 });
}
