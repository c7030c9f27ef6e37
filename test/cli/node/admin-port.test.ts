// Pages of a whole cluster out of those of its workers. Seen failing with: workers asked for no more than a page, so that
// on a node with one worker the first page was the last.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from '../../../src/admin/port.ts';
import { adminPort, type AdminSources } from '../../../src/cli/node/admin-port.ts';
import { type Listable, pageOf } from '../../../src/cli/worker/pages.ts';
import type { WorkerQuery } from '../../../src/cli/worker/messages.ts';

function worker(names: readonly string[]): readonly Listable[] {
  const views = new Map(names.map((name) => [name, [{ aor: name, callId: name, name }]]));
  return [
    {
      keys: () => views.keys(),
      find: (_kind, key) => ({ key, description: '', view: views.get(key) ?? [] }),
    },
  ];
}

const listings = [
  { what: 'registrations', kind: 'aor', keyOf: ({ aor }: { aor?: string }) => aor },
  { what: 'calls', kind: 'call', keyOf: ({ callId }: { callId?: string }) => callId },
  { what: 'limits', kind: 'limit', keyOf: ({ name }: { name?: string }) => name },
] as const;

for (const { what, kind, keyOf } of listings)
  for (const workers of [1, 2, 3])
    test(`${what} of ${workers} workers: one page after the other, until all have been seen`, async () => {
      const names = Array.from({ length: 23 }, (_, index) => `sip:u${String(index).padStart(2, '0')}@x`);
      const all = Array.from({ length: workers }, (_, number) =>
        worker(names.filter((_name, index) => index % workers === number)),
      );
      const askAll = async (query: WorkerQuery): Promise<{ node: string; values: readonly unknown[] }[]> => {
        assert(query.what === what);
        const values = await Promise.all(all.map((each) => pageOf(each, kind, query, async () => {})));
        return [{ node: 'a', values }];
      };
      const port = adminPort({ askAll } as unknown as AdminSources);
      const seen: (string | undefined)[] = [];
      let after: string | null = '';
      for (let pages = 0; after !== null && pages < 20; pages++) {
        const page: Page<object> = await port[what]({ after, limit: 5 });
        seen.push(...page.entries.map(keyOf));
        after = page.next;
      }
      assert.deepEqual(seen, names);
    });
