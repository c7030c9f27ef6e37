/** Words that have no place in some or all files, each with what to use instead. */
import { codeOf, type SourceFile } from './source.ts';

interface BannedWord {
  readonly word: RegExp;
  readonly instead: string;
}

/** Only the shell and the adapters of the stores may touch the machine. */
const shell = [
  'src/io/',
  'src/admin/',
  'src/cli/',
  'src/main.ts',
  'cluster/stores/',
  'actors/nact-host.ts',
  'sim/run.ts',
  'sim/real/',
  'sim/mutants/',
];

const machineWords: readonly BannedWord[] = [
  { word: /\bnew Date\b|(?<![.\w])Date[.(]/, instead: 'Clock of src/outside.ts' },
  { word: /\bperformance\b/, instead: 'Clock.monotonicMs of src/outside.ts' },
  { word: /\bMath\.random\b/, instead: 'Random of src/outside.ts' },
  {
    word: /\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/,
    instead: 'the timer wheel (actors/wheel.ts) or an effect',
  },
  { word: /\bprocess\./, instead: 'a value that the composition root (src/cli) passes in' },
  { word: /\b(console)\./, instead: 'Log of src/outside.ts' },
  { word: /\b(fetch|WebSocket)\(/, instead: 'an effect that src/io performs' },
  { word: /\b(async|await|Promise)\b/, instead: 'an effect and an input with its result' },
];

const codeWords: readonly BannedWord[] = [
  { word: /^export default\b/m, instead: 'a named export' },
  { word: /^\s*(export )?(const )?enum \w/m, instead: 'a union of strings' },
  { word: /\bnamespace \w+ \{/, instead: 'a file' },
];

const testWords: readonly BannedWord[] = [
  { word: /\b(test|it|describe)\.(only|todo|skip)\b/, instead: 'a test that runs' },
  { word: /\{ *(only|todo|skip): *true/, instead: 'a test that runs' },
];

// Put together from halves, so that this file may pass its own test.
const everywhere: readonly BannedWord[] = [
  {
    word: new RegExp(`\\b(${'TO'}DO|${'FIX'}ME|${'XX'}X|${'HA'}CK)\\b`),
    instead: 'the work itself, or a sentence on what is left out',
  },
  {
    word: new RegExp(`(?<![\\w.])/(${'wo'}rk|${'ho'}me|${'Us'}ers|${'ro'}ot)/\\w`),
    instead: 'a path inside the repository',
  },
];

/** One sentence for each line with a word that does not belong there. */
export function wordProblems(file: SourceFile): string[] {
  const isCode = file.path.endsWith('.ts');
  const isTest = file.path.startsWith('test/');
  const isProduct = /^(src|actors|cluster|sim)\//.test(file.path);
  const problems = found(file.path, file.text, everywhere);
  if (!isCode) return problems;
  const code = codeOf(file.text);
  problems.push(...found(file.path, code, codeWords));
  if (isTest) problems.push(...found(file.path, code, testWords));
  if (isProduct && !shell.some((path) => file.path.startsWith(path)))
    problems.push(...found(file.path, code, machineWords));
  return problems;
}

function found(path: string, text: string, words: readonly BannedWord[]): string[] {
  const problems: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    for (const { word, instead } of words) {
      const match = word.exec(line);
      if (match !== null) problems.push(`${path}:${index + 1}: ${match[0].trim()}: use ${instead}`);
    }
  }
  return problems;
}
