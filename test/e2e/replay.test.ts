// Malformed inputs and the torture messages of RFC 4475 and RFC 5118 against running nodes, a canary after each.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { freeBase, startCluster, type Cluster } from './support/cluster.ts';
import {
  canary,
  checkInput,
  checkTorture,
  inLanes,
  inputCases,
  tortureCases,
  type InputCase,
  type Ports,
  type Verdict,
} from './support/replay.ts';
import { testFolder } from './support/report.ts';

const base = await freeBase(22_800);
const ports: Ports = { udp: base, tcp: base, link: base + 10, http: base + 20 };
/** What the nodes of this version listen on. */
const served = new Set(['udp', 'tcp', 'link', 'http']);
const lanes = 12;
let cluster: Cluster;

before(async () => {
  cluster = await startCluster({
    nodes: 3,
    base,
    folder: testFolder('replay'),
    domains: ['example.com'],
    users: ['alice', 'bob'].map((name) => ({ name, aor: `sip:${name}@example.com`, password: 'secret' })),
  });
});
after(async () => cluster.stop());

test(
  'every malformed input is answered or dropped as it should be, and nothing else suffers',
  { timeout: 90_000 },
  async (t) => {
    const [cases, others] = [inputCases().filter(isServed), inputCases().filter((one) => !isServed(one))];
    // The slow ones first, so that they do not stand alone at the end.
    const duration = ({ hold_s, segments }: InputCase): number =>
      (hold_s ?? 0) * 1_000 + (segments ?? []).reduce((sum, { delay_ms }) => sum + (delay_ms ?? 0), 0);
    const verdicts = await inLanes(
      [...cases].sort((a, b) => duration(b) - duration(a)),
      lanes,
      async (one) => checkInput(one, ports),
    );
    t.diagnostic(`${verdicts.length} inputs over ${[...served].join(', ')} sent`);
    t.diagnostic(`${others.length} inputs are for transports that this version does not listen on: ${countBy(others)}`);
    assert.equal(verdicts.length + others.length, inputCases().length);
    expectNone(verdicts);
  },
);

test('every torture message has the outcome that we decided on', { timeout: 60_000 }, async (t) => {
  const verdicts = await inLanes(tortureCases(), lanes, async (one) => checkTorture(one, ports));
  t.diagnostic(`${verdicts.length} messages sent`);
  expectNone(verdicts);
});

test('no node ended meanwhile', async () => {
  assert.ok(await canary(base));
  const view = await cluster.settled(5_000);
  assert.equal(cluster.supervisor.output().match(/node \S+ started/g)?.length, view.nodes.length);
});

/** One input is no octets but a story about the certificates of a link, which this version does not have either. */
function isServed({ transport, octets }: InputCase): boolean {
  return served.has(transport) && !(transport === 'link' && octets === 0);
}

function expectNone(verdicts: readonly Verdict[]): void {
  const bad = verdicts.filter(({ why }) => why.length > 0);
  assert.equal(
    bad.length,
    0,
    `${bad.length} of ${verdicts.length}:\n${bad.map(({ name, why }) => `${name}: ${why.join('; ')}`).join('\n')}`,
  );
}

function countBy(cases: readonly { readonly transport: string }[]): string {
  const counts = new Map<string, number>();
  for (const { transport } of cases) counts.set(transport, (counts.get(transport) ?? 0) + 1);
  return [...counts].map(([transport, count]) => `${transport} ${count}`).join(', ');
}
