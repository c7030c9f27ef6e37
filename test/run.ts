/**
 * `npm test`: first everything that runs inside of its own process, several files at a time; then the tests that start
 * clusters of real processes, one file at a time, so that they do not take each other's processor. One report, one summary.
 * With arguments (files, options) it is `node --test` with these. The cases of properties are the same for the same code;
 * CARILLON_TEST_SEED takes others: a number, or `now` for others in every run (test/seed.ts).
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { compose } from 'node:stream';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import type { TestEvent } from 'node:test/reporters';

/** More than that at a time makes tests with deadlines wait for each other. */
const filesAtATimeMax = 4;
/** A file that hangs fails, and the rest goes on. */
const fileMsMax = 240_000;
const preload = ['--import', new URL('seed.ts', import.meta.url).href];
const countNames = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) (\S+)$/;

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
if (process.argv.length > 2) {
  const { status } = spawnSync(process.execPath, ['--test', ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exit(status ?? 1);
}

process.env['CARILLON_TEST_SEED'] = seedOf(process.env['CARILLON_TEST_SEED']);
function seedOf(wish: string | undefined): string {
  if (wish === 'now') return String(Math.floor(Date.now() / 1_000));
  if (wish !== undefined) return wish;
  const hash = createHash('sha256');
  for (const file of globSync('{src,actors,cluster,sim,test}/**/*.ts').toSorted()) hash.update(readFileSync(file));
  return String(hash.digest().readInt32BE(0));
}

const all = globSync('test/**/*.test.ts').toSorted();
const isAlone = (file: string): boolean => file.startsWith('test/e2e/');
const phases = [
  {
    files: all.filter((file) => !isAlone(file)),
    concurrency: Math.min(filesAtATimeMax, Math.max(2, availableParallelism())),
  },
  { files: all.filter(isAlone), concurrency: 1 },
];

// Whoever stops us stops the files that run, and these the processes that they have started.
const stopped = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => {
    process.exitCode = 130;
    stopped.abort();
  });

/** The events of all phases; their sums are added up and come once, at the end. */
async function* events(): AsyncGenerator<TestEvent> {
  const sums = new Map<string, number>();
  for (const { files, concurrency } of phases) {
    if (stopped.signal.aborted) break;
    const options = { files, concurrency, execArgv: preload, timeout: fileMsMax, signal: stopped.signal };
    for await (const event of run(options) as AsyncIterable<TestEvent>) {
      if (event.type === 'test:fail') process.exitCode ||= 1;
      const count =
        event.type === 'test:diagnostic' && event.data.nesting === 0 ? countNames.exec(event.data.message) : null;
      if (count === null) yield event;
      else sums.set(count[1] ?? '', (sums.get(count[1] ?? '') ?? 0) + Number(count[2]));
    }
  }
  yield {
    type: 'test:diagnostic',
    data: { nesting: 0, message: `CARILLON_TEST_SEED=${process.env['CARILLON_TEST_SEED']}`, level: 'info' },
  } as TestEvent;
  for (const [name, sum] of sums)
    yield { type: 'test:diagnostic', data: { nesting: 0, message: `${name} ${sum}`, level: 'info' } } as TestEvent;
}

compose(events, new spec()).pipe(process.stdout);
