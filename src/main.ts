#!/usr/bin/env node
/**
 * Entry of the `carillon` command. It only checks that this Node can run the rest, so that an old one gets a sentence
 * instead of a stack, and then hands over to src/cli/program.ts.
 */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 24 || (major === 24 && minor < 12)) {
  process.stderr.write(
    `carillon needs Node 24.12 or newer, this is ${process.version} (${process.execPath}). ` +
      'After `npm ci` start it with `npx carillon`, which brings its own.\n',
  );
  process.exitCode = 70;
} else {
  keepCompiled();
  const { main } = await import('./cli/program.ts');
  await main(process.argv.slice(2));
}

/**
 * What was compiled once is kept beside the packages, where only who may change the code may write: a process and its
 * threads then start with a third of the work. Threads and child processes find it by the environment, where it can be said
 * otherwise, too. Without the right to write there nothing is kept; nor under coverage, which would be less exact.
 */
function keepCompiled(): void {
  const { env } = process;
  if (env['NODE_COMPILE_CACHE'] || env['NODE_V8_COVERAGE']) return;
  const folder = fileURLToPath(new URL('../node_modules/.cache/carillon', import.meta.url));
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch {
    return;
  }
  if (enableCompileCache(folder).directory !== undefined) env['NODE_COMPILE_CACHE'] = folder;
}
