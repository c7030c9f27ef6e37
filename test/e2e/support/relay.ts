/** Starts and stops the relay of spray.ts. */
import { fileURLToPath } from 'node:url';
import { start, stop, until, type Child } from './children.ts';

export interface RelayOptions {
  readonly listen: number;
  readonly server: number;
  /** Random source ports; 0: one for each client. */
  readonly ports: number;
  /** Port that gets the requests of the server; 0: none. */
  readonly callee?: number;
  readonly md5Only?: boolean;
  readonly folder: string;
}

export async function startRelay(options: RelayOptions): Promise<Child> {
  const args = [
    '--listen',
    options.listen,
    '--server',
    options.server,
    '--ports',
    options.ports,
    '--callee',
    options.callee ?? 0,
  ];
  const relay = start(
    'relay',
    process.execPath,
    [
      fileURLToPath(new URL('../spray.ts', import.meta.url)),
      ...args.map(String),
      ...(options.md5Only === true ? ['--md5-only'] : []),
    ],
    { log: `${options.folder}/relay-${options.listen}.log` },
  );
  await until('the relay listens', 5_000, () => relay.output().includes('relay ready') || undefined);
  return relay;
}

/** What it carried. */
export async function stopRelay(relay: Child): Promise<Record<string, number>> {
  await stop(relay, 2_000);
  const line = relay.output().trim().split('\n').at(-1) ?? '{}';
  return JSON.parse(line.startsWith('{') ? line : '{}') as Record<string, number>;
}
