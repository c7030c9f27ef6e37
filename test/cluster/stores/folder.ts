/** A folder of its own for one test, gone when the test is over, and file systems in it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const mounted = new Set<string>();

export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'carillon-store-'));
  t.after(() => {
    for (const where of mounted) if (where.startsWith(path)) execFileSync('umount', ['-l', where]);
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

/** Mount something inside of a `folder`. Needs root; skips the test with a reason, and answers false, when it cannot. */
export function mount(t: TestContext, what: string, options: readonly string[], where: string): boolean {
  try {
    execFileSync('mount', [...options, what, where], { stdio: 'pipe' });
  } catch (error) {
    t.skip(`mount is not possible here: ${String(error).split('\n')[0]}`);
    return false;
  }
  mounted.add(where);
  return true;
}

export const info = { link: '127.0.0.1:21000', admin: '127.0.0.1:21001', workers: 2, schema: 1, draining: false };
