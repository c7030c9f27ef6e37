/** The addon for tests: the one of the installation, built when it is not there, or one with a mistake on purpose. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonFile, loadAddon } from '../../../src/io/native/addon.ts';
import type { Addon } from '../../../src/io/native/addon.ts';
import { buildAddon } from '../../../src/io/native/build.ts';

/** CARILLON_TEST_ADDON: another build, such as one with -fsanitize=address (docs/HACKING.md). */
export function testAddonFile(): string {
  const file = process.env['CARILLON_TEST_ADDON'] ?? addonFile();
  if (!existsSync(file)) buildAddon(file, ['-Werror']);
  return file;
}

/** The addon, or why there is none: then tests of it are skipped. */
export function testAddon(): Addon | string {
  return loadAddon(testAddonFile());
}

/** Whose kernel takes few packets at a time (stingy.h). */
export function stingyAddon(): Addon | string {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-addon-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'stingy.node');
  const reason = buildAddon(file, ['-include', fileURLToPath(new URL('stingy.h', import.meta.url))]);
  return reason === '' ? loadAddon(file) : reason;
}
