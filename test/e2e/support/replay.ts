/**
 * Replays the malformed inputs (test/inputs) and torture messages (test/torture) against a running server and holds what
 * comes back to their expectations. A canary OPTIONS follows each: the server must still answer within a second.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { newIds, SipClient } from './sip-client.ts';

/** One entry of test/inputs/index.json. */
export interface InputCase {
  readonly file: string;
  readonly transport: 'udp' | 'tcp' | 'tls-raw' | 'ws' | 'link' | 'http';
  /** Status codes allowed, 0 for silence; null: not a SIP reply. */
  readonly reply_any_of: readonly number[] | null;
  readonly conn: 'close' | 'open' | null;
  readonly segments?: readonly { readonly len: number; readonly delay_ms?: number }[];
  /** Seconds that the connection is watched. */
  readonly hold_s?: number;
  /** 0 for a scenario that has no octets of its own. */
  readonly octets: number;
}

/** One entry of test/torture/expected.json, of which only our own outcome is checked here. */
export interface TortureCase {
  readonly name?: string;
  readonly file: string;
  readonly wire_file?: string;
  readonly kind?: string;
  readonly ours: {
    readonly outcome: 'accept' | 'reject' | 'drop';
    readonly any_of?: readonly number[];
    readonly none_of?: readonly number[];
  };
}

export interface Verdict {
  readonly name: string;
  /** Empty when all is well. */
  readonly why: readonly string[];
  readonly statuses: readonly number[];
}

export interface Ports {
  readonly udp: number;
  readonly tcp: number;
  readonly link: number;
  readonly http: number;
}

const tests = new URL('../../', import.meta.url);
const waitMs = 700;
/** Octets back per octet sent, from where an input can be used to flood somebody else. */
const amplificationMax = 3;

export function inputCases(): InputCase[] {
  const { inputs } = JSON.parse(readFileSync(new URL('inputs/index.json', tests), 'utf8')) as { inputs: InputCase[] };
  return inputs;
}

export function tortureCases(): TortureCase[] {
  type Groups = Record<'rfc4475' | 'rfc5118' | 'extra', TortureCase[]>;
  const groups = JSON.parse(readFileSync(new URL('torture/expected.json', tests), 'utf8')) as Groups;
  return [...groups.rfc4475, ...groups.rfc5118, ...groups.extra];
}

/** `check` for every case, `lanes` at a time; the verdicts in the order of the cases. */
export async function inLanes<T>(
  cases: readonly T[],
  lanes: number,
  check: (one: T) => Promise<Verdict>,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < cases.length) {
      const at = next++;
      const one = cases[at];
      if (one !== undefined) verdicts[at] = await check(one);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return verdicts;
}

export async function checkInput(one: InputCase, ports: Ports): Promise<Verdict> {
  const bytes = readFileSync(new URL(`inputs/${one.file}`, tests));
  const why: string[] = [];
  const statuses: number[] = [];
  if (one.transport === 'udp') {
    const back = await overUdp(ports.udp, bytes);
    statuses.push(...back.map((datagram) => statusesIn(datagram)[0] ?? 0));
    const octets = back.reduce((sum, { length }) => sum + length, 0);
    if (octets > amplificationMax * Math.max(bytes.length, 150)) why.push(`${octets} octets back for ${bytes.length}`);
  } else {
    const port = { tcp: ports.tcp, link: ports.link, http: ports.http }[one.transport as 'tcp' | 'link' | 'http'];
    const { received, isClosed } = await overTcp(port, bytes, one);
    statuses.push(...statusesIn(received));
    if (one.conn === 'close' && !isClosed) why.push('connection left open');
    if (one.conn === 'open' && isClosed) why.push('connection closed');
    if (one.transport === 'http' && !/^HTTP\/1\.1 [34]\d\d /.test(received)) why.push(`HTTP: ${received.slice(0, 40)}`);
  }
  const allowed = one.reply_any_of;
  if (allowed !== null) {
    const finals = statuses.filter((status) => status >= 200);
    const seen = finals.length > 0 ? finals : [statuses[0] ?? 0];
    const bad = seen.filter((status) => !allowed.includes(status) && status !== 100);
    if (bad.length > 0) why.push(`answered ${bad.slice(0, 3).join(', ')}, allowed ${allowed.join(', ')}`);
  }
  if (!(await canary(ports.udp))) why.push('the canary after it was not answered');
  return { name: one.file, why, statuses };
}

