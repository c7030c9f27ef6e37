/**
 * A worker thread of a node: its SIP sockets around a SipWorker (cluster/sip-worker.ts). This is the composition root of
 * the thread; it decides nothing itself.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { NactHost } from '../../actors/nact-host.ts';
import type { Target } from '../../cluster/data-frame.ts';
import { partitionOf } from '../../cluster/hash.ts';
import { SipWorker } from '../../cluster/sip-worker.ts';
import { StoreClient } from '../../cluster/stores/client.ts';
import { BatchPort } from '../io/batch-port.ts';
import { SystemClock } from '../io/clock.ts';
import { openLog } from '../io/log.ts';
import { SystemRandom } from '../io/random.ts';
import { chooseUdp } from '../io/udp-path.ts';
import { Identifiers } from '../proxy/identifiers.ts';
import { BoundedLog } from './worker/bounded-log.ts';
import { LoopDelay } from './worker/loop-delay.ts';
import { Counters } from './worker/counters.ts';
import { openDirect } from './worker/direct.ts';
import { balancersOf, deriveKey, selfOf } from './worker/identity.ts';
import type { FromWorker, ToWorker, WorkerData } from './worker/messages.ts';
import { answerQuery } from './worker/queries.ts';
import { loadService } from './worker/service.ts';
import { Sockets } from './worker/sockets.ts';
import { Ticker } from './worker/ticker.ts';

const data = workerData as WorkerData;
const { config, worker, incarnation } = data;
const node = config.node.id;
const clock = new SystemClock(data.clock);
const log = new BoundedLog(openLog({ level: data.logLevel, fields: { node, worker } }), clock);
const counters = new Counters();
const loopDelay = new LoopDelay();
const serveUntil = new Float64Array(data.serveUntil);
const store = new StoreClient(data.store);
const count = (metric: string): void => counters.add(metric);
const tellMain = (message: FromWorker): void => parentPort?.postMessage(message);

const host = new NactHost(`worker-${worker}`, {
  crashed: (name, error) => log.write('error', 'actor-crashed', { name, error }),
  refused: () => count('actor-refused'),
  deadLetters: () => count('actor-dead-letters'),
});

const deps = {
  self: selfOf(config),
  identifiers: new Identifiers(deriveKey(config.cluster.secret, 'identifiers')),
  service: await loadService(config),
  nonceSecret: deriveKey(config.cluster.secret, 'nonces').toString('hex'),
  noAnswerMs: config.calls.noAnswerSeconds * 1000,
  registrar: {
    minExpiresSeconds: config.registrar.minExpires,
    maxExpiresSeconds: config.registrar.maxExpires,
    maxContacts: config.registrar.maxContacts,
  },
};

const core = new SipWorker(
  { node, incarnation, worker, clock, random: new SystemRandom(), log, store, gate: config.cluster.gate, host, deps },
  {
    partitionOf,
    serving: () => clock.monotonicMs() < (serveUntil[0] ?? 0),
    send: (flow, bytes, token) => sockets?.send(flow, bytes, token),
    toHub: (to, target, payload) => hub.send(to, target, payload),
    directly: (partition, payload) => direct?.way.send(partition, payload) === true,
    roomForCopy: (buddy) => direct?.way.roomForCopy(buddy) ?? 0,
    copyDirectly: (buddy, partition, payload) => direct?.way.copy(buddy, partition, payload),
    report: tellMain,
    soon: (run) => void setImmediate(run),
    later: (delayMs, run) => void setTimeout(run, delayMs),
    count,
  },
);

const received = (_from: string, target: Target, payload: Buffer): void => {
  ticker.heard();
  core.onItem(target, payload);
};

const directItem = (partition: number, hops: number, payload: Buffer): void => {
  ticker.heard();
  core.onDirectItem(partition, hops, payload);
};

const directWord = (partition: number, payload: Buffer): void => {
  ticker.heard();
  core.onBuddyWord(partition, payload);
};

const datagrams = chooseUdp(config.node.datagrams);
const direct = await openDirect(data, datagrams, { clock, log, item: directItem, word: directWord, count });

const hub = new BatchPort(data.hub, received, {
  onError: (error) => log.write('error', 'item-failed', { error }),
});

parentPort?.on('message', (message: ToWorker) => {
  ticker.heard();
  switch (message.type) {
    case 'assign':
    case 'freeze':
    case 'thaw':
    case 'save-again':
    case 'drop':
    case 'buddies':
      return core.order(message);
    case 'user-changed':
      return core.userChanged(message.aor);
    case 'direct':
      return direct?.way.know(message.workers);
    case 'siblings':
      return core.know(message.siblings);
    case 'query': {
      const value = answerQuery(
        `worker-${worker}`,
        message.query,
        core.hosted,
        core.replicator,
        counters,
        loopDelay,
        sockets?.clients ?? 0,
      );
      void Promise.resolve(value).then((answer) => tellMain({ type: 'answer', id: message.id, value: answer }));
      return;
    }
    case 'listen':
      return void listen();
    case 'leaving':
      sockets?.stopAccepting();
      return core.close(message.isAlone);
    case 'close':
      // Perhaps before they are open, or because they could not be.
      void (sockets?.close() ?? Promise.resolve()).then(() => process.exit(0));
  }
});

// Nothing fires while the node may not act.
const ticker = new Ticker({
  tick: () => core.tick(),
  nextTickMs: () => core.nextTickMs(),
  nowMs: () => clock.monotonicMs(),
});

let sockets: Sockets | undefined;

async function listen(): Promise<void> {
  try {
    sockets = await Sockets.open({
      node,
      worker,
      incarnation: data.incarnation,
      processAgeMs: data.processAgeMs,
      listeners: deps.self.listeners,
      balancers: balancersOf(config),
      datagrams,
      clock,
      log,
      onMessage: (bytes, flow) => {
        ticker.heard();
        core.edge.receive(bytes, flow);
      },
      onUndelivered: (token) => core.undelivered(token),
      count,
    });
    tellMain({ type: 'listening' });
  } catch (error) {
    const { code, message, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
    tellMain({ type: 'refused', code: code ?? 'unknown', message, address: address ?? '', port: port ?? 0 });
  }
}

tellMain({ type: 'up' });
if (direct !== undefined) tellMain({ type: 'direct-port', port: direct.port });
