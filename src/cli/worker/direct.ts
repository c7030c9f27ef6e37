/** The socket of a worker for datagrams of other workers (cluster/direct/), where the configuration wants it. */
import { DirectWay } from '../../../cluster/direct/way.ts';
import { forwardOf } from '../../config/config.ts';
import type { UdpPath } from '../../io/udp-path.ts';
import type { Clock, Flow, Log } from '../../outside.ts';
import { deriveKey } from './identity.ts';
import type { WorkerData } from './messages.ts';

export interface DirectSocketPorts {
  readonly clock: Clock;
  readonly log: Log;
  item(partition: number, hops: number, payload: Buffer): void;
  word(partition: number, payload: Buffer): void;
  count(metric: string): void;
}

export interface DirectSocket {
  readonly way: DirectWay;
  /** 0: no socket could be had, so everything goes by the links. */
  readonly port: number;
}

/** Undefined where the configuration does not want it. */
export async function openDirect(
  { config, incarnation, worker, places }: WorkerData,
  udp: UdpPath,
  { clock, log, item, word, count }: DirectSocketPorts,
): Promise<DirectSocket | undefined> {
  if (forwardOf(config) !== 'datagrams') return undefined;
  const address = config.node.link.host;
  const self = { node: config.node.id, incarnation, worker };
  const flow = { protocol: 'udp', listener: 0, connection: '' } as const;
  const way = new DirectWay(self, deriveKey(config.cluster.secret, 'datagrams'), new Int32Array(places), {
    nowMs: () => clock.monotonicMs(),
    clusterMs: () => clock.clusterMs(),
    send: (host, port, octets) => socket?.send({ ...flow, address: host, port }, octets),
    item,
    word,
    count,
  });
  const onMessage = (octets: Buffer, from: Flow): void => way.received(octets, from.address, from.port);
  const onError = (): void => count('direct-error');
  const socket = await udp
    .open({ address, port: 0, listener: 0, reusePort: false, onMessage, onError })
    .catch((error: unknown) => {
      log.write('warn', 'direct-socket', { address, error });
      return undefined;
    });
  return { way, port: socket?.port ?? 0 };
}
