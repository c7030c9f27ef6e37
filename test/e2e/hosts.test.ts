/**
 * Nodes on hosts of their own (network namespaces): calls across hosts between phones behind NATs, and the loss of a host
 * that none of them speaks to. Skipped where there is no root or no `ip`. Seen failing with: packets sent by the owner
 * instead of the node of the flow.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namespacesMissing } from './support/hosts/namespaces.ts';
import { runOnHosts } from './support/hosts/run.ts';
import { testFolder } from './support/report.ts';

test(
  'three hosts: register here, call there, pull a cable: calls are kept and others serve',
  { skip: namespacesMissing(), timeout: 90_000 },
  async (t) => {
    const found = await runOnHosts('across', 3, testFolder('hosts'), 80_000);
    t.diagnostic(JSON.stringify(found));
    assert.equal(found['registered'], 2);
    assert.equal(found['ended before'], 12);
    assert.ok(Number(found['calls of the lost host']) > 0, 'the calls are spread');
    assert.equal(found['kept'], found['held and ringing']);
    assert.equal(found['partitions served'], 4_096);
    const firstMs = Number(found['first served ms']);
    assert.ok(firstMs >= 0 && firstMs < 4_000, `first request served after ${firstMs} ms`);
    assert.equal(found['zones'], 'zone-1 zone-0 zone-1');
  },
);
