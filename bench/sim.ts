/**
 * How fast the simulator is: standard seeds (sim/standard.ts) on one core, one after the other. The figures are of process
 * time, so that a busy machine does not spoil them. Run: `node --max-semi-space-size=64 bench/sim.ts [seeds] [--json]`
 * (as much young memory as `carillon sim` gives its threads).
 */
import { simulate } from '../sim/simulate.ts';
import { standardOptions } from '../sim/standard.ts';

/** Before the measurement, for the compiler, which is at work for some thirty seeds: a run of thousands has forgotten it. */
const warmUps = 30;

const words = process.argv.slice(2);
const seeds = Number(words.find((word) => !word.startsWith('-')) ?? 30);
if (!Number.isInteger(seeds) || seeds < 1) throw new RangeError('how many seeds?');

for (let seed = 1; seed <= warmUps; seed++) simulate(standardOptions(seed));

const took: number[] = [];
let events = 0;
let messages = 0;
let virtualMs = 0;
let failed = 0;
/** Equal when two versions play the same worlds. */
let traces = 0;
for (let seed = 1; seed <= seeds; seed++) {
  const before = process.cpuUsage();
  const result = simulate(standardOptions(seed));
  const { user, system } = process.cpuUsage(before);
  took.push((user + system) / 1_000);
  events += result.events;
  messages += result.messages;
  virtualMs += result.virtualMs;
  traces = (Math.imul(traces, 31) + Number.parseInt(result.trace, 16)) >>> 0;
  if (result.failure !== undefined) failed++;
}

const tookMs = took.reduce((sum, each) => sum + each, 0);
const figures = {
  seeds,
  failed,
  seedsPerSecond: (seeds * 1_000) / tookMs,
  medianMs: took.toSorted((a, b) => a - b)[seeds >> 1]!,
  virtualToReal: virtualMs / tookMs,
  virtualSeconds: virtualMs / seeds / 1_000,
  events: events / seeds,
  messages: messages / seeds,
  microsecondsPerEvent: (tookMs * 1_000) / events,
  traces: traces.toString(16),
};

if (words.includes('--json')) console.log(JSON.stringify(figures));
else
  console.log(
    `${figures.seedsPerSecond.toFixed(2)} standard seeds/s on one core (median ${figures.medianMs.toFixed(0)} ms), ` +
      `${figures.virtualToReal.toFixed(0)} times as fast as time; each ${figures.virtualSeconds.toFixed(0)} s, ` +
      `${figures.messages.toFixed(0)} datagrams, ${figures.events.toFixed(0)} events of ${figures.microsecondsPerEvent.toFixed(1)} µs; ` +
      `${failed} of ${seeds} failed, traces ${figures.traces}`,
  );
