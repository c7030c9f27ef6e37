/** A phone: one UDP socket or one connection over TCP, one user, one registration, and the calls it makes and takes. */
import { Owner } from '../kernel.ts';
import { clusterEndpoint } from '../network.ts';
import type { Endpoint, Socket } from '../network.ts';
import type { Stream } from '../random.ts';
import type { Stage } from '../stage.ts';
import type { StreamNetwork } from '../stream-network.ts';
import { Callee, respond } from './callee.ts';
import { Caller } from './caller.ts';
import type { ClientPorts, ClientTransaction } from './client.ts';
import type { Dialog } from './dialog.ts';
import type { CallRecord } from './history.ts';
import { plainHabits } from './habits.ts';
import type { Habits } from './habits.ts';
import { Line } from './line.ts';
import { compact, readMessage } from './message.ts';
import type { Message } from './message.ts';
import { Registration } from './registration.ts';

export class Phone implements Socket {
  readonly world: Stage;
  readonly name: string;
  readonly owner: Owner;
  readonly user: string;
  readonly device: number;
  readonly password: string;
  readonly algorithm: 'MD5' | 'SHA-256';
  readonly at: Endpoint;
  readonly random: Stream;
  readonly registration: Registration;
  readonly habits: Omit<Habits, 'phone'>;
  /** Undefined: it speaks UDP. */
  readonly line: Line | undefined;
  readonly callers = new Map<string, Caller>();
  readonly callees: Callee[] = [];
  readonly #clients = new Map<string, ClientTransaction>();
  /** Responses to requests other than INVITE, for their repetitions. */
  readonly #answered = new Map<string, Buffer>();
  /** Our 2xx to INVITEs inside of dialogs, repeated until their ACK comes (13.3.1.4). */
  readonly #unacked = new Map<string, Buffer>();
  #branches = 0;

  constructor(
    world: Stage,
    user: string,
    device: number,
    at: Endpoint,
    expiresSeconds: number,
    habits: Omit<Habits, 'phone'> = plainHabits,
    streams?: StreamNetwork,
  ) {
    this.world = world;
    this.user = user;
    this.device = device;
    this.name = `${user}-${device}`;
    this.owner = new Owner(this.name);
    this.at = at;
    this.password = `secret of ${user}`;
    this.random = world.chance.stream(`phone ${this.name}`);
    this.algorithm = this.random.chance(0.5) ? 'MD5' : 'SHA-256';
    this.habits = habits;
    this.line = habits.line === undefined || streams === undefined ? undefined : new Line(this, habits.line, streams);
    this.registration = new Registration(this, expiresSeconds);
    if (this.line === undefined) world.network.openPhone(at, this);
  }

  get aor(): string {
    return `sip:${this.user}@${this.world.domain}`;
  }

  get contactUri(): string {
    const plain = `sip:${this.user}@${this.at.address}:${this.at.port}`;
    return this.line === undefined ? plain : `${plain};transport=tcp`;
  }

  get contact(): string {
    return `<${this.contactUri}>`;
  }

  later(delayMs: number, run: () => void): void {
    this.world.kernel.at(delayMs, this.owner, run);
  }

  newBranch(): string {
    return `z9hG4bK-${this.name}-${++this.#branches}-${this.random.u32().toString(36)}`;
  }

  via(branch: string): string {
    if (this.line !== undefined) return `SIP/2.0/TCP ${this.at.address}:${this.at.port};branch=${branch};rport`;
    return `SIP/2.0/UDP ${this.at.address}:${this.habits.viaPort ?? this.at.port};branch=${branch};rport`;
  }

  clientPorts(to: Endpoint): ClientPorts {
    return {
      isReliable: this.line !== undefined,
      send: (bytes) => this.sendTo(to, bytes),
      later: (delayMs, run) => this.later(delayMs, run),
    };
  }

  begin(branch: string, method: string, transaction: ClientTransaction): void {
    this.#clients.set(`${branch} ${method}`, transaction);
    transaction.start();
  }

  sendTo(to: Endpoint, written: Buffer): void {
    const bytes = this.habits.isCompact ? compact(written) : written;
    const message = readMessage(bytes);
    if (typeof message === 'string') throw new Error(`${this.name} wrote what it cannot read: ${message}`);
    for (const tell of this.world.audience.phoneSent) tell(this.name, message);
    if (this.line === undefined) this.world.network.send(this.at, to, bytes);
    else this.line.send(bytes);
  }

