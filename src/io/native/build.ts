/**
 * `npm run native`, and the end of every installation: compiles the addon for datagrams. Without a compiler, or on another
 * system than Linux, Node's own sockets do the work; so this says what it found and never fails.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonFile } from './addon.ts';

const buildMsMax = 120_000;

/**
 * Writes `file`, at once and whole. `flags` come after our own.
 * @returns why it was not possible; '' when it was.
 */
export function buildAddon(file: string, flags: readonly string[] = []): string {
  if (process.platform !== 'linux') return 'it is for Linux';
  const compiler = process.env['CC'] ?? 'cc';
  const unfinished = `${file}.${process.pid}`;
  try {
    const headers = dirname(fileURLToPath(import.meta.resolve('node-api-headers/include/node_api.h')));
    mkdirSync(dirname(file), { recursive: true });
    const source = fileURLToPath(new URL('datagrams.c', import.meta.url));
    const common = ['-std=c17', '-O2', '-g', '-fPIC', '-shared', '-Wall', '-Wextra', `-I${headers}`];
    const args = [...common, ...flags, '-o', unfinished, source];
    const { error, status, stderr } = spawnSync(compiler, args, { encoding: 'utf8', timeout: buildMsMax });
    if (status !== 0) rmSync(unfinished, { force: true });
    if (error !== undefined) return `${compiler}: ${error.message}`;
    if (status !== 0) return `${compiler} failed:\n${stderr}`;
    renameSync(unfinished, file);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

if (import.meta.main) {
  const reason = buildAddon(addonFile());
  console.log(
    reason === ''
      ? 'carillon: the addon for datagrams is built'
      : `carillon: no addon for datagrams, UDP goes by Node's own sockets: ${reason}`,
  );
}
