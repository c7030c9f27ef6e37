/**
 * Bindings as positional arrays for MessagePack, and back. The schema number stands first: N and N-1 must read each other.
 * What is read here was written by us; anything else is our bug or a damaged store, and is refused with an assertion.
 */
import assert from 'node:assert';
import type { Flow, Protocol } from '../outside.ts';
import type { Binding, Bindings } from './bindings.ts';

/** Raise it when a position changes its meaning; add new positions at the end. */
const schema = 1;

type PackedFlow = [protocol: Protocol, listener: number, address: string, port: number, connection: string];
type PackedBinding = [
  uri: string,
  q: number,
  expiresAtMs: number,
  callId: string,
  cseq: number,
  instance: string,
  regId: number,
  path: readonly string[],
  flow: PackedFlow,
  userAgent: string,
  methods: string,
  registeredAtMs: number,
  /** Not in what older releases wrote. */
  former?: readonly string[],
];

export function pack(bindings: Bindings): unknown[] {
  const rows: PackedBinding[] = [];
  for (const b of bindings) {
    const flow: PackedFlow = [b.flow.protocol, b.flow.listener, b.flow.address, b.flow.port, b.flow.connection];
    const row: PackedBinding = [
      b.uri,
      b.q,
      b.expiresAtMs,
      b.callId,
      b.cseq,
      b.instance,
      b.regId,
      b.path,
      flow,
      b.userAgent,
      b.methods,
      b.registeredAtMs,
    ];
    if (b.former.length > 0) row.push(b.former);
    rows.push(row);
  }
  return [schema, rows];
}

export function unpack(packed: readonly unknown[]): Bindings {
  assert.strictEqual(packed[0], schema, 'snapshot of bindings has an unknown schema');
  const rows = packed[1];
  assert(Array.isArray(rows), 'snapshot of bindings has no rows');
  return rows.map(unpackBinding);
}

function unpackBinding(row: unknown): Binding {
  assert(Array.isArray(row) && row.length >= 12, 'snapshot of a binding is too short');
  const [uri, q, expiresAtMs, callId, cseq, instance, regId, path, flow, userAgent, methods, registeredAtMs, former] =
    row as PackedBinding;
  assert(
    isText(uri, callId, instance, userAgent, methods) && isText(...path, ...(former ?? noneBefore)),
    'snapshot of a binding: text expected',
  );
  assert(isNumber(q, expiresAtMs, cseq, regId, registeredAtMs), 'snapshot of a binding: number expected');
  return {
    uri,
    q,
    expiresAtMs,
    callId,
    cseq,
    instance,
    regId,
    path,
    flow: unpackFlow(flow),
    userAgent,
    methods,
    registeredAtMs,
    former: former ?? noneBefore,
  };
}

function unpackFlow(row: unknown): Flow {
  assert(Array.isArray(row) && row.length >= 5, 'snapshot of a flow is too short');
  const [protocol, listener, address, port, connection] = row as PackedFlow;
  assert(isText(protocol, address, connection) && isNumber(listener, port), 'snapshot of a flow is damaged');
  return { protocol, listener, address, port, connection };
}

/** One for all bindings whose phones have had no connection before. */
export const noneBefore: readonly string[] = [];

function isText(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'string');
}

function isNumber(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'number' && Number.isFinite(value));
}
