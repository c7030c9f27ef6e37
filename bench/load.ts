/** Cases of server CPU: SIPp drives the servers in turns, since only a ratio of neighbours in time means something. */
import type { LoadCase } from './cases.ts';
import type { Run } from './support/case-run.ts';
import { fileName } from './support/case-run.ts';
import { callee, load } from './support/load.ts';
import type { Measured, Sample } from './support/output.ts';
import type { Server } from './support/server.ts';

/** V8 compiles for about so long (docs/PERFORMANCE.md). */
const warmUpSeconds = 60;

export async function measureLoad(each: LoadCase, run: Run): Promise<Measured> {
  const { folder: room, rounds, share, progress } = run;
  const servers: Server[] = [];
  const samples: Sample[][] = each.contenders.map(() => []);
  try {
    for (const contender of each.contenders) {
      progress(`${each.name}: ${contender.name} starts`);
      servers.push(await contender.start(`${room}/${fileName(contender.name)}`, run.nextPort()));
    }
    // Round 0 warms up and is not counted: compilers, caches, the registrations that calls need. As long in a quick look.
    for (let round = 0; round <= rounds; round++) {
      for (const [index, server] of servers.entries()) {
        progress(`${each.name}: round ${round} of ${rounds}, ${server.name}`);
        const sample = await once(each, server, room, round, round === 0 ? warmUpSeconds / each.seconds : share);
        if (round > 0) samples[index]!.push(sample);
      }
    }
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
  return {
    name: each.name,
    about: each.about,
    unit: 'µs',
    contenders: each.contenders.map((contender, index) => ({
      name: contender.name,
      isReference: contender.isReference === true,
      samples: samples[index]!,
    })),
  };
}

async function once(each: LoadCase, server: Server, room: string, round: number, part: number): Promise<Sample> {
  const name = `${fileName(server.name)}-${round}`;
  const own = server.port + 50;
  const common = { folder: room, server: server.port, port: own, users: each.users };
  const isCall = each.scenario === 'caller';
  if (isCall && round === 0) {
    const registered = await load({
      ...common,
      name: `${name}-users`,
      scenario: 'register',
      count: each.users,
      perSecond: 500,
      talkMs: 0,
    });
    if (registered.ok < each.users)
      throw new Error(`${server.name}: ${registered.ok} of ${each.users} users registered`);
  }
  const answering = isCall ? callee({ ...common, name }) : undefined;
  const before = server.cost();
  const count = Math.round(each.perSecond * each.seconds * part);
  const result = await load({
    ...common,
    name,
    scenario: each.scenario,
    count,
    perSecond: each.perSecond,
    talkMs: each.talkMs,
  });
  const after = server.cost();
  await answering?.stop();
  return {
    value: ((after.cpuMs - before.cpuMs) * 1_000) / Math.max(1, result.ok),
    ok: result.ok,
    failed: result.failed + (count - result.ok - result.failed),
    retransmissions: result.retransmissions,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    rssBytes: after.rssBytes,
  };
}
