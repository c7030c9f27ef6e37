/** What a TCP connection costs that a phone registered over and then keeps: resident memory of the server for each. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionsCase } from './cases.ts';
import { registerOver } from './generator/messages.ts';
import { fileName, type Run } from './support/case-run.ts';
import type { Figures, Row } from './support/figures.ts';
import { domain } from './support/server.ts';

const atOnce = 100;
/** The transactions of the registrations have ended, and their users sleep. */
const settleMs = 75_000;

export async function measureConnections(each: ConnectionsCase, run: Run): Promise<Figures> {
  const rows: Row[] = [];
  for (const contender of each.contenders) {
    const port = run.nextPort();
    const server = await contender.start(`${run.folder}/${fileName(contender.name)}`, port);
    const count = Math.round(each.count * run.share);
    const sockets: Socket[] = [];
    try {
      const open = async (from: number, to: number): Promise<number> => {
        let ok = 0;
        for (let first = from; first < to; first += atOnce) {
          const users = Array.from({ length: Math.min(atOnce, to - first) }, (_, index) => first + index);
          const answers = await Promise.all(users.map((user) => registered(port, `t${user}`, sockets)));
          ok += answers.filter((answer) => answer).length;
        }
        return ok;
      };
      await open(0, atOnce);
      await sleep(settleMs);
      const before = server.cost();
      run.progress(`${each.name}: ${contender.name}, ${count} connections`);
      const ok = await open(atOnce, atOnce + count);
      const loaded = server.cost();
      await sleep(settleMs);
      const after = server.cost();
      rows.push({
        name: contender.name,
        figures: {
          'connections': ok,
          'refused': count - ok,
          'bytes each, at rest': (after.rssBytes - before.rssBytes) / Math.max(1, ok),
          'bytes each, at once': (loaded.rssBytes - before.rssBytes) / Math.max(1, ok),
          'CPU to open and register, µs': ((loaded.cpuMs - before.cpuMs) * 1_000) / Math.max(1, ok),
          'closed meanwhile': sockets.filter((socket) => socket.destroyed).length,
        },
      });
    } finally {
      for (const socket of sockets) socket.destroy();
      await server.stop();
    }
  }
  return { name: each.name, about: each.about, rows };
}

/** False: refused, or no 200 within ten seconds. */
function registered(port: number, user: string, sockets: Socket[]): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    sockets.push(socket);
    const timeout = setTimeout(() => resolve(false), 10_000);
    const end = (ok: boolean): void => {
      clearTimeout(timeout);
      resolve(ok);
    };
    socket.once('connect', () => socket.write(registerOver(domain, user, socket.localPort ?? 0)));
    socket.once('data', (bytes) => end(bytes.toString('latin1').startsWith('SIP/2.0 200')));
    socket.on('error', () => end(false));
  });
}
