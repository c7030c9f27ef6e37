/**
 * `npm run bench [-- NAME...] [--rounds N] [--share S]`: server CPU per call and per registration, beside Kamailio in the same
 * run and in turns, since machines are noisy and only a ratio of neighbours means something. Writes bench/results.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { cases, type Case } from './cases.ts';
import { callee, load } from './support/load.ts';
import { print, save, type Measured, type Sample } from './support/output.ts';
import type { Server } from './support/server.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    /** Of each round's length, for a quick look. */
    share: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

if (values.list) {
  for (const each of cases) console.log(`${each.name.padEnd(16)} ${each.about}`);
  process.exit(0);
}
const unknown = positionals.filter((name) => !cases.some((each) => each.name === name));
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(', ')}: choose of ${cases.map((each) => each.name).join(', ')}`);
  process.exit(64);
}
const wanted = positionals.length === 0 ? cases : cases.filter((each) => positionals.includes(each.name));
const rounds = Number(values.rounds);
const share = Number(values.share);
const folder = mkdtempSync(`${tmpdir()}/carillon-bench-`);
const measured: Measured[] = [];
let port = 24_000;
for (const each of wanted) measured.push(await measure(each));
save(measured, { rounds, share });
if (!values.keep) rmSync(folder, { recursive: true, force: true });
else console.log(`kept: ${folder}`);

async function measure(each: Case): Promise<Measured> {
  const servers: Server[] = [];
  const samples: Sample[][] = each.contenders.map(() => []);
  const room = `${folder}/${each.name}`;
  mkdirSync(room);
  try {
    for (const contender of each.contenders) {
      port += 100;
      progress(`${each.name}: ${contender.name} starts`);
      servers.push(await contender.start(`${room}/${contender.name.replaceAll(' ', '-')}`, port));
    }
    // Round 0 warms up and is not counted: compilers, caches, the registrations that calls need.
    for (let round = 0; round <= rounds; round++) {
      for (const [index, server] of servers.entries()) {
        progress(`${each.name}: round ${round} of ${rounds}, ${server.name}`);
        const sample = await once(each, server, room, round, round === 0 ? Math.min(share, 0.3) : share);
        if (round > 0) samples[index]!.push(sample);
      }
    }
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
  progress('');
  const result: Measured = {
    name: each.name,
    about: each.about,
    contenders: each.contenders.map((contender, index) => ({
      name: contender.name,
      isReference: contender.isReference === true,
      samples: samples[index]!,
    })),
  };
  print(result);
  return result;
}

async function once(each: Case, server: Server, room: string, round: number, part: number): Promise<Sample> {
  const name = `${server.name.replaceAll(' ', '-')}-${round}`;
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
    microseconds: ((after.cpuMs - before.cpuMs) * 1_000) / Math.max(1, result.ok),
    ok: result.ok,
    failed: result.failed + (count - result.ok - result.failed),
    retransmissions: result.retransmissions,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    rssBytes: after.rssBytes,
  };
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${text}\u001B[K`);
  else if (text !== '') console.error(text);
}
