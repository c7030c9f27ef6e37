/**
 * How long users of a node that is killed get no answer: two nodes on one address, one is killed with SIGKILL, and all users
 * are asked (a REGISTER each, again and again every few milliseconds) until each has had one. Those of the other node tell
 * how long it takes without a failure.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { chooseUdp } from '../src/io/udp-path.ts';
import type { FailoverCase } from './cases.ts';
import { linesOf, register, value } from './generator/messages.ts';
import { fileName, type Run } from './support/case-run.ts';
import { type Figures, percentile, type Row } from './support/figures.ts';
import { treeOf } from './support/process.ts';
import { domain } from './support/server.ts';

const users = 40;
const askMs = 20;
const giveUpMs = 20_000;

export async function measureFailover(each: FailoverCase, run: Run): Promise<Figures> {
  const rows: Row[] = [];
  for (const contender of each.contenders) {
    const port = run.nextPort();
    const server = await contender.start(`${run.folder}/${fileName(contender.name)}`, port);
    const own = port + 50;
    const answered = new Map<string, number>();
    const socket = await chooseUdp('auto').open({
      ...{ address: '127.0.0.1', port: own, listener: 0, reusePort: false, onError: () => undefined },
      onMessage: (bytes) => {
        const lines = linesOf(bytes);
        const key = `${value(lines, 'Call-ID')} ${value(lines, 'CSeq')}`;
        if (lines[0]!.startsWith('SIP/2.0 2') && !answered.has(key)) answered.set(key, performance.now());
      },
    });
    const flow = { protocol: 'udp', listener: 0, address: '127.0.0.1', port, connection: '' } as const;
    const party = { domain, address: '127.0.0.1', port: own };
    const keyOf = (user: number, cseq: number): string => `ru${user}@127.0.0.1 ${cseq} REGISTER`;
    /** Milliseconds from now to the answer of each. */
    const askAll = async (cseq: number): Promise<number[]> => {
      const startMs = performance.now();
      const waiting = new Set(Array.from({ length: users }, (_, user) => user));
      while (waiting.size > 0 && performance.now() - startMs < giveUpMs) {
        for (const user of waiting) {
          if (answered.has(keyOf(user, cseq))) waiting.delete(user);
          else socket.send(flow, Buffer.from(register(party, `u${user}`, cseq, own, 3_600), 'latin1'));
        }
        await sleep(askMs);
      }
      const times = Array.from({ length: users }, (_, user) => (answered.get(keyOf(user, cseq)) ?? Infinity) - startMs);
      return times.sort((a, b) => a - b);
    };
    try {
      await askAll(1);
      await sleep(5_000);
      const calm = await askAll(2);
      await sleep(2_000);
      const longest: number[] = [];
      for (let kill = 1; kill <= run.rounds; kill++) {
        // The supervisor's first child; it starts another one, which must be there before the next is killed.
        const node = treeOf(server.pid)[1]!;
        process.kill(node, 'SIGKILL');
        const times = await askAll(2 + kill);
        longest.push(times.at(-1)!);
        run.progress(`${each.name}: ${contender.name}, killed ${kill} times: ${times.at(-1)!.toFixed(0)} ms`);
        await sleep(15_000);
      }
      longest.sort((a, b) => a - b);
      rows.push({
        name: contender.name,
        figures: {
          'users': users,
          'all answered without a failure, ms': calm.at(-1)!,
          'killed, times': longest.length,
          'all answered after a kill, median ms': percentile(longest, 0.5),
          'longest ms': longest.at(-1)!,
        },
      });
    } finally {
      await socket.close();
      await server.stop();
    }
  }
  return { name: each.name, about: each.about, rows };
}
