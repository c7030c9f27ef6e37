/** What happened, for people: log lines in order, and every datagram of a call for its ladder. */
import type { Passage } from './network.ts';
import type { Observer } from './observe.ts';
import type { World } from './world.ts';

const linesMax = 20_000;

export class Recorder {
  readonly observer: Observer;
  readonly lines: string[] = [];
  readonly passages: Passage[] = [];
  messages = 0;

  constructor(world: World, keep: boolean) {
    world.network.watchers.push((passage) => {
      this.messages++;
      if (keep) this.passages.push(passage);
    });
    const say = (text: string): void => {
      if (this.lines.length < linesMax)
        this.lines.push(`${(world.kernel.nowMs / 1_000).toFixed(3).padStart(8)}  ${text}`);
    };
    this.observer = !keep
      ? {}
      : {
          noted: (node, level, event, fields) => {
            if (level !== 'debug') say(`${node}: ${event} ${JSON.stringify(fields)}`);
          },
          callEvent: (call, what) => say(`call ${call.plan.callId}: ${what}`),
          fault: (fault) =>
            say(
              `FAULT ${fault.kind} ${fault.node} ${fault.other} for ${fault.forMs} ms${fault.released ? ', released' : ''}`,
            ),
          registration: (record) => say(`${record.phone}: ${record.wants} ${record.status} ${record.listed.join(' ')}`),
          phase: (phase) => say(`-- ${phase}`),
          crashed: (node, name, error) => say(`${node}: ${name} broke: ${String(error)}`),
        };
  }
}
