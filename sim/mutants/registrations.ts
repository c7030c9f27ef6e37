/** Mistakes of the registrar and of the digest. */
import type { Mutant } from './mutant.ts';

export const registrationsMutants: readonly Mutant[] = [
  {
    name: 'removed contacts are kept',
    file: 'actors/aor/behaviour.ts',
    line: '  state.bindings = result.bindings;',
    instead: '  state.bindings = result.bindings.length < state.bindings.length ? state.bindings : result.bindings;',
  },
  {
    name: 'registrations are promised before they are stored',
    file: 'actors/aor/behaviour.ts',
    line: "  turn.save('store', { durable: result.changed === 'change', promisedTo });",
    instead: "  turn.save('none', { durable: result.changed === 'change', promisedTo });",
  },
  {
    name: 'an older REGISTER counts',
    file: 'src/registrar/bindings.ts',
    line: '  return binding.callId === request.callId && request.cseq <= binding.cseq;',
    instead: '  return false;',
    scenario: 'late copies of a REGISTER',
  },
  {
    name: 'a repeated REGISTER is out of order',
    file: 'actors/aor/behaviour.ts',
    line: '  const request = wasDone(state.bindings, context.request) ? asQuery(context.request) : context.request;',
    instead: '  const request = context.request;',
    scenario: 'late copies of a REGISTER',
  },
  {
    name: 'bindings live for ever',
    file: 'src/registrar/bindings.ts',
    line: '  const live = bindings.filter((binding) => binding.expiresAtMs > nowMs);',
    instead: '  const live = bindings.slice();',
    scenario: 'calls to a phone whose time is over just now',
  },
  {
    name: 'nobody expires bindings',
    file: 'src/registrar/bindings.ts',
    line: '    if (binding.expiresAtMs <= nowMs) return bindings.filter((other) => other.expiresAtMs > nowMs);',
    instead: '',
    scenario: 'phones that leave without a word',
  },
  {
    name: 'bindings live twice as long as was said',
    file: 'src/registrar/bindings.ts',
    line: '    expiresAtMs: ctx.nowMs + seconds * 1000,',
    instead: '    expiresAtMs: ctx.nowMs + seconds * 2000,',
    scenario: 'phones that leave without a word',
  },
  {
    name: 'bindings live half as long as was asked',
    file: 'src/registrar/bindings.ts',
    line: '    expiresAtMs: ctx.nowMs + seconds * 1000,',
    instead: '    expiresAtMs: ctx.nowMs + seconds * 500,',
  },
  {
    name: 'a second phone replaces the first',
    file: 'src/registrar/bindings.ts',
    line: '    const matching = matchingBindings(next, current, contact, regId);',
    instead: '    const matching = matchingBindings(next, current, contact, regId).concat(next).slice(0, 1);',
  },
  {
    name: 'a refresh is a second binding',
    file: 'src/registrar/bindings.ts',
    line: '    next = replaced(next, matching, binding);',
    instead: '    next = replaced(next, binding === undefined ? matching : [], binding);',
  },
  {
    name: 'any response proves a password',
    file: 'src/auth/verify.ts',
    line: "  if (!right) return refusal(ctx, 'wrong', false);",
    instead: '',
    scenario: 'thieves',
  },
  {
    name: 'nonces may be used again',
    file: 'src/auth/verify.ts',
    line: "  return acceptance === 'ok' || acceptance === 'again' ? 'ok' : refusal(ctx, 'replay', true);",
    instead: "  return acceptance === undefined ? refusal(ctx, 'replay', true) : 'ok';",
    scenario: 'thieves',
  },
  {
    name: 'counts of a nonce may be used again',
    file: 'src/auth/replay.ts',
    line: "    if (((back < 32 ? use.low : use.high) & mask) !== 0) return 'replay';",
    instead: '',
    scenario: 'thieves',
  },
  {
    name: 'a new owner trusts every nonce',
    file: 'actors/aor/behaviour.ts',
    line: '  return NonceWindows.startingAt(turn.nowMs - limits.nonceGraceMs);',
    instead: '  return NonceWindows.startingAt(turn.nowMs - limits.nonceLifetimeMs);',
    scenario: 'thieves',
  },
  {
    name: 'a new owner trusts no nonce',
    file: 'actors/aor/behaviour.ts',
    line: '  return NonceWindows.startingAt(turn.nowMs - limits.nonceGraceMs);',
    instead: '  return NonceWindows.startingAt(turn.nowMs + limits.nonceGraceMs);',
  },
];
