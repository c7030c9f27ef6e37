/** What a worker is to SIP peers, and the keys that all nodes of a cluster derive alike from its secret. */
import { createHmac } from 'node:crypto';
import { Self } from '../../proxy/self.ts';
import type { Listener } from '../../proxy/self.ts';
import type { Config } from '../../config/config.ts';

export function selfOf(config: Config): Self {
  const listeners: Listener[] = [];
  for (const { protocol, host: address, port } of config.listen) {
    if (protocol !== 'udp' && protocol !== 'tcp') continue;
    const own = address.includes(':') ? `[${address}]` : address;
    listeners.push({ protocol, address, port, host: advertised(config) ?? own });
  }
  return new Self(listeners, config.domains);
}

/** Host of `advertise`; the port is that of the listener. */
function advertised(config: Config): string | undefined {
  const { advertise } = config;
  if (advertise === undefined) return undefined;
  const colon = advertise.lastIndexOf(':');
  return colon > 0 && !advertise.endsWith(']') ? advertise.slice(0, colon) : advertise;
}

/** A key for one purpose: nothing made with it tells anything of another. */
export function deriveKey(secret: string, purpose: string): Buffer {
  return createHmac('sha256', secret).update(`carillon ${purpose} 1`).digest();
}
