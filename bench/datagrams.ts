/**
 * `node bench/datagrams.ts [PAIRS]`: processor time of a packet received and answered, by the sockets of Node and natively,
 * in turns, for one packet on its way at a time and for many. Only of the thread that answers.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { chooseUdp } from '../src/io/udp-path.ts';
import type { Flow } from '../src/outside.ts';

type Path = 'node' | 'native';

const address = '127.0.0.1';
const octets = 600;
const rounds = 5;

if (isMainThread) await compare(Number(process.argv[2] ?? 50_000));
else await answer(workerData as Path);

async function answer(path: Path): Promise<void> {
  const server = await chooseUdp(path).open({
    ...{ address, port: 0, listener: 0, reusePort: false, onError: () => undefined },
    onMessage: (bytes, flow) => server.send(flow, bytes, 'token'),
  });
  parentPort?.on('message', () => {
    const { user, system } = process.threadCpuUsage();
    parentPort?.postMessage(user + system);
  });
  parentPort?.postMessage(server.port);
}

async function compare(pairs: number): Promise<void> {
  for (const window of [1, 8, 64]) {
    const costs: Record<Path, number[]> = { node: [], native: [] };
    for (let round = 0; round < rounds; round++)
      for (const path of ['node', 'native'] as const) costs[path].push(await measure(path, pairs, window));
    const text = (path: Path): string => {
      const sorted = costs[path].toSorted((a, b) => a - b);
      return `${path} ${sorted[rounds >> 1]!.toFixed(1)} us (${sorted[0]!.toFixed(1)} to ${sorted.at(-1)!.toFixed(1)})`;
    };
    console.log(`${window} on their way: ${text('node')}, ${text('native')}`);
  }
}

/** Microseconds for each pair. */
async function measure(path: Path, pairs: number, window: number): Promise<number> {
  const worker = new Worker(new URL(import.meta.url), { workerData: path });
  const heard = (): Promise<number> => new Promise((resolve) => worker.once('message', resolve));
  const port = await heard();
  const flow: Flow = { protocol: 'udp', listener: 0, address, port, connection: '' };
  let run = Promise.withResolvers<void>();
  let left = 0;
  const bytes = Buffer.alloc(octets, 'x');
  const client = await chooseUdp('auto').open({
    ...{ address, port: 0, listener: 0, reusePort: false, onError: () => undefined },
    onMessage() {
      if (--left >= window) client.send(flow, bytes);
      else if (left === 0) run.resolve();
    },
  });
  const exchange = async (count: number): Promise<number> => {
    run = Promise.withResolvers();
    left = count;
    worker.postMessage('cpu');
    const before = await heard();
    for (let i = 0; i < window; i++) client.send(flow, bytes);
    await run.promise;
    worker.postMessage('cpu');
    return (await heard()) - before;
  };
  await exchange(10_000);
  const cost = await exchange(pairs);
  await client.close();
  await worker.terminate();
  return cost / pairs;
}
