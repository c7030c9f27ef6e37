/** Messages that reach a node which does not own their call: every datagram goes to any node, and no node is lost. */
import { calls, fault, got, options, stood } from './scenario.ts';
import { warmUpMs } from '../options.ts';
import type { Scenario } from './scenario.ts';

export const messageScenarios: readonly Scenario[] = [
  {
    name: 'CANCEL on another node',
    seenIn: ['https://github.com/OpenSIPS/opensips/issues/3010'],
    breaks: 'a CANCEL or an ACK that reaches a node without the call is lost there: the phone rings on',
    options: options({
      calls: [
        ...calls(24, { device: { does: 'ring' }, plan: (index) => ({ cancelAfterMs: 300 + index * 40 }) }),
        // These cross the answer.
        ...calls(16, {
          fromMs: 100,
          everyMs: 300,
          device: { ringAfterMs: 0, afterMs: 500 },
          plan: (index) => ({ cancelAfterMs: 500 + index * 8 }),
        }),
      ],
    }),
    reaches: ['item forwarded to another node', 'CANCEL and 200 cross'],
    judge: (call) => (call.cancelledAtMs === 0 ? undefined : got(487, 200)(call)),
    mutant: 'only the owner takes a CANCEL',
  },
  {
    name: 'refusal on another node',
    seenIn: ['https://github.com/OpenSIPS/opensips/issues/2445'],
    breaks: 'a failure response is forwarded to the owner and sent to the caller as well: two answers to one INVITE',
    options: options({
      weather: { latencyMs: [1, 20], loss: 0.02, duplicates: 0.2, reorder: 0.1, reorderMs: 300 },
      calls: calls(40, {
        device: { does: 'reject' },
        plan: (index) => ({
          devices: [{ ringAfterMs: 20, does: 'reject', status: [486, 480, 603, 404][index % 4]!, afterMs: 100 }],
        }),
      }),
    }),
    reaches: ['item forwarded to another node'],
    judge: got(486, 480, 603, 404),
  },
  {
    name: 'response to a request inside of the call on another node',
    seenIn: ['https://github.com/OpenSIPS/opensips/issues/1721'],
    breaks: 'a response to OPTIONS or INFO lands on a node that did not ask: the other side looks dead',
    options: options({
      calls: calls(30, {
        plan: (index) => ({
          infoEveryMs: 700,
          reinvite: { afterMs: 2_000, by: index % 2 === 0 ? 'caller' : 'callee' },
        }),
      }),
    }),
    reaches: ['item forwarded to another node'],
    judge: stood,
    mutant: 'only the owner takes a response',
  },
  {
    name: 'replication under loss',
    seenIn: ['https://github.com/kamailio/kamailio/issues/2547', 'https://github.com/kamailio/kamailio/issues/2535'],
    breaks: 'replication stalls while packets and links are bad, and a takeover afterwards finds no calls',
    options: options({
      weather: { latencyMs: [1, 20], loss: 0.1, duplicates: 0.1, reorder: 0.1, reorderMs: 300 },
      calls: calls(40, { everyMs: 100, plan: () => ({ infoEveryMs: 1_500 }) }),
      faults: [
        fault(400, 'store-slow', 'a', { forMs: 3_000 }),
        fault(600, 'one-way-cut', 'a', { other: 'b', forMs: 400 }),
        fault(1_400, 'one-way-cut', 'b', { other: 'c', forMs: 400 }),
        fault(2_200, 'one-way-cut', 'c', { other: 'a', forMs: 400 }),
        fault(4_500, 'crash', 'b', { forMs: 500 }),
      ],
    }),
    reaches: ['takeover of a call that stands', 'item forwarded to another node'],
    judge: stood,
    mutant: 'calls are never saved',
  },
  {
    name: 'phones that are gone',
    seenIn: [],
    breaks: 'a phone that lost its power without a word keeps a call, its caller and its transactions for ever',
    options: options({
      noAnswerMs: 3_000,
      calls: [
        // It never hears the INVITE.
        ...calls(20, { everyMs: 150, device: { does: 'ring', ringAfterMs: 120_000, deafAfterMs: 0 } }),
        // It rings, and does not hear the CANCEL.
        ...calls(20, {
          fromMs: 50,
          everyMs: 150,
          device: { does: 'ring', deafAfterMs: 500 },
          plan: (index) => (index % 2 === 0 ? { cancelAfterMs: 1_500 } : {}),
        }),
      ],
      faults: [fault(2_500, 'drain', 'b', { forMs: 500 })],
    }),
    reaches: ['hand-off by drain'],
    judge: got(408, 487),
    mutant: 'timer B is dropped',
  },
  {
    name: 'thieves',
    seenIn: ['https://www.rfc-editor.org/rfc/rfc7616#section-5.12'],
    breaks: 'whoever overhears a REGISTER can have the calls of its user, at once or after the next takeover',
    options: options({
      faultMs: 16_000,
      expiresSeconds: 20,
      calls: calls(8, { everyMs: 200, plan: () => ({ talkMs: 500 }) }),
      // Before anything happens, and of credentials that are old when a node has been lost.
      thefts: [
        ...(['last', 'guess', 'first'] as const).flatMap((how, index) =>
          Array.from({ length: 8 }, (_, user) => ({ atMs: warmUpMs + 1_000 + index * 400, phone: `u${user}-0`, how })),
        ),
        ...Array.from({ length: 8 }, (_, user) => ({
          atMs: warmUpMs + 13_500,
          phone: `u${user}-0`,
          how: 'first' as const,
        })),
      ],
      faults: [fault(12_500, 'crash', 'a')],
    }),
    reaches: ['nonce stale', 'released by a supervisor'],
    judge: stood,
    mutant: 'nonces may be used again',
  },
  {
    name: 'strangers',
    seenIn: [],
    breaks: 'somebody without a call gets requests through to a phone, or is told that he ended one',
    options: options({
      calls: calls(8, { everyMs: 200, plan: () => ({ talkMs: 500 }) }),
      thefts: (['cancel', 'dialog'] as const).flatMap((how, index) =>
        Array.from({ length: 8 }, (_, user) => ({
          atMs: warmUpMs + 1_000 + index * 400 + user * 20,
          phone: `u${user}-0`,
          how,
        })),
      ),
    }),
    reaches: [],
    judge: stood,
    mutant: 'a dialog of strangers is served',
  },
  {
    name: 'one declines for all',
    seenIn: [],
    breaks: 'somebody declined, and the other phone rings on until the caller gives up',
    options: options({
      devices: Array.from({ length: 8 }, () => 2),
      noAnswerMs: 15_000,
      calls: calls(24, {
        everyMs: 150,
        plan: (index) => ({
          devices: [
            { ringAfterMs: 20, does: 'ring', status: 486, afterMs: 0 },
            { ringAfterMs: 20, does: 'reject', status: [603, 600, 604, 606][index % 4]!, afterMs: 400 + index * 20 },
          ],
        }),
      }),
    }),
    reaches: ['item forwarded to another node'],
    judge: got(600, 603, 604, 606),
    mutant: 'a 6xx does not stop the others',
  },
  {
    name: 're-INVITE and BYE cross',
    seenIn: [],
    breaks: 'the answer to a re-INVITE comes after the BYE, and the call is listed for ever',
    options: options({
      weather: { latencyMs: [1, 60], loss: 0, duplicates: 0, reorder: 0.2, reorderMs: 300 },
      calls: calls(40, {
        everyMs: 150,
        plan: (index) => ({
          talkMs: 2_000,
          hangup: 'caller',
          reinvite: { afterMs: 1_950 + (index % 10) * 10, by: index % 2 === 0 ? 'caller' : 'callee' },
        }),
      }),
    }),
    reaches: ['item forwarded to another node'],
    judge: got(200),
    mutant: 'a late 200 brings the dialog back',
  },
  {
    name: 'phones that leave without a word',
    seenIn: [],
    breaks: 'calls go to a phone that has been gone for longer than its registration lasts',
    options: options({
      expiresSeconds: 8,
      faultMs: 16_000,
      registrations: [1, 3, 5, 7].map((user) => ({
        atMs: warmUpMs + 100,
        phone: `u${user}-0`,
        bind: false,
        silently: true,
      })),
      calls: calls(16, { fromMs: 11_000, everyMs: 100, plan: () => ({ talkMs: 500 }) }),
    }),
    reaches: [],
    judge: (call) => got(['u1', 'u3', 'u5', 'u7'].includes(call.plan.callee) ? 480 : 200)(call),
    mutant: 'bindings live twice as long as was said',
  },
];
