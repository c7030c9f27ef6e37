/** The shape of files: how long, how they begin, what they are called, and whether a test knows them. */
import { codeOf, importsOf, type SourceFile } from './source.ts';

const linesMax = 400;

/** Files (and folders, with `/` at the end) that no test imports, each with the reason why that is enough. */
const untested: Readonly<Record<string, string>> = {
  'src/main.ts': 'run as a process by test/cli/program.test.ts',
  'src/cli/admin-client.ts': 'run as a process by test/cli/management.test.ts',
  'src/cli/cluster.ts': 'run as a process by test/cli/program.test.ts',
  'src/cli/worker.ts': 'a thread of every node that test/e2e starts',
  'src/cli/worker/': 'parts of that thread',
  'src/cli/sim.ts': 'run as a process by test/sim-harness/command.test.ts',
  'sim/run.ts': 'what that process does',
  'sim/batch.ts': 'its threads, for more than one seed',
  'sim/mutants/': 'run as processes by test/sim-harness/mutants.test.ts',
  'cluster/control-loop.ts': 'a part of every node that test/sim-harness and test/e2e run',
  'cluster/directory.ts': 'a part of every node that test/sim-harness and test/e2e run',
  'cluster/hosted.ts': 'a part of every node that test/sim-harness and test/e2e run',
  'cluster/peer-items.ts': 'a part of every node that test/sim-harness and test/e2e run',
  'cluster/sip-worker.ts': 'a part of every node that test/sim-harness and test/e2e run',
  'src/cli/child-protocol.ts': 'spoken by both sides in test/cli/supervisor.test.ts',
};

export function shapeProblems({ path, text }: SourceFile): string[] {
  const problems: string[] = [];
  const lines = text.split('\n').length - 1;
  if (lines > linesMax) problems.push(`${path} has ${lines} lines, over ${linesMax}: make two concepts of it`);
  if (!/^(#![^\n]*\n)?(\/\*\*|\/\/|\/\*)/.test(text))
    problems.push(`${path} does not begin with a comment that says what it is for`);
  if (/(^|\/)(utils?|helpers?|misc|common|index)(\.ts|\/)/.test(path))
    problems.push(`${path}: name the concept it holds`);
  return problems;
}

/**
 * Product files with code of their own that no test knows. A file counts as known when a file of `test/` imports it, or
 * when a known file of its own concept does: then it is a part that is tested through the concept's face.
 */
export function untestedProblems(files: readonly SourceFile[]): string[] {
  const known = new Set<string>();
  const know = (file: SourceFile, isPart: (target: string) => boolean): void => {
    for (const { target } of importsOf(file)) {
      if (known.has(target) || !isPart(target)) continue;
      known.add(target);
      const next = files.find(({ path }) => path === target);
      if (next !== undefined) know(next, (inner) => conceptOf(inner) === conceptOf(target));
    }
  };
  for (const file of files) if (file.path.startsWith('test/')) know(file, (target) => target.endsWith('.ts'));

  const problems: string[] = [];
  const excused = Object.keys(untested);
  for (const { path, text } of files) {
    if (!/^(src|actors|cluster|sim)\//.test(path) || !hasCode(text)) continue;
    const isExcused = excused.some((one) => (one.endsWith('/') ? path.startsWith(one) : path === one));
    if (!known.has(path) && !isExcused) problems.push(`${path} is known to no test`);
  }
  for (const path of excused) {
    if (!files.some((file) => file.path.startsWith(path)))
      problems.push(`${path} is excused from tests but does not exist`);
  }
  return problems;
}

/** `src/sip`, `actors`, `cluster`: what is tested as one. */
function conceptOf(path: string): string {
  return path.split('/', path.startsWith('src/') ? 2 : 1).join('/');
}

/** More than types: they are proved by the compiler. */
function hasCode(text: string): boolean {
  return /^(export )?(async )?(function|class|const|let) /m.test(codeOf(text));
}
