/** Messages for the tests of the proxy: written by lines, read by the real parser. */
import assert from 'node:assert/strict';
import type { Flow } from '../../src/outside.ts';
import { Self } from '../../src/proxy/self.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';

export const udpFlow: Flow = { protocol: 'udp', listener: 0, address: '10.0.0.2', port: 5060, connection: '' };
export const tcpFlow: Flow = { protocol: 'tcp', listener: 1, address: '10.0.0.2', port: 40_000, connection: 'a/0/1' };

export const self = new Self(
  [
    { protocol: 'udp', address: '10.0.0.1', port: 5060, host: 'sip.example.test' },
    { protocol: 'tcp', address: '10.0.0.1', port: 5070, host: '10.0.0.1' },
    { protocol: 'udp', address: 'fd00::1', port: 5060, host: '[fd00::1]' },
  ],
  ['example.test', 'other.test'],
);

export interface Words {
  readonly method?: string;
  readonly uri?: string;
  readonly via?: readonly string[];
  readonly to?: string;
  readonly from?: string;
  readonly maxForwards?: string;
  readonly lines?: readonly string[];
  readonly body?: string;
}

export function requestText(words: Words): string {
  const { method = 'INVITE', body = '' } = words;
  return [
    `${method} ${words.uri ?? 'sip:bob@example.test'} SIP/2.0`,
    ...(words.via ?? ['SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKa;rport']).map((via) => `Via: ${via}`),
    ...(words.maxForwards === '' ? [] : [`Max-Forwards: ${words.maxForwards ?? '70'}`]),
    `From: ${words.from ?? '<sip:alice@example.test>;tag=1'}`,
    `To: ${words.to ?? '<sip:bob@example.test>'}`,
    'Call-ID: c1',
    `CSeq: 7 ${method}`,
    ...(words.lines ?? []),
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

export function request(words: Words = {}): SipMessage {
  return message(requestText(words));
}

export function message(text: string): SipMessage {
  const parsed = parse(Buffer.from(text, 'latin1'), false);
  assert.ok(!isFailure(parsed), `${isFailure(parsed) ? parsed.reason : ''}\n${text}`);
  return parsed;
}
