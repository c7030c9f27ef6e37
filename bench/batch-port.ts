/**
 * What an item of 800 octets costs between two threads, both ends together (CPU of the process), by items per turn:
 * `node bench/batch-port.ts`.
 */
import { MessageChannel, Worker, isMainThread, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { BatchPort } from '../src/io/batch-port.ts';

const items = 200_000;

if (isMainThread) {
  const payload = Buffer.alloc(800, 'x');
  for (const perTurn of [1, 4, 16, 64, 256]) {
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker(new URL(import.meta.url), { workerData: port2, transferList: [port2] });
    const near = await new Promise<BatchPort>((resolve) => {
      const port = new BatchPort(port1, () => resolve(port));
    });
    const cpu = process.cpuUsage();
    const start = performance.now();
    let sent = 0;
    await new Promise<void>((resolve) => {
      const turn = (): void => {
        for (let i = 0; i < perTurn && sent < items; i++) if (near.send('a', [0, sent % 4_096, 0], payload)) sent++;
        if (sent < items) setImmediate(turn);
        else worker.once('message', () => resolve());
      };
      turn();
    });
    const { user, system } = process.cpuUsage(cpu);
    const ms = performance.now() - start;
    console.log(
      `${String(perTurn).padStart(4)} a turn: ${((user + system) / items).toFixed(2)} us CPU, ${((1_000 * ms) / items).toFixed(2)} us wall an item`,
    );
    await worker.terminate();
  }
} else {
  const { parentPort } = await import('node:worker_threads');
  let received = 0;
  const far = new BatchPort(workerData as MessagePort, () => {
    if (++received === items) parentPort!.postMessage('done');
  });
  far.send('b', [2], Buffer.from('ready'));
}
