/**
 * What an item of 800 octets costs between two nodes over the loopback, both ends together in one thread (seals
 * included), by items per turn: `node bench/links.ts`.
 */
import { Mesh } from '../src/io/links.ts';

const items = 100_000;
const log = { write() {} };
let received = 0;
const common = { cluster: 'bench', secret: 'bench', log, onPeer() {}, onItem: () => void received++ };
const a = new Mesh({ ...common, self: { id: 'a', incarnation: 1 }, listen: { host: '127.0.0.1', port: 0 } });
const b = new Mesh({ ...common, self: { id: 'b', incarnation: 1 }, listen: { host: '127.0.0.1', port: 0 } });
await a.start();
a.setPeers([{ id: 'b', address: `127.0.0.1:${await b.start()}` }]);
while (!a.isUp('b')) await new Promise((resolve) => setTimeout(resolve, 5));

const payload = Buffer.alloc(800, 'x');
for (const perTurn of [1, 4, 16, 64, 256]) {
  received = 0;
  const cpu = process.cpuUsage();
  let sent = 0;
  await new Promise<void>((resolve) => {
    const turn = (): void => {
      for (let i = 0; i < perTurn && sent < items && sent - received < 4_096; i++)
        if (a.send('b', [0, sent % 4_096, 0], payload)) sent++;
      if (received < items) setImmediate(turn);
      else resolve();
    };
    turn();
  });
  const { user, system } = process.cpuUsage(cpu);
  console.log(`${String(perTurn).padStart(4)} a turn: ${((user + system) / items).toFixed(2)} us CPU an item`);
}
await Promise.all([a.close(), b.close()]);
