/** How a node reads and writes UDP; its workers choose in the same way. */
import type { Config } from '../../config/config.ts';
import { chooseUdp } from '../../io/udp-path.ts';
import type { UdpPath } from '../../io/udp-path.ts';
import { ExitError, exitCodes } from '../exit.ts';

/** @throws ExitError when it has to be native and cannot be */
export function chooseDatagrams({ node }: Config): UdpPath {
  try {
    return chooseUdp(node.datagrams);
  } catch (error) {
    throw new ExitError(exitCodes.config, error instanceof Error ? error.message : String(error));
  }
}
