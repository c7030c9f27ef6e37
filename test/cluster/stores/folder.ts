/** A folder of its own for one test, gone when the test is over. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'carillon-store-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export const info = { link: '127.0.0.1:21000', workers: 2, schema: 1, draining: false };
