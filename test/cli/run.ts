/** Run the real command to its end and see what it said. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export async function carillon(
  args: readonly string[],
  options: { stdin?: string; env?: Record<string, string>; cwd?: string } = {},
): Promise<Said> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env['PATH'], NODE_V8_COVERAGE: process.env['NODE_V8_COVERAGE'], ...options.env };
    const child = spawn(process.execPath, [main, ...args], { env, cwd: options.cwd, timeout: 20_000 });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => void (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => void (err += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
    child.stdin.end(options.stdin ?? '');
  });
}
