// Real phones and tools against a real cluster of three processes.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Baresip } from './support/baresip.ts';
import { freeBase, startCluster, type Cluster } from './support/cluster.ts';
import { testFolder } from './support/report.ts';
import { sipsak } from './support/sipsak.ts';
import { missing } from './support/tools.ts';
import { makeUsers } from './support/users.ts';
import { readWav, toneShare } from './support/wav.ts';

const base = await freeBase(22_000);
const folder = testFolder('basic');
const [caller, callee] = makeUsers(2);
const [sak] = makeUsers(1, 'sak', '127.0.0.1');
assert.ok(caller !== undefined && callee !== undefined && sak !== undefined);
let cluster: Cluster;

before(async () => {
  cluster = await startCluster({ nodes: 3, base, folder, users: [caller, callee, sak] });
});
after(async () => {
  assert.equal(await cluster.stop(), 0, 'the cluster drains and ends with 0');
});

test('sipsak: OPTIONS is answered 200 with Allow', { skip: missing('sipsak') }, async () => {
  const { code, output } = await sipsak('options', ['-s', 'sip:127.0.0.1', '-r', String(base), '-vv'], folder);
  assert.equal(code, 0, output);
  assert.match(output, /^SIP\/2\.0 200 /m);
  assert.match(output, /^Allow: .*INVITE/m);
});

test('sipsak: registers with a password, finds its contact, and removes it', { skip: missing('sipsak') }, async () => {
  const who = ['-u', sak.name, '-s', sak.aor, '-r', String(base)];
  const contact = `sip:${sak.name}@127.0.0.1:${base + 90}`;
  const registered = await sipsak(
    'register',
    ['-v', '-U', '-a', sak.password, ...who, '-x', '60', '-C', contact],
    folder,
  );
  assert.equal(registered.code, 0, registered.output);
  assert.match(registered.output, /All usrloc tests completed successful/);
  const refused = await sipsak('wrong', ['-v', '-U', '-a', 'wrong', ...who, '-x', '60', '-C', contact], folder);
  assert.notEqual(refused.code, 0, 'a wrong password is refused');
  const removed = await sipsak('remove', ['-v', '-U', '-a', sak.password, ...who, '-x', '0', '-C', contact], folder);
  assert.equal(removed.code, 0, removed.output);
});

test(
  'two baresip phones register, call each other and hear each other',
  { skip: missing('baresip'), timeout: 60_000 },
  async (t) => {
    const phones = [
      new Baresip({ user: caller, folder: `${folder}/one`, port: base + 70, outbound: base, tone: 440 }),
      new Baresip({ user: callee, folder: `${folder}/two`, port: base + 80, outbound: base, tone: 1_000 }),
    ] as const;
    t.after(async () => {
      await Promise.all(phones.map(async (phone) => phone.stop()));
    });
    const [one, two] = phones;
    await Promise.all(phones.map(async (phone) => phone.registered()));
    for (const [round, from, to, hangsUp] of [
      [1, one, two, one],
      [2, two, one, two],
    ] as const) {
      from.command('dial', from === one ? callee.aor : caller.aor);
      await to.event('CALL_INCOMING');
      await from.event('CALL_RINGING');
      to.command('accept');
      await Promise.all([one.event('CALL_ESTABLISHED', round), two.event('CALL_ESTABLISHED', round)]);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      hangsUp.command('hangup');
      await Promise.all([one.event('CALL_CLOSED', round), two.event('CALL_CLOSED', round)]);
    }
    for (const [phone, tone] of [
      [one, 1_000],
      [two, 440],
    ] as const) {
      assert.equal(phone.heard().length, 2, 'a recording for each call');
      for (const file of phone.heard()) {
        const recording = readWav(file);
        assert.ok(recording.samples.length > recording.perSecond, `${file} has more than a second`);
        assert.ok(toneShare(recording, tone) > 0.8, `${file} has the other's tone: ${toneShare(recording, tone)}`);
      }
    }
  },
);
