/** The malformed inputs of test/inputs: what must not parse does not, and every refusal is one of the answers expected. */
import assert from 'node:assert';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { failureResponse } from '../../src/sip/build.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';

test('the malformed inputs: a refusal of the parser is one of the answers expected', () => {
  const folder = new URL('../inputs/', import.meta.url);
  const index = JSON.parse(readFileSync(new URL('index.json', folder), 'utf8')) as {
    inputs: { file: string; transport: string; reply_any_of: number[] | null; octets: number }[];
  };
  let refused = 0;
  for (const { file, transport, reply_any_of: allowed, octets } of index.inputs) {
    const bytes = readFileSync(new URL(file, folder));
    assert.strictEqual(bytes.length, octets, file);
    if ((transport !== 'udp' && transport !== 'tcp') || !file.endsWith('.sip')) continue;
    const before = performance.now();
    const result = parse(bytes, transport === 'tcp');
    assert.ok(performance.now() - before < 50, `${file} took ${performance.now() - before} ms`);
    if (!isFailure(result)) {
      assert.ok(!mustBeRefused.has(file), `${file} must not parse`);
      continue;
    }
    refused += 1;
    const answer = failureResponse(result, { address: '127.0.0.1', port: 5099 });
    const status = answer === undefined ? 0 : result.status;
    // A stream that is broken may also just be closed; torn-off ones wait for their deadline instead.
    if (allowed !== null && transport === 'udp')
      assert.ok(allowed.includes(status), `${file}: ${status} not in ${allowed.join()}`);
    assert.ok((answer?.length ?? 0) <= Math.max(150, bytes.length * 3), file);
  }
  assert.ok(refused > 50, `${refused}`);
});

const mustBeRefused: ReadonlySet<string> = new Set([
  'a01-udp-3000-unknown-headers.sip',
  'a03-tcp-20000-headers.sip',
  'a05-udp-60k-display-name.sip',
  'a07-tcp-5000-via-one-header.sip',
  'a09-tcp-5000-record-route.sip',
  'a11-udp-8k-method.sip',
  'a13-tcp-64k-call-id.sip',
  'a15-tcp-50000-folds.sip',
  'a21-udp-65507.sip',
  'b-cl-2147483609.sip',
  'b-cl-2pow64.sip',
  'b-cl-float.sip',
  'b-cl-hex.sip',
  'b-cl-minus1.sip',
  'b-cl-plus.sip',
  'b-cl-under.sip',
  'b16-dup-cl-differ-smuggle.sip',
  'b20-no-cl-tcp.sip',
  'b26-cr-header-smuggle.sip',
  'b28-fold-first-line.sip',
  'b30-ctl-before-colon.sip',
  'b32-nul-in-value.sip',
  'b34-nul-in-method.sip',
  'c-contact-none.sip',
  'c-contact-star-plus.sip',
  'c-cseq-12digits.sip',
  'c-cseq-2pow32.sip',
  'c-cseq-empty.sip',
  'c-cseq-neg.sip',
  'c-display-crlf.sip',
  'c-from-empty.sip',
  'c-quote-escape-at-end.sip',
  'c-redos-commas.sip',
  'c-redos-params.sip',
  'c-sipver-200.sip',
  'c-status-1000.sip',
  'c-status-alpha.sip',
  'c-status-neg.sip',
  'c-utf16.sip',
  'c-utf8-bom.sip',
  'c-via-absent.sip',
  'c-via-empty.sip',
  'c-via-nosentby.sip',
  'c-via-portneg.sip',
  'c-via-version.sip',
]);
