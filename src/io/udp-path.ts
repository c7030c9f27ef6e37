/**
 * By which way UDP goes: our addon (src/io/native) reads and writes in batches; Node's own sockets (src/io/node-udp.ts) are
 * there where it is not.
 */
import { loadAddon } from './native/addon.ts';
import type { Addon } from './native/addon.ts';
import { openNativeUdp } from './native/native-udp.ts';
import { openNodeUdp } from './node-udp.ts';
import type { UdpOptions, UdpTransport } from './udp.ts';

export interface UdpPath {
  readonly path: 'native' | 'node';
  /** Why it is not native; '' when it is. */
  readonly reason: string;
  /** Opens a socket. Rejects when the address is in use, not ours, or cannot be shared. */
  open(options: UdpOptions): Promise<UdpTransport>;
}

/**
 * @param wanted of the configuration: `node.datagrams`
 * @param load the addon, or why there is none
 * @throws Error with the reason when it has to be native and cannot be.
 */
export function chooseUdp(wanted: 'auto' | 'native' | 'node', load: () => Addon | string = loadAddon): UdpPath {
  if (wanted === 'node') return { path: 'node', reason: 'node.datagrams says so', open: openNodeUdp };
  const addon = load();
  if (typeof addon !== 'string')
    return { path: 'native', reason: '', open: (options) => openNativeUdp(addon, options) };
  if (wanted === 'native') throw new Error(`node.datagrams is "native", but ${addon}`);
  return { path: 'node', reason: addon, open: openNodeUdp };
}
