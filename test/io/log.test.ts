/** The log's lines: JSON, harmless, without secrets. Seen failing with: C1 left out. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { harmlessFields, harmlessText, openLog } from '../../src/io/log.ts';
import { limits } from '../../src/limits.ts';

const directory = mkdtempSync(join(tmpdir(), 'carillon-log-'));

test('lines hold level, time, event and fields; below the level nothing is written', () => {
  const file = join(directory, 'sub', 'a.log');
  const log = openLog({ level: 'info', file, fields: { node: 'a', worker: 1 } });
  log.write('debug', 'not-this');
  log.write('warn', 'auth-fail', { aor: 'sip:1001@example.test', count: 3, level: 'mine' });
  log.write('info', 'plain');
  log.flush();
  const lines = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    lines.map(({ time: _time, ...rest }) => rest),
    [
      {
        level: 'warn',
        node: 'a',
        worker: 1,
        aor: 'sip:1001@example.test',
        count: 3,
        level_: 'mine',
        event: 'auth-fail',
      },
      { level: 'info', node: 'a', worker: 1, event: 'plain' },
    ],
  );
  assert.match(String(lines[0]!['time']), /^\d{4}-\d\d-\d\dT/);
});

test('whatever text a stranger sends stays on its line, bounded, and acts on no terminal', () => {
  const nasty = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 600 }),
    fc.string({
      unit: fc.constantFrom('\n', '\r', '\u001b[2J', '\u202e', '\u0085', '\ud800', 'a', 'é'),
      maxLength: 200,
    }),
  );
  fc.assert(
    fc.property(nasty, (text) => {
      const line = harmlessText(text);
      assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
      assert(line.isWellFormed());
      assert(line.length <= limits.logTextCharsMax * 6 + 3);
    }),
  );
  assert.equal(harmlessText('a\r\nb\u001b[0m'), 'a\\u000d\\u000ab\\u001b[0m');
  assert.equal(harmlessText('Müller 日本'), 'Müller 日本');
});

test('secrets are hidden at every depth, and odd values do no harm', () => {
  const circular: Record<string, unknown> = { deep: { deeper: { deepest: 1 } } };
  circular['self'] = circular;
  const fields = harmlessFields({
    password: 'x',
    authorization: 'Digest ...',
    nested: { storeSecret: 'y', ha1Md5: 'z', name: 'n' },
    circular,
    big: 10n,
    call: () => 1,
    error: new Error('bad\nline'),
    bytes: Buffer.from('a\0b'),
    many: new Array(1000).fill(1),
  });
  const text = JSON.stringify(fields);
  assert.doesNotMatch(text, /"[xyz]"|Digest/);
  assert.equal((fields['many'] as unknown[]).length, 32);
  assert.equal((fields['error'] as Record<string, unknown>)['message'], 'bad\\u000aline');
  assert.equal(fields['bytes'], 'a\\u0000b');
});
