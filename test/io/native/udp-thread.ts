/**
 * A thread with two sockets that send each other packets until it is ended, for udp-threads.test.ts. Says 'going' when some
 * have arrived, and what it did not catch. With `throwing` its receiver throws at every third packet.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { loadAddon } from '../../../src/io/native/addon.ts';
import { openNativeUdp } from '../../../src/io/native/native-udp.ts';
import type { UdpTransport } from '../../../src/io/udp.ts';

const { file, throwing } = workerData as { readonly file: string; readonly throwing: boolean };
const addon = loadAddon(file);
if (typeof addon === 'string') throw new Error(addon);
const sockets: UdpTransport[] = [];
let received = 0;
for (let i = 0; i < 2; i++) {
  const socket = await openNativeUdp(addon, {
    address: '127.0.0.1',
    port: 0,
    listener: 0,
    reusePort: true,
    onMessage(bytes, flow) {
      received++;
      if (received === 100) parentPort?.postMessage('going');
      socket.send(flow, bytes, 'token');
      if (throwing && received % 3 === 0) throw new Error(`packet ${received}`);
    },
    onError: (code) => parentPort?.postMessage(code),
  });
  sockets.push(socket);
}
process.on('uncaughtException', (error) => {
  if (throwing && received < 200) parentPort?.postMessage(error.message);
});
const [first, second] = sockets as [UdpTransport, UdpTransport];
for (let i = 0; i < 20; i++)
  first.send(
    { protocol: 'udp', listener: 0, address: '127.0.0.1', port: second.port, connection: '' },
    Buffer.alloc(500, i),
  );
parentPort?.on('message', (message: string) => {
  if (message === 'exit') process.exit(0);
  if (message === 'close') void Promise.all(sockets.map((socket) => socket.close())).then(() => parentPort?.close());
});
