// SIP addresses of the configuration. Seen failing with: options of the same name taken twice; `?` counted to the port.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatAdvertised,
  formatListener,
  isWildcard,
  listenerProtocols,
  parseAdvertised,
  parseListener,
} from '../../src/config/listener.ts';

const host = fc.oneof(fc.ipV4(), fc.ipV6());
const port = fc.integer({ min: 1, max: 65_535 });
const advertise = fc.record(
  { host: fc.oneof(host, fc.constantFrom('sip.example.test', 'a', 'x-1.y2.org')), port },
  { requiredKeys: ['host'], noNullPrototype: true },
);
const network = fc.oneof(
  host,
  fc.tuple(fc.ipV4(), fc.nat(32)).map(([at, bits]) => `${at}/${bits}`),
  fc.tuple(fc.ipV6(), fc.nat(128)).map(([at, bits]) => `${at}/${bits}`),
);
const proxy = fc.array(network, { minLength: 1, maxLength: 4 });

test('a listener that was written can be read again', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...listenerProtocols),
      host,
      port,
      fc.option(advertise, { nil: undefined }),
      fc.option(proxy, { nil: undefined }),
      fc.boolean(),
      (protocol, address, number, shown, from, shared) => {
        const listener = {
          protocol,
          host: address,
          port: number,
          ...(shown === undefined ? {} : { advertise: shown }),
          ...(from === undefined || protocol === 'udp' ? {} : { proxy: from }),
          ...(shared && protocol === 'udp' ? { shared: true as const } : {}),
        };
        assert.deepEqual(parseListener(formatListener(listener)), listener);
      },
    ),
  );
});

test('only a UDP address can be shared, and yes is the only word for it', () => {
  assert.equal(parseListener('udp:10.0.0.1:5060?shared=yes')?.shared, true);
  for (const text of ['tcp:10.0.0.1:5060?shared=yes', 'udp:10.0.0.1:5060?shared=no', 'udp:10.0.0.1:5060?shared'])
    assert.equal(parseListener(text), undefined, text);
});

test('options come in any order', () => {
  const want = {
    protocol: 'tcp',
    host: '::1',
    port: 5060,
    advertise: { host: '2001:db8::7', port: 5080 },
    proxy: ['10.0.0.0/8', '::1'],
  };
  assert.deepEqual(parseListener('tcp:[::1]:5060?proxy=10.0.0.0/8,::1&advertise=[2001:db8::7]:5080'), want);
  assert.deepEqual(parseListener('tcp:[::1]:5060?advertise=[2001:db8::7]:5080&proxy=10.0.0.0/8,::1'), want);
});

test('what is no listener is refused', () => {
  for (const text of [
    '127.0.0.1:5060',
    'udp:',
    'udp',
    'sctp:127.0.0.1:5060',
    'UDP:127.0.0.1:5060',
    'udp://127.0.0.1:5060',
    'tcp:127.0.0.1:5060?',
    'tcp:127.0.0.1:5060?proxy',
    'tcp:127.0.0.1:5060?proxy=',
    'tcp:127.0.0.1:5060?proxy=any',
    'tcp:127.0.0.1:5060?proxy=10.0.0.1&proxy=10.0.0.2',
    'udp:127.0.0.1:5060?proxy=10.0.0.1',
    'udp:127.0.0.1:5060?advertise=',
    'udp:127.0.0.1:5060?advertise=a:0',
    'udp:127.0.0.1:5060?advertise=a&advertise=a',
    'udp:127.0.0.1:5060?advertize=a',
  ]) {
    assert.equal(parseListener(text), undefined, text);
  }
});

test('what is advertised is a name or an address', () => {
  fc.assert(
    fc.property(advertise, (shown) => {
      assert.deepEqual(parseAdvertised(formatAdvertised(shown)), shown);
    }),
  );
  for (const text of ['', ':5060', 'a:', 'a:65536', '1.2.3', '1.2.3.4.5', '::1', '[::1', '[a]', 'a b', 'sip:a', '-a'])
    assert.equal(parseAdvertised(text), undefined, text);
});

test('all addresses at once', () => {
  for (const text of ['0.0.0.0', '::', '0::0', '0:0:0:0:0:0:0:0']) assert.ok(isWildcard(text), text);
  for (const text of ['0.0.0.1', '::1', '10.0.0.0', 'fe80::']) assert.ok(!isWildcard(text), text);
});
