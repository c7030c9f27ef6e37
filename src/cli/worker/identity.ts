/** What a worker is to SIP peers, and the keys that all nodes of a cluster derive alike from its secret. */
import { createHmac } from 'node:crypto';
import { Self } from '../../proxy/self.ts';
import type { Listener } from '../../proxy/self.ts';
import type { Protocol } from '../../outside.ts';
import type { Config } from '../../config/config.ts';
import { formatHost } from '../../sip/host.ts';

export function selfOf(config: Config): Self {
  const listeners: Listener[] = [];
  for (const { protocol, host: address, port, advertise, shared = false } of served(config)) {
    const shown = advertise ?? config.advertise;
    listeners.push({
      protocol,
      address,
      port,
      host: formatHost(shown?.host ?? address),
      advertisedPort: shown?.port ?? port,
      isShared: shared,
    });
  }
  return new Self(listeners, config.domains);
}

/** For each listener of `selfOf`: the networks of balancers in front of it. */
export function balancersOf(config: Config): (readonly string[])[] {
  return served(config).map(({ proxy }) => proxy ?? []);
}

type ServedListener = Config['listen'][number] & { readonly protocol: Protocol };

function served(config: Config): ServedListener[] {
  return config.listen.filter((each): each is ServedListener => each.protocol === 'udp' || each.protocol === 'tcp');
}

/** A key for one purpose: nothing made with it tells anything of another. */
export function deriveKey(secret: string, purpose: string): Buffer {
  return createHmac('sha256', secret).update(`carillon ${purpose} 1`).digest();
}
