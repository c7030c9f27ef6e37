/** Tells the workers which other nodes live and by which SIP addresses they are known: from the leases, whenever that changes. */
import type { MemberRow } from '../../../cluster/store-ports.ts';
import { parseAdvertised } from '../../config/listener.ts';
import type { Listener, Sibling } from '../../proxy/self.ts';
import { formatHost } from '../../sip/host.ts';

/** Host and port of each listener as others know them: what a node says of itself in its lease. */
export function socketTexts(listeners: readonly Listener[]): string[] {
  return listeners.map(({ host, port, advertisedPort }) => `${host}:${advertisedPort ?? port}`);
}

export class Siblings {
  readonly #node: string;
  readonly #tell: (siblings: readonly Sibling[]) => void;
  #rows: readonly MemberRow[] | undefined;
  #key = '[]';
  now: readonly Sibling[] = [];

  constructor(node: string, tell: (siblings: readonly Sibling[]) => void) {
    this.#node = node;
    this.#tell = tell;
  }

  /** As last read; to be called often. */
  look(rows: readonly MemberRow[]): void {
    if (rows === this.#rows) return;
    this.#rows = rows;
    const siblings = rows.flatMap(({ id, status, info }) =>
      id === this.#node || status === 'dead' || info.sip === undefined
        ? []
        : [{ node: id, workers: info.workers, sockets: info.sip.map(socketOf) }],
    );
    const key = JSON.stringify(siblings);
    if (key === this.#key) return;
    this.#key = key;
    this.now = siblings;
    this.#tell(siblings);
  }
}

function socketOf(text: string): Sibling['sockets'][number] {
  const { host, port } = parseAdvertised(text) ?? { host: '' };
  return { host: formatHost(host), port: port ?? 5060 };
}
