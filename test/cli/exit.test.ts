// Errors as endings. Seen failing with: EACCES counted as internal.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoreError } from '../../cluster/store-ports.ts';
import { endingOf, ExitError, exitCodes, exitCodesHelp } from '../../src/cli/exit.ts';

function systemError(code: string, address: string): Error {
  return Object.assign(new Error(`bind ${code}`), { code, address, port: 5060 });
}

test('foreseen errors are one line with the right code', () => {
  assert.deepEqual(endingOf(new ExitError(exitCodes.config, 'x')), { code: 78, message: 'x' });
  assert.deepEqual(endingOf(new StoreError('io', 'no such folder')), { code: 73, message: 'no such folder' });
  assert.match(
    endingOf(systemError('EADDRINUSE', '127.0.0.1')).message,
    /^127\.0\.0\.1:5060 is in use by another program/,
  );
  assert.match(endingOf(systemError('EACCES', '::1')).message, /^\[::1\]:5060 may not be used/);
  for (const code of ['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL'])
    assert.equal(endingOf(systemError(code, '127.0.0.1')).code, 69);
});

test('what nobody foresaw keeps its stack and is internal', () => {
  const ending = endingOf(new TypeError('surprise'));
  assert.equal(ending.code, 70);
  assert.match(ending.message, /surprise[\s\S]*exit\.test\.ts/);
  assert.equal(endingOf('text').code, 70);
  assert.equal(endingOf(systemError('constructor', 'x')).code, 70);
});

test('help names every code', () => {
  for (const code of Object.values(exitCodes)) assert.match(exitCodesHelp, new RegExp(`^  ${code} `, 'm'));
});
