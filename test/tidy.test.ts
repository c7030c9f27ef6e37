// The repository checks itself: who imports whom, words with a better replacement, the shape of files, documents.
// Each rule is also shown a text that breaks it, so that a rule that sees nothing cannot pass.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { documentProblems } from './tidy/documents.ts';
import { layeredFolders, layerProblems } from './tidy/layers.ts';
import { shapeProblems, untestedProblems } from './tidy/shape.ts';
import { codeOf, filesEnding, importsOf } from './tidy/source.ts';
import { wordProblems } from './tidy/words.ts';

const code = filesEnding('.ts');
const documents = filesEnding('.md');
const product = code.filter(({ path }) => layeredFolders.some((folder) => path.startsWith(folder)));

function none(problems: readonly string[]): void {
  assert.deepEqual(problems, [], `\n${problems.join('\n')}\n`);
}

test('the check sees the repository', () => {
  assert.ok(product.length > 100, `only ${product.length} product files seen`);
  assert.ok(code.filter(({ path }) => path.endsWith('.test.ts')).length > 30);
  assert.ok(documents.some(({ path }) => path === 'README.md') && documents.some(({ path }) => path === 'docs/RFC.md'));
  for (const folder of ['src/', 'actors/', 'cluster/'])
    assert.ok(
      product.some(({ path }) => path.startsWith(folder)),
      folder,
    );
  assert.ok(product.flatMap(importsOf).length > 300, 'imports are not seen');
});

test('imports go downwards only', () => none(product.flatMap(layerProblems)));

test('no words that have a better replacement', () => none([...code, ...documents].flatMap(wordProblems)));

test('files are short, begin with their purpose and are named after a concept', () =>
  none(code.flatMap(shapeProblems)));

test('every file with code is known to a test or excused with a reason', () => none(untestedProblems(code)));

test('documents have titles and name only what exists', () => none(documents.flatMap(documentProblems)));

const badImports: readonly (readonly [path: string, line: string])[] = [
  ['src/sip/x.ts', "import { Partition } from '../../actors/partition.ts';"],
  ['src/sip/x.ts', "import { openUdp } from '../io/udp.ts';"],
  ['src/sip/x.ts', "import net from 'node:net';"],
  ['src/auth/x.ts', "import { createHash, randomBytes } from 'node:crypto';"],
  ['src/proxy/x.ts', "export { x } from '../../cluster/table.ts';"],
  ['actors/x.ts', "import type { Table } from '../cluster/table.ts';"],
  ['cluster/x.ts', "import { openUdp } from '../src/io/udp.ts';"],
  ['cluster/x.ts', "import Redis from 'ioredis';"],
  ['sim/x.ts', "import { clock } from '../src/io/clock.ts';"],
  ['src/admin/x.ts', "import { Partition } from '../../actors/partition.ts';"],
  ['src/cli/x.ts', "import { world } from '../../sim/world.ts';"],
  ['src/io/x.ts', "import { x } from '../../test/cli/run.ts';"],
  ['src/sip/x.ts', "const x = import('node:fs');"],
];

for (const [path, text] of badImports) {
  test(`refused in ${path}: ${text}`, () => assert.equal(layerProblems({ path, text }).length, 1));
}

test('allowed imports are allowed', () => {
  const allowed = [
    ['src/sip/x.ts', "import { limits } from '../limits.ts';\nimport assert from 'node:assert';"],
    ['actors/x.ts', "import { partitionOf } from '../cluster/hash.ts';"],
    ['cluster/stores/x.ts', "import { DatabaseSync } from 'node:sqlite';"],
    ['src/cli/node.ts', "import { Partition } from '../../actors/partition.ts';"],
    ['test/x.test.ts', "import { openUdp } from '../src/io/udp.ts';"],
  ] as const;
  for (const [path, text] of allowed) none(layerProblems({ path, text }));
});

test('words are found in code and not in comments or strings', () => {
  const bad = [
    'Date.now()',
    'new Date()',
    'Math.random()',
    'setTimeout(f, 1)',
    'process.env',
    'await x',
    '`${Date.now()}`',
  ];
  for (const text of bad) assert.equal(wordProblems({ path: 'src/sip/x.ts', text }).length, 1, text);
  for (const text of [
    '// Date.now()',
    "'Date.now()'",
    '/* await\n Promise */',
    '`process.env`',
    'x.dateOf()',
    "f('\\'', Dater)",
  ]) {
    none(wordProblems({ path: 'actors/x.ts', text }));
  }
  for (const path of ['src/io/x.ts', 'cluster/stores/x.ts', 'src/cli/x.ts', 'test/x.ts'])
    none(wordProblems({ path, text: 'Date.now()' }));
  assert.equal(wordProblems({ path: 'docs/x.md', text: `${'TO'}DO` }).length, 1);
  assert.equal(wordProblems({ path: 'docs/x.md', text: `see /${'ho'}me/x` }).length, 1);
  assert.equal(wordProblems({ path: 'test/x.test.ts', text: 'test.only(' }).length, 1);
  assert.equal(codeOf("a // b\n/* c\n */ 'd' e").split('\n').length, 3);
});

test('shapes are refused', () => {
  assert.equal(shapeProblems({ path: 'src/x.ts', text: `// x\n${'x\n'.repeat(400)}` }).length, 1);
  assert.equal(shapeProblems({ path: 'src/x.ts', text: 'const x = 1;\n' }).length, 1);
  assert.equal(shapeProblems({ path: 'src/sip/utils.ts', text: '// x\n' }).length, 1);
  const unknown = untestedProblems([{ path: 'src/x.ts', text: 'export function x() {}' }]).filter((line) =>
    line.startsWith('src/x.ts'),
  );
  assert.equal(unknown.length, 1);
});

test('documents are refused', () => {
  assert.equal(documentProblems({ path: 'docs/x.md', text: 'no title' }).length, 1);
  assert.equal(documentProblems({ path: 'docs/x.md', text: '# x\n[y](none.md) and `src/none.ts`' }).length, 2);
  none(documentProblems({ path: 'docs/x.md', text: '# x\n[y](https://example.test) and `src/limits.ts`' }));
});
