/**
 * What is told of a world: the ladder of a call, the world made smaller, the file it is played again from, and the page.
 * Seen failing with: arrows to the left drawn to the right; a shrinker that takes any other failure for the same one;
 * attributes that are not escaped.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { investigate, tell } from '../../sim/findings.ts';
import { invariants } from '../../sim/invariants.ts';
import { ladder } from '../../sim/ladder.ts';
import type { Passage } from '../../sim/network.ts';
import { draw } from '../../sim/options.ts';
import { writeMessage } from '../../sim/phone/message.ts';
import { readFailFile, revive } from '../../sim/replay.ts';
import { escaped, tag } from '../../sim/report/markup.ts';
import { reportPage } from '../../sim/report/page.ts';
import { calls, fault, options as plainOptions } from '../../sim/scenarios/scenario.ts';
import { shrink } from '../../sim/shrink.ts';
import { simulate } from '../../sim/simulate.ts';
import { planSmaller } from '../../sim/smaller.ts';

function passage(start: string, cseq: string, from: string, to: string, fate: Passage['fate']): Passage {
  const headers: [string, string][] = [
    ['Via', 'SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bK1'],
    ['Max-Forwards', '70'],
    ['From', '<sip:a@example.test>;tag=1'],
    ['To', '<sip:b@example.test>;tag=2'],
    ['Call-ID', 'one'],
    ['CSeq', cseq],
  ];
  return { atMs: 1_500, from, to, bytes: writeMessage(start, headers), worker: 'a.1/0', fate };
}

const passages = [
  passage('INVITE sip:b@example.test SIP/2.0', '1 INVITE', '10.1.0.1:5060', '10.0.0.1:5060', 'arrived'),
  passage('SIP/2.0 180 Ringing', '1 INVITE', '10.0.0.1:5060', '10.1.0.1:5060', 'lost'),
];

test('a ladder shows who sent what to whom, and what was lost', () => {
  const lines = ladder(passages, 'one');
  assert.equal(lines.length, 3);
  assert.match(lines[0]!, /u0-0 +a\.1/);
  assert.match(lines[1]!, /1\.500 {2}\|-+ INVITE 1 >\|/);
  assert.match(lines[2]!, /\|< 180 INVITE 1 LOST -+\|/);
  assert.deepEqual(ladder([], 'one').length, 1);
});

test('what goes from node to node stands in it too, and can be told from the rest', () => {
  const forward = { atMs: 1_600, from: 'a.1', to: 'b.2', callId: 'one', text: 'INVITE 1' };
  const lines = ladder(passages, 'one', [forward, { ...forward, callId: 'another' }]);
  assert.equal(lines.length, 4);
  assert.match(lines[3]!, /\|\.+ INVITE 1 >\|/);
});

test('what goes straight from worker to worker stands in it, with what was lost; what a link does not take is said once', () => {
  const world = { seed: 7, calls: calls(4), devices: Array.from({ length: 8 }, () => 1) };
  const direct = simulate(plainOptions({ ...world, calls: calls(30), direct: { loss: 0.3 } }), true).recorder.forwards;
  assert.ok(direct.some(({ text }) => text.startsWith('INVITE') && text.endsWith(' LOST')));
  assert.ok(direct.every(({ from, to }) => from !== to));
  const cut = simulate(
    plainOptions({ ...world, nodes: 2, faults: [fault(100, 'cut', 'a', { other: 'b', forMs: 8_000 })] }),
    true,
  ).recorder.forwards;
  const waits = cut.filter(({ text }) => text.endsWith(' WAITS'));
  assert.ok(waits.length > 0);
  const places = new Set(waits.map((each) => JSON.stringify([each.callId, each.text, each.from, each.to])));
  // A request that comes again waits again.
  assert.ok(waits.length < 10 * places.size, `${waits.length} of ${places.size}`);
});

test('a world without failure is not made smaller; the runs are counted', () => {
  const options = draw(4);
  const failure = { checker: 'none', invariant: 0, message: '', callId: '', atMs: 0 };
  const { options: same, runs } = shrink(options, failure, { runsMax: 2 });
  assert.equal(runs, 2);
  assert.equal(same, options);
  assert.equal(simulate({ ...options, calls: [], faults: [], registrations: [] }).failure, undefined);
});

test('no step towards a smaller world goes on for ever, and each of them makes valid options', () => {
  const failure = { checker: 'none', invariant: 0, message: '', callId: '', atMs: 6_000 };
  for (let seed = 1; seed < 60; seed++) {
    let options = draw(seed);
    for (const { what, change } of planSmaller) {
      let steps = 0;
      for (let next = change(options, failure); next !== undefined; next = change(options, failure)) {
        assert.ok(++steps < 50, `${what} of seed ${seed}`);
        options = next;
      }
    }
    assert.ok(options.faultMs >= 1_000 && options.nodes === 1 && options.devices.length === options.users);
    for (const { caller, callee, startMs } of options.calls) {
      assert.ok(Number(callee.slice(1)) < options.users && Number(caller.slice(1, -2)) < options.users);
      assert.ok(startMs <= 4_000 + options.faultMs);
    }
  }
});

test('a failure is told and kept: smaller, with its options, and the file gives the same world again', () => {
  // Nobody hears of an answer: invariant 9 cannot hold when a callee that never was there is rung.
  const world = plainOptions({ calls: calls(3), faults: [fault(500, 'crash', 'a')] });
  const failure = { checker: 'ringing-calls', invariant: 9, message: 'made up', callId: 'call-0-1@sim', atMs: 5_000 };
  const found = investigate(world, failure, { runsMax: 3 });
  const text = [...tell(found)].join('\n');
  assert.match(text, /FAILED {2}invariant 9 \(sim\/checkers\/ringing-calls\.ts\), seed 1\n/);
  assert.match(text, /expected {2}no ringing call is lost/);
  assert.match(text, /u1-0 +a\.\d/);
  assert.match(text, /carillon sim --replay fail-1\.json/);
  const file = readFailFile(JSON.stringify(found.file));
  assert.ok(file.lastEvents.length === 200);
  assert.deepEqual(file.options, world);
  assert.equal(simulate(file.options).trace, file.trace);
  assert.throws(() => readFailFile('{}'), /format 1/);
});

test('what a later version added to the options gets its plain value', () => {
  const { workers: _workers, weather, ...rest } = draw(9);
  const { latencyMs: _latencyMs, ...oldWeather } = weather;
  const revived = revive(JSON.parse(JSON.stringify({ ...rest, weather: oldWeather })));
  assert.equal(revived.workers, plainOptions({}).workers);
  assert.deepEqual(revived.weather.latencyMs, plainOptions({}).weather.latencyMs);
  assert.deepEqual(revive(JSON.parse(JSON.stringify(draw(9)))), draw(9));
});

test('every invariant that a checker names has its sentence', () => {
  const folder = new URL('../../sim/checkers/', import.meta.url);
  let count = 0;
  for (const name of readdirSync(folder))
    for (const [, number] of readFileSync(new URL(name, folder), 'utf8').matchAll(/fail\(\s*'[\w-]+',\s*(\d+)/g)) {
      count++;
      assert.ok(invariants[Number(number)] !== undefined, `${name}: ${number}`);
    }
  assert.ok(count > 20, `only ${count} seen`);
});

test('the page has everything in it and fetches nothing', () => {
  const result = simulate(draw(46, { faultSeconds: 10 }), true);
  const page = reportPage(result);
  for (const expected of ['node a', 'partitions', 'Coverage', 'Counters', 'Options', 'every invariant held'])
    assert.ok(page.includes(expected), expected);
  for (const fault of result.recorder.story?.faults ?? []) assert.ok(page.includes(fault.fault.kind));
  assert.equal(page.match(/<section class="ladder"/g)?.length, result.calls.length);
  assert.doesNotMatch(page, /<script|(src|href)="(?!#)|url\(|@import/);
  assert.doesNotMatch(page, /NaN|undefined/);
  balanced(page);
});

test('the page of a failure says what was broken and leads to the call', () => {
  const result = simulate(plainOptions({ calls: calls(3) }), true);
  const message = '<img src=x onerror="alert(1)">\'';
  const failure = { checker: 'gate', invariant: 30, message, callId: 'call-0-1@sim', atMs: 9_000 };
  const page = reportPage({ ...result, failure });
  assert.match(page, /invariant 30 broken/);
  assert.match(page, /<a href="#call-1">u1-0 to u2: its ladder<\/a>/);
  assert.ok(!page.includes('<img') && page.includes(escaped(message)));
  assert.equal(tag('a', { href: '"&<' }, '<b>').html, '<a href="&quot;&amp;&lt;">&lt;b&gt;</a>');
});

/** Every element is closed by its own name. */
function balanced(page: string): void {
  const open: string[] = [];
  for (const [, close, name] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*>/g)) {
    if (name === 'meta') continue;
    if (close === '') open.push(name!);
    else assert.equal(open.pop(), name);
  }
  assert.deepEqual(open, []);
}
