/**
 * Between the partitions of a simulated worker and its actors: tells the observers of each input, and for whoever wants to
 * compare, what the actor made of it. Live actors draw their random numbers from a tape, so that a twin can be given the
 * same ones.
 */
import { aorBehaviour } from '../actors/aor/behaviour.ts';
import type { AorDeps } from '../actors/aor/state.ts';
import type { Answer } from '../actors/answers.ts';
import { callBehaviour } from '../actors/call/behaviour.ts';
import { limitBehaviour } from '../actors/limit/behaviour.ts';
import type {
  Address,
  Asker,
  Behaviour,
  Behaviours,
  Input,
  Kind,
  SaveGate,
  SaveOptions,
  Turn,
} from '../actors/entity.ts';
import type { Flow, Random } from '../src/outside.ts';
import type { SimNode } from './node.ts';
import type { World } from './world.ts';

export interface Handling {
  readonly node: SimNode;
  readonly worker: number;
  readonly kind: Kind;
  readonly key: string;
  readonly partition: number;
  readonly nowMs: number;
  readonly input: Input;
  readonly state: unknown;
  /** The same code, drawing again the random numbers that the live actor drew in this turn. */
  readonly twin: Behaviour<unknown>;
}

/** One line for each thing that an actor wanted, in its order. */
export type Handled = readonly string[];

export class Tape implements Random {
  readonly #random: Random;
  readonly #drawn: (Buffer | number)[] = [];
  readonly replay: Random;
  #replayed = 0;

  constructor(random: Random) {
    this.#random = random;
    this.replay = {
      bytes: (lengthBytes) => this.#again(lengthBytes) as Buffer,
      fraction: () => this.#again(0) as number,
    };
  }

  bytes(lengthBytes: number): Buffer {
    const bytes = this.#random.bytes(lengthBytes);
    this.#drawn.push(bytes);
    return bytes;
  }

  fraction(): number {
    const fraction = this.#random.fraction();
    this.#drawn.push(fraction);
    return fraction;
  }

  /** Forgets what was drawn before. */
  begin(): void {
    this.#drawn.length = 0;
    this.#replayed = 0;
  }

  /** What the live one did not draw is zero: the comparison will say so. */
  #again(lengthBytes: number): Buffer | number {
    const drawn = this.#drawn[this.#replayed++];
    if (lengthBytes > 0) return drawn instanceof Buffer ? drawn : Buffer.alloc(lengthBytes);
    return typeof drawn === 'number' ? drawn : 0;
  }
}

export function watchActors(
  world: World,
  node: SimNode,
  worker: number,
  behaviours: Behaviours,
  deps: AorDeps,
  tape: Tape,
): Behaviours {
  const twinDeps: AorDeps = { ...deps, random: tape.replay };
  const twins: Behaviours = {
    call: callBehaviour(twinDeps) as Behaviour<unknown>,
    aor: aorBehaviour(twinDeps) as Behaviour<unknown>,
    limit: limitBehaviour() as Behaviour<unknown>,
  };
  const watch = (kind: Kind): Behaviour<unknown> => {
    const live = behaviours[kind];
    const receive = (state: unknown, input: Input, turn: Turn): void => {
      tape.begin();
      let after: ((handled: Handled) => void)[] | undefined;
      const about: Handling = {
        node,
        worker,
        kind,
        key: keyOf(state),
        partition: turn.partition,
        nowMs: turn.nowMs,
        input,
        state,
        twin: twins[kind],
      };
      for (const tell of world.audience.handling) {
        const then = tell(about);
        if (then !== undefined) (after ??= []).push(then);
      }
      if (after === undefined) return live.receive(state, input, turn);
      const wishes = new WrittenTurn(turn.partition, turn.nowMs, turn);
      live.receive(state, input, wishes);
      for (const each of after) each(wishes.lines);
    };
    return { ...live, receive };
  };
  return { call: watch('call'), aor: watch('aor'), limit: watch('limit') };
}

/** Actors know their own names. */
function keyOf(state: unknown): string {
  const { callId, aor, name } = state as { readonly callId?: string; readonly aor?: string; readonly name?: string };
  return callId ?? aor ?? name ?? '';
}

/** Writes down what an actor wants, and hands it on when there is somebody to do it. */
export class WrittenTurn implements Turn {
  readonly partition: number;
  readonly nowMs: number;
  readonly lines: string[] = [];
  readonly #turn: Turn | undefined;
  #askId = 2 ** 50;

  constructor(partition: number, nowMs: number, turn?: Turn) {
    this.partition = partition;
    this.nowMs = nowMs;
    this.#turn = turn;
  }

  send(flow: Flow, bytes: Uint8Array, token?: string): void {
    this.lines.push(`send ${flow.protocol} ${flow.address}:${flow.port} ${flow.connection} ${token} ${latin1(bytes)}`);
    this.#turn?.send(flow, bytes, token);
  }

  sendFinal(flow: Flow, bytes: Uint8Array, key: string, untilMs: number): void {
    this.lines.push(`send ${flow.protocol} ${flow.address}:${flow.port} ${flow.connection} ${key} ${latin1(bytes)}`);
    this.#turn?.sendFinal(flow, bytes, key, untilMs);
  }

  /** Who wrote it down alone has answered nothing. */
  sayAgain(key: string): boolean {
    return this.#turn?.sayAgain(key) ?? false;
  }

  answered(key: string): Answer | undefined {
    return this.#turn?.answered(key);
  }

  tell(to: Address, body: unknown): void {
    this.lines.push(`tell ${to.kind} ${to.key} ${JSON.stringify(body)}`);
    this.#turn?.tell(to, body);
  }

  /** Numbers of questions are drawn by the partition and mean nothing to anybody else. */
  ask(to: Address, body: unknown, isOnce = false): number {
    this.lines.push(`ask ${to.kind} ${to.key} ${JSON.stringify(body)}`);
    return this.#turn?.ask(to, body, isOnce) ?? this.#askId++;
  }

  answer(asker: Asker, body: unknown): void {
    this.lines.push(`answer ${asker.kind} ${asker.key} ${asker.id} ${JSON.stringify(body)}`);
    this.#turn?.answer(asker, body);
  }

  timer(name: string, atMs: number): void {
    this.lines.push(`timer ${name} at ${atMs}`);
    this.#turn?.timer(name, atMs);
  }

  clearTimer(name: string): void {
    this.lines.push(`no timer ${name}`);
    this.#turn?.clearTimer(name);
  }

  save(gate: SaveGate, options?: SaveOptions): void {
    this.lines.push(`save ${gate} ${options?.durable === true ? 'durable' : ''}`);
    this.#turn?.save(gate, options);
  }

  stop(): void {
    this.lines.push('stop');
    this.#turn?.stop();
  }

  note(...args: Parameters<Turn['note']>): void {
    this.#turn?.note(...args);
  }

  count(metric: string): void {
    this.#turn?.count(metric);
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
