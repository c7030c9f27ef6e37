/** Who may import whom: the architecture as a table, from the most particular path to the most general. */
import { importsOf, type SourceFile } from './source.ts';

interface Layer {
  /** Paths that belong to it: a file or the beginning of a path. */
  readonly of: readonly string[];
  /** What its files may import; `*` allows everything but simulator and tests. */
  readonly may: readonly string[];
  /** Packages and built-in modules. */
  readonly packages: readonly string[];
}

const pureBuiltins = ['node:assert', 'node:buffer', 'node:crypto'];
/** Without clock, random or sockets. */
const pureCrypto = ['createHash', 'createHmac', 'timingSafeEqual', 'hash'];
/** `src` without its shell. */
const purePaths = ['src/'];
const shellPaths = ['src/io/', 'src/admin/', 'src/cli/', 'src/main.ts'];

const layers: readonly Layer[] = [
  // The simulator is a command of the product.
  { of: ['src/cli/sim.ts'], may: ['src/cli/', 'sim/'], packages: ['commander', 'node:os'] },
  { of: ['src/main.ts', 'src/cli/'], may: ['*'], packages: ['*'] },
  { of: ['src/admin/'], may: ['src/admin/', 'pure'], packages: ['node:', 'fastify', 'zod'] },
  // The link's shell drives the link protocol, which is pure and lives with the cluster.
  {
    of: ['src/io/'],
    may: [
      'src/io/',
      'pure',
      'cluster/link',
      'cluster/wire.ts',
      'cluster/handshake.ts',
      'cluster/data-frame.ts',
      'cluster/octets.ts',
    ],
    packages: ['node:', 'pino'],
  },
  { of: ['src/config/'], may: ['pure'], packages: ['zod'] },
  { of: ['src/'], may: ['pure'], packages: pureBuiltins },
  // A key's partition is a fact of the cluster that every envelope needs.
  { of: ['actors/nact-host.ts'], may: ['actors/', 'pure'], packages: ['node:', 'nact'] },
  { of: ['actors/'], may: ['actors/', 'pure', 'cluster/hash.ts'], packages: [...pureBuiltins, '@msgpack/msgpack'] },
  { of: ['cluster/stores/'], may: ['cluster/', 'pure'], packages: ['node:', 'ioredis', '@msgpack/msgpack'] },
  {
    of: ['cluster/'],
    may: ['cluster/', 'actors/', 'pure'],
    packages: [...pureBuiltins, '@msgpack/msgpack', 'hashring'],
  },
  // Its twin starts real nodes: it says to them what a supervisor says, and asks them what a person asks.
  {
    of: ['sim/real/'],
    may: ['sim/', 'cluster/', 'pure', 'src/cli/child-protocol.ts', 'src/admin/port.ts'],
    packages: ['node:'],
  },
  { of: ['sim/'], may: ['sim/', 'cluster/', 'actors/', 'pure'], packages: ['node:', '@msgpack/msgpack', 'fast-check'] },
];

/** Folders that must exist in the table: files elsewhere (tests, benches, examples) may import anything. */
export const layeredFolders = ['src/', 'actors/', 'cluster/', 'sim/'];

/** One sentence for each import that the table does not allow. */
export function layerProblems(file: SourceFile): string[] {
  const layer = layers.find(({ of }) => of.some((path) => file.path.startsWith(path)));
  if (layer === undefined)
    return layeredFolders.some((folder) => file.path.startsWith(folder)) ? [`${file.path} is in no layer`] : [];
  const problems: string[] = [];
  for (const { target, names } of importsOf(file)) {
    if (/^(src|actors|cluster|sim|test|bench|examples)\//.test(target)) {
      if (!layer.may.some((may) => allows(may, target))) problems.push(`${file.path} may not import ${target}`);
      continue;
    }
    const allowed = layer.packages.some(
      (name) => name === '*' || target === name || (name === 'node:' && target.startsWith(name)),
    );
    if (!allowed) problems.push(`${file.path} may not import ${target}`);
    if (target !== 'node:crypto' || layer.packages.includes('node:') || layer.packages.includes('*')) continue;
    const impure = names.filter((name) => !pureCrypto.includes(name));
    if (impure.length > 0)
      problems.push(`${file.path} may not import ${impure.join(', ')} of node:crypto: randomness comes from Random`);
  }
  return problems;
}

function allows(may: string, target: string): boolean {
  if (may === '*') return !target.startsWith('sim/') && !target.startsWith('test/');
  if (may !== 'pure') return target.startsWith(may);
  return purePaths.some((path) => target.startsWith(path)) && !shellPaths.some((path) => target.startsWith(path));
}
