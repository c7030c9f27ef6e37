/**
 * A baresip 1.0 without terminal and sound card: controlled over ctrl_tcp (netstrings of JSON), its voice is a tone of
 * its own (ausine), its ear a bridge to nowhere, and sndfile writes what it hears to a WAV file.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { start, stop, until, type Child } from './children.ts';
import type { TestUser } from './users.ts';

export interface BaresipOptions {
  readonly user: TestUser;
  readonly folder: string;
  /** SIP; port + 1 is not used by us, + 2 is the control port, + 4 ... + 9 are for RTP. */
  readonly port: number;
  /** Where it sends everything. */
  readonly outbound: number;
  /** Hertz. */
  readonly tone: number;
}

export interface BaresipEvent {
  readonly type: string;
  readonly param: string;
  readonly peeruri: string;
}

export class Baresip {
  readonly child: Child;
  readonly events: BaresipEvent[] = [];
  readonly #options: BaresipOptions;
  #socket: Socket | undefined;
  #rest = Buffer.alloc(0);

  constructor(options: BaresipOptions) {
    const { user, folder, port, outbound, tone } = options;
    this.#options = options;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/config`, config(folder, port, tone));
    writeFileSync(
      `${folder}/accounts`,
      `<${user.aor};transport=udp>;auth_user=${user.name};auth_pass=${user.password};` +
        `outbound="sip:127.0.0.1:${outbound};transport=udp";regint=60\n`,
    );
    this.child = start(`baresip-${user.name}`, 'baresip', ['-4', '-n', '127.0.0.1', '-f', folder], {
      log: `${folder}/baresip.log`,
      cwd: folder,
    });
  }

  /** Connected to its control port and registered. */
  async registered(): Promise<void> {
    await until(`${this.child.name} registers`, 10_000, async () => {
      this.#socket ??= await this.#connect();
      return /\b200 OK\b/.test(this.child.output()) || undefined;
    });
  }

  command(command: string, params = ''): void {
    const text = JSON.stringify({ command, params, token: 'test' });
    this.#socket?.write(`${text.length}:${text},`);
  }

  /** Waits for the `count`th event of this type. */
  async event(type: string, count = 1, timeoutMs = 8_000): Promise<BaresipEvent> {
    return until(
      `${this.child.name} ${type} (${count})`,
      timeoutMs,
      () => this.events.filter((event) => event.type === type)[count - 1],
      20,
    );
  }

  /** WAV files of what it heard, one for each call, oldest first. */
  heard(): string[] {
    const { folder } = this.#options;
    const names = readdirSync(folder).filter((name) => name.endsWith('-dec.wav'));
    return names.sort().map((name) => `${folder}/${name}`);
  }

  async stop(): Promise<number> {
    this.#socket?.destroy();
    return stop(this.child, 4_000);
  }

  async #connect(): Promise<Socket | undefined> {
    const socket = connect(this.#options.port + 2, '127.0.0.1');
    return new Promise((resolve) => {
      socket.once('connect', () => {
        socket.on('data', (chunk: Buffer) => this.#receive(chunk));
        resolve(socket);
      });
      socket.on('error', () => resolve(undefined));
    });
  }

  #receive(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const colon = this.#rest.indexOf(':');
      if (colon < 0) return;
      const end = colon + 1 + Number(this.#rest.subarray(0, colon).toString());
      if (this.#rest.length < end + 1) return;
      const message = JSON.parse(this.#rest.subarray(colon + 1, end).toString()) as { event?: boolean } & BaresipEvent;
      if (message.event === true) this.events.push(message);
      this.#rest = this.#rest.subarray(end + 1);
    }
  }
}

function config(folder: string, port: number, tone: number): string {
  return `sip_listen 127.0.0.1:${port}
ausrc_srate 48000
ausrc_channels 2
auplay_srate 8000
auplay_channels 1
audio_source ausine,${tone}
audio_player aubridge,ear-${port}
audio_alert aubridge,bell-${port}
rtp_ports ${port + 4}-${port + 9}
snd_path ${folder}
ctrl_tcp_listen 127.0.0.1:${port + 2}
module_path /usr/lib/baresip/modules
module g711.so
module ausine.so
module aubridge.so
module sndfile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
`;
}
