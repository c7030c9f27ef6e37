// The routing service that a configuration names. Seen failing with: the default service whatever `routes` says.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadService } from '../../../src/cli/worker/service.ts';
import { isProblems, parseConfig, type Config } from '../../../src/config/config.ts';
import type { RoutingRequest } from '../../../src/routing/api.ts';

const folder = mkdtempSync(join(tmpdir(), 'carillon-routes-'));
after(() => rmSync(folder, { recursive: true }));

function config(routes?: string): Config {
  const own = routes === undefined ? {} : { routes: join(folder, routes) };
  const parsed = parseConfig({ cluster: { secret: 'x' }, domains: ['a.test'], ...own });
  assert.ok(!isProblems(parsed));
  return parsed;
}

test('without routes the default service, with routes the default export of the module', async () => {
  const request = { method: 'INVITE' } as RoutingRequest;
  assert.deepEqual((await loadService(config()))(request).next().value, { ask: 'authenticate' });
  writeFileSync(join(folder, 'busy.ts'), "export default function* () { return { do: 'reply', status: 486 }; }");
  assert.deepEqual((await loadService(config('busy.ts')))(request).next(), {
    value: { do: 'reply', status: 486 },
    done: true,
  });
});

test('a module that is no service is refused with its name and what it should be', async () => {
  writeFileSync(join(folder, 'empty.ts'), 'export const service = 1;');
  await assert.rejects(
    loadService(config('empty.ts')),
    /empty\.ts must export a routing service as its default export/,
  );
});
