/**
 * A port for all threads and processes of this machine. The kernel spreads what arrives (SO_REUSEPORT); on a system that
 * cannot, whoever comes first holds the port and the others hand their packets to it over the hub, as they do with the
 * connections that others hold: what came in by the holder names it in `Flow.connection`.
 */
import { ReusePortUnsupported } from '../../io/reuse-port.ts';
import type { TcpListenOptions } from '../../io/tcp.ts';
import type { UdpOptions, UdpTransport } from '../../io/udp.ts';
import type { Log } from '../../outside.ts';

/** @param holder name of this thread as a holder: `node/worker/udp`. */
export async function openSharedUdp(
  open: (options: UdpOptions) => Promise<UdpTransport>,
  options: Omit<UdpOptions, 'reusePort'>,
  holder: string,
  log: Log,
): Promise<UdpTransport> {
  const where = { protocol: 'udp', address: options.address, port: options.port };
  try {
    return await open({ ...options, reusePort: true });
  } catch (error) {
    if (!(error instanceof ReusePortUnsupported)) throw error;
  }
  const onMessage: UdpOptions['onMessage'] = (bytes, flow) => options.onMessage(bytes, { ...flow, connection: holder });
  try {
    const socket = await open({ ...options, onMessage, reusePort: false });
    log.write('warn', 'port-held', { ...where, holder });
    return socket;
  } catch (error) {
    if (!isInUse(error)) throw error;
  }
  // For requests of our own: their responses come back to the port that they left from (RFC 3581).
  log.write('warn', 'port-held-by-another', where);
  return open({ ...options, port: 0, reusePort: false });
}

export async function listenSharedTcp(
  listen: (options: TcpListenOptions) => Promise<number>,
  options: Omit<TcpListenOptions, 'reusePort'>,
  log: Log,
): Promise<void> {
  const where = { protocol: 'tcp', address: options.address, port: options.port };
  try {
    await listen({ ...options, reusePort: true });
    return;
  } catch (error) {
    if (!(error instanceof ReusePortUnsupported)) throw error;
  }
  try {
    await listen({ ...options, reusePort: false });
    log.write('warn', 'port-held', where);
  } catch (error) {
    if (!isInUse(error)) throw error;
    log.write('warn', 'port-held-by-another', where);
  }
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}
