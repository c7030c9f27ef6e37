// What the cluster writes into Via and Record-Route, and what it knows as itself. Seen failing with: the port of
// `advertise` dropped, as it once was.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isProblems, parseConfig } from '../../../src/config/config.ts';
import type { Self } from '../../../src/proxy/self.ts';
import { selfOf } from '../../../src/cli/worker/identity.ts';

function self(listen: readonly string[], advertise?: string): Self {
  const config = parseConfig({
    cluster: { secret: 'x' },
    domains: ['example.test'],
    listen,
    ...(advertise === undefined ? {} : { advertise }),
  });
  assert.ok(!isProblems(config), JSON.stringify(config));
  return selfOf(config);
}

function shown(each: Self): string[] {
  return each.listeners.map(
    ({ protocol, host, port, advertisedPort }) => `${protocol} ${host}:${advertisedPort ?? port}`,
  );
}

test('without advertise the address itself', () => {
  assert.deepEqual(shown(self(['udp:192.0.2.10:5070', 'tcp:[2001:db8::1]:5060'])), [
    'udp 192.0.2.10:5070',
    'tcp [2001:db8::1]:5060',
  ]);
});

test('a name without port keeps the port of the listener, a name with port brings its own', () => {
  const listen = ['udp:10.0.0.1:5070', 'tcp:10.0.0.1:5071'];
  assert.deepEqual(shown(self(listen, 'sip.example.test')), ['udp sip.example.test:5070', 'tcp sip.example.test:5071']);
  assert.deepEqual(shown(self(listen, '203.0.113.7:5060')), ['udp 203.0.113.7:5060', 'tcp 203.0.113.7:5060']);
  assert.deepEqual(shown(self(listen, '[2001:db8::7]')), ['udp [2001:db8::7]:5070', 'tcp [2001:db8::7]:5071']);
});

test('what a listener says of its own goes before what all say', () => {
  const each = self(['udp:0.0.0.0:5060?advertise=203.0.113.7:5080', 'tcp:10.0.0.1:5060'], 'sip.example.test');
  assert.deepEqual(shown(each), ['udp 203.0.113.7:5080', 'tcp sip.example.test:5060']);
});

test('we know ourselves by the advertised name and port, and by the address and port bound', () => {
  const each = self(['udp:10.0.0.1:5070'], '203.0.113.7:5060');
  assert.ok(each.isSocket('203.0.113.7', 5060) && each.isSocket('203.0.113.7', 0) && each.isSocket('10.0.0.1', 5070));
  assert.ok(!each.isSocket('203.0.113.8', 5060) && !each.isSocket('10.0.0.1', 5090));
});
