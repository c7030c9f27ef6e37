/**
 * An address-of-record that falls asleep as soon as it has answered says what one that stays awake would say, octet for
 * octet: repetitions, nonces, what is out of order, look-ups by calls. And the store has the same of it.
 * Seen failing with: the used nonces not remembered; answers forgotten after 25 s; the request kept instead of the response;
 * rows that are asked for once and never again; rows that the store is not known to have.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { Behaviours } from '../../../actors/entity.ts';
import type { Flow } from '../../../src/outside.ts';
import { credentials } from '../call/digest.ts';
import { Node } from '../call/node.ts';

const server: Flow = { protocol: 'udp', listener: 0, address: '127.0.0.1', port: 5060, connection: '' };
const phone: Flow = { ...server, port: 5070 };

/** As long as the one that sleeps remembers nonces. */
function staysAwake(behaviours: Behaviours): Behaviours {
  const { remember: _remember, recall: _recall, ...aor } = behaviours.aor;
  return { ...behaviours, aor: { ...aor, passivateAfterMs: 37_000 } };
}

interface Words {
  readonly method: 'REGISTER' | 'INVITE';
  readonly user: string;
  readonly branch: string;
  readonly cseq: number;
  readonly port: number;
  readonly expires: number;
  readonly authorization?: string;
}

function request({ method, user, branch, cseq, port, expires, authorization }: Words): string {
  const isRegister = method === 'REGISTER';
  const name = isRegister ? 'Authorization' : 'Proxy-Authorization';
  return [
    `${method} ${isRegister ? 'sip:example.test' : `sip:${user}@example.test`} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK${branch};rport`,
    'Max-Forwards: 70',
    `From: <sip:${user}@example.test>;tag=1`,
    `To: <sip:${user}@example.test>`,
    `Call-ID: ${isRegister ? 'r' : branch}-${user}`,
    `CSeq: ${cseq} ${method}`,
    `Contact: <sip:${user}@127.0.0.1:${port}>`,
    ...(isRegister ? [`Expires: ${expires}`] : []),
    ...(authorization === undefined ? [] : [`${name}: ${authorization}`]),
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}

const action = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('register' as const), port: fc.constantFrom(5_070, 5_072) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unregister' as const), port: fc.constantFrom(5_070, 5_072) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('repeat' as const), back: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('older' as const), back: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('call' as const) }) },
  // Never to a moment at which one is just about to forget: no sum of these is near to timer J, or to the rest after it.
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('pass' as const), seconds: fc.constantFrom(0.1, 15, 45, 100) }),
  },
);

const cases = [
  { authenticate: false, gate: 'store' },
  { authenticate: true, gate: 'store' },
  { authenticate: false, gate: 'off' },
  { authenticate: true, gate: 'off' },
] as const;

for (const { authenticate, gate } of cases)
  test(`asleep or awake, the same is said ${authenticate ? 'with' : 'without'} credentials, gate ${gate}`, () => {
    const open = (lens: (behaviours: Behaviours) => Behaviours): Node =>
      new Node({ server, domain: 'example.test', gate, authenticate, lens });
    const [sleeper, waker] = [open((behaviours) => behaviours), open(staysAwake)];
    let users = 0;
    let branches = 0;
    let slept = 0;
    fc.assert(
      fc.property(fc.array(action, { minLength: 2, maxLength: 20 }), (actions) => {
        const user = `u${users++}`;
        const said: string[] = [];
        let cseq = 1;
        let authorization: string | undefined;
        let count = 0;
        const say = (text: string): string[] => {
          said.push(text);
          const bytes = Buffer.from(text, 'latin1');
          const mine = sleeper.say(bytes, phone);
          assert.deepEqual(mine, waker.say(bytes, phone));
          return mine.map((sent) => sent.text);
        };
        const ask = (method: Words['method'], port: number, expires: number): void => {
          const words = (): Words => ({
            method,
            user,
            branch: String(branches++),
            cseq: cseq++,
            port,
            expires,
            ...(authorization === undefined ? {} : { authorization }),
          });
          const [answer] = say(request(words()));
          if (answer === undefined || !/^SIP\/2\.0 40[17]/.test(answer)) return;
          const uri = method === 'REGISTER' ? 'sip:example.test' : `sip:${user}@example.test`;
          const nc = String(++count).padStart(8, '0');
          authorization = credentials(user, 'secret', { lines: answer.split('\r\n') }, method, uri, nc);
          say(request(words()));
        };
        for (const each of actions) {
          if (each.do === 'register') ask('REGISTER', each.port, 3_600);
          else if (each.do === 'unregister') ask('REGISTER', each.port, 0);
          else if (each.do === 'call') ask('INVITE', 5_070, 0);
          else if (each.do === 'pass') {
            const ms = each.seconds * 1_000;
            assert.deepEqual(sleeper.pass(ms, 200), waker.pass(ms, 200));
            if (each.seconds > 1) assert.deepEqual(sleeper.stored, waker.stored);
          } else {
            const text = said.at(-1 - each.back);
            // An older one is another request with a CSeq that was used.
            if (text !== undefined)
              say(each.do === 'repeat' ? text : text.replace(/z9hG4bK\d+/, `z9hG4bKo${branches++}`));
          }
          if (sleeper.count('aor').awake < waker.count('aor').awake) slept++;
        }
        // Until all that was registered has expired.
        for (const node of [sleeper, waker]) {
          node.pass(4_000_000, 5_000);
          assert.deepEqual(node.count('aor'), { all: 0, awake: 0 });
          assert.equal(node.count('call').awake, 0);
          assert.equal(node.stored.size, 0);
        }
        assert.deepEqual(sleeper.counted, waker.counted);
      }),
      { numRuns: 60 },
    );
    assert(slept > 20, 'the one fell asleep sooner than the other');
  });