  /** The connection is gone: what was asked over it and not heard of will not be answered (RFC 3261 17.1.4). */
  lineLost(): void {
    for (const client of this.#clients.values()) client.fail();
  }

  call(record: CallRecord): void {
    const caller = new Caller(this, record);
    this.callers.set(record.plan.callId, caller);
    caller.start();
  }

  /** Every dialog of this phone that is not over. */
  dialogs(onlyAcknowledged = false): Dialog[] {
    const all = [...this.callers.values()].flatMap((caller) => [...caller.dialogs.values()]);
    for (const { dialog, leg } of this.callees) {
      if (dialog !== undefined && (leg.ackedAtMs !== 0 || !onlyAcknowledged)) all.push(dialog);
    }
    return all.filter((dialog) => !dialog.ended);
  }

  receive(bytes: Buffer): void {
    const message = readMessage(bytes);
    for (const tell of this.world.audience.phoneReceived) tell(this.name, message, bytes);
    if (typeof message === 'string' || this.#isDeafTo(message)) return;
    if (message.isRequest) return this.#onRequest(message);
    const client = this.#clients.get(message.transaction);
    if (client === undefined) return;
    client.receive(message);
    if (client.isDeaf) this.#clients.delete(message.transaction);
  }

  #isDeafTo({ callId }: Message): boolean {
    const plan = this.world.callWith(callId)?.plan;
    if (plan === undefined || plan.callee !== this.user) return false;
    const device = plan.devices[this.device];
    if (device?.deafAfterMs === undefined && device?.deafUntilMs === undefined) return false;
    const { deafAfterMs = Infinity, deafUntilMs = 0 } = device;
    const { nowMs } = this.world.kernel;
    const leg = this.callees.find((each) => each.callId === callId)?.leg;
    return nowMs < plan.startMs + deafUntilMs || (leg !== undefined && nowMs >= leg.invitedAtMs + deafAfterMs);
  }

  #onRequest(request: Message): void {
    if (request.method === 'ACK') {
      this.#unacked.delete(`${request.callId} ${request.fromTag} ${request.cseq}`);
      return this.callees.find((each) => this.#isAckOf(each, request))?.onAck();
    }
    if (request.method === 'INVITE' && request.toTag.length === 0) return this.#onInvite(request);
    const key = request.transaction;
    const before = this.#answered.get(key);
    if (before !== undefined) return this.sendTo(clusterEndpoint, before);
    const response = respond(this, request, this.#statusFor(request), `x${this.random.u32().toString(36)}`);
    this.#answered.set(key, response);
    this.sendTo(clusterEndpoint, response);
    if (request.method !== 'INVITE') return;
    const waiting = `${request.callId} ${request.fromTag} ${request.cseq}`;
    this.#unacked.set(waiting, response);
    this.#repeatUntilAck(waiting, 500, this.world.kernel.nowMs + 32_000);
  }

  #repeatUntilAck(waiting: string, gapMs: number, untilMs: number): void {
    this.later(gapMs, () => {
      const response = this.#unacked.get(waiting);
      if (response === undefined || this.world.kernel.nowMs >= untilMs) return;
      this.sendTo(clusterEndpoint, response);
      this.#repeatUntilAck(waiting, Math.min(4_000, gapMs * 2), untilMs);
    });
  }

  #isAckOf(callee: Callee, ack: Message): boolean {
    // To a 2xx it names the dialog, to another final response its transaction.
    return callee.leg.tag === ack.toTag && (callee.leg.final < 300 || callee.leg.branch === ack.branch);
  }

  #onInvite(invite: Message): void {
    const known = this.callees.find((each) => each.leg.branch === invite.branch);
    if (known !== undefined) return known.again();
    const call = this.world.callWith(invite.callId);
    const plan = call?.plan.devices[this.device];
    if (call === undefined || plan === undefined) {
      this.sendTo(clusterEndpoint, respond(this, invite, 404, 'nobody'));
      return;
    }
    const callee = new Callee(this, call, invite, plan);
    this.callees.push(callee);
    callee.start();
  }

  #statusFor(request: Message): number {
    if (request.method === 'CANCEL') {
      const callee = this.callees.find((each) => each.leg.branch === request.branch);
      if (callee === undefined) return 481;
      callee.cancelled();
      return 200;
    }
    const dialog = this.#dialogOf(request);
    if (dialog === undefined) return 481;
    if (!dialog.takes(request.cseq)) return 500;
    if (request.method === 'BYE') this.#onBye(dialog);
    return 200;
  }

  /** A dialog that ended by our own BYE still knows the other side's. */
  #dialogOf(request: Message): Dialog | undefined {
    const caller = this.callers.get(request.callId)?.dialogs.get(request.fromTag);
    if (caller !== undefined && caller.localTag === request.toTag) return caller;
    return this.callees.find((each) => each.leg.tag === request.toTag && each.dialog?.remoteTag === request.fromTag)
      ?.dialog;
  }

  #onBye(dialog: Dialog): void {
    dialog.ended = true;
    const nowMs = this.world.kernel.nowMs;
    if (dialog.side === 'caller') {
      if (dialog.call.endedAtMs === 0) dialog.call.endedAtMs = nowMs;
    } else {
      const leg = dialog.call.legs.find((each) => each.tag === dialog.localTag);
      if (leg !== undefined && leg.endedAtMs === 0) leg.endedAtMs = nowMs;
    }
  }
}