export async function checkTorture(one: TortureCase, ports: Ports): Promise<Verdict> {
  const back = await overUdp(
    ports.udp,
    withOwnBranch(readFileSync(new URL(`torture/${one.wire_file ?? one.file}`, tests))),
  );
  const statuses = back.map((datagram) => statusesIn(datagram)[0] ?? 0);
  const finals = statuses.filter((status) => status >= 200);
  const { outcome, any_of: anyOf, none_of: noneOf = [] } = one.ours;
  const why: string[] = [];
  if (outcome === 'drop' && statuses.length > 0) why.push(`silence expected, not ${statuses.join(', ')}`);
  if (outcome === 'reject' && !finals.some((status) => anyOf?.includes(status))) {
    why.push(`${anyOf?.join(', ')} expected, not ${statuses.join(', ') || 'silence'}`);
  }
  if (outcome === 'accept') {
    if (anyOf !== undefined && finals.length > 0 && !finals.some((status) => anyOf.includes(status))) {
      why.push(`${anyOf.join(', ')} expected, not ${statuses.join(', ')}`);
    }
    if (finals.some((status) => noneOf.includes(status))) why.push(`refused as malformed: ${finals.join(', ')}`);
    if (statuses.length === 0 && (one.kind ?? 'request') === 'request') why.push('no answer to a valid request');
  }
  if (!(await canary(ports.udp))) why.push('the canary after it was not answered');
  return { name: one.name ?? one.file, why, statuses };
}

/** Is an OPTIONS answered within a second? */
export async function canary(port: number): Promise<boolean> {
  const client = await new SipClient(port).open();
  try {
    const ids = newIds('sip:canary@127.0.0.1', 'sip:127.0.0.1');
    const text = client.request('OPTIONS', 'sip:127.0.0.1', ids);
    return await new Promise<boolean>((resolve) => {
      setTimeout(() => resolve(false), 1_000);
      client.send(text, ids.branch, ({ status }) => resolve(status === 200));
    });
  } finally {
    client.close();
  }
}

/**
 * Without `rport` a response goes to the address that the request came from and the port that its Via names (RFC 3261
 * 18.2.2), so that is where we send from. Each on a loopback address of its own: others may use port 5060 of 127.0.0.1.
 */
async function overUdp(port: number, bytes: Buffer): Promise<string[]> {
  const address = `127.1.${1 + ((exchanges >> 8) & 127)}.${exchanges++ & 255}`;
  const socket = createSocket('udp4');
  const back: string[] = [];
  socket.on('message', (datagram) => back.push(datagram.toString('latin1')));
  socket.on('error', () => {});
  await new Promise<void>((resolve) => {
    socket.once('error', () => socket.bind(0, address, resolve));
    socket.bind(sentByPort(bytes.toString('latin1')), address, resolve);
  });
  socket.send(bytes, port, '127.0.0.1');
  await sleep(waitMs);
  socket.close();
  return back;
}

let exchanges = 0;
const branches = new Set<string>();

/**
 * Several torture messages have the branch of another, which makes them retransmissions of that one (RFC 3261 17.2.3):
 * the later ones get another of the same length. All other octets stay.
 */
function withOwnBranch(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1');
  const branch = /;branch=(z9hG4bK[\w.-]+)/.exec(text)?.[1];
  if (branch === undefined || !branches.has(branch)) {
    branches.add(branch ?? '');
    return bytes;
  }
  const other = `z9hG4bK${randomBytes(branch.length)
    .toString('hex')
    .slice(0, branch.length - 7)}`;
  return Buffer.from(text.replace(branch, other), 'latin1');
}

/** Port of the top Via, 5060 when it has none. */
function sentByPort(text: string): number {
  const unfolded = text.replace(/\r?\n[ \t]+/g, ' ');
  const port = /^(?:via|v)[ \t]*:[^;,\r\n]*?\w\]?[ \t]*:[ \t]*(\d{1,5})[ \t]*(?=[;,\r\n])/im.exec(unfolded)?.[1];
  return Math.min(Number(port ?? 5_060), 65_535);
}

/** Writes the octets in their segments and listens for `hold_s`, or until the server closes. */
async function overTcp(port: number, bytes: Buffer, one: InputCase): Promise<{ received: string; isClosed: boolean }> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const chunks: Buffer[] = [];
  let isClosed = false;
  const closed = new Promise<void>((resolve) => {
    const end = (): void => {
      isClosed = true;
      resolve();
    };
    socket.on('close', end);
    socket.on('end', end);
    socket.on('error', end);
  });
  socket.on('data', (chunk: Buffer) => {
    if (chunks.length < 4_096) chunks.push(chunk);
  });
  let at = 0;
  for (const { len, delay_ms: delayMs = 0 } of one.segments ?? []) {
    if (delayMs > 0) await Promise.race([closed, sleep(delayMs)]);
    if (isClosed) break;
    socket.write(bytes.subarray(at, at + len));
    at += len;
  }
  if (!isClosed && at < bytes.length) socket.write(bytes.subarray(at));
  await Promise.race([closed, sleep((one.hold_s ?? 0) * 1_000 || waitMs)]);
  const result = { received: Buffer.concat(chunks).toString('latin1'), isClosed };
  socket.destroy();
  return result;
}

function statusesIn(text: string): number[] {
  return [...text.matchAll(/^SIP\/2\.0 ([1-6]\d\d)[ \r]/gm)].map(([, status]) => Number(status));
}
