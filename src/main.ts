#!/usr/bin/env node
/**
 * Entry of the `carillon` command. It only checks that this Node can run the rest, so that an old one gets a sentence
 * instead of a stack, and then hands over to src/cli/program.ts.
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 24 || (major === 24 && minor < 12)) {
  process.stderr.write(
    `carillon needs Node 24.12 or newer, this is ${process.version} (${process.execPath}). ` +
      'After `npm ci` start it with `npx carillon`, which brings its own.\n',
  );
  process.exitCode = 70;
} else {
  const { main } = await import('./cli/program.ts');
  await main(process.argv.slice(2));
}
