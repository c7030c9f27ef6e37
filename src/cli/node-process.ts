/** One node as a process: signals, its end, and its supervisor if it has one. */
import type { Config } from '../config/config.ts';
import { limits } from '../limits.ts';
import type { LogLevel } from '../outside.ts';
import { isStartMessage, type ChildMessage, type StartMessage } from './child-protocol.ts';
import { endingOf, exitCodes, type Ending } from './exit.ts';
import { watchHeapRest } from './heap-rest.ts';
import type { RunNode, RunningNode } from './node-contract.ts';

/** Told what happens, in the order it happens. */
export interface NodeProcessPorts {
  onReady(): void;
  /** The process exits when this resolves. */
  onEnding(ending: Ending): Promise<void>;
}

/**
 * Run one node until it ends. SIGTERM and SIGINT drain, a second one ends at once.
 * @param orphanMs what a node may take to drain that lost its supervisor: nobody else is there to end it, and without the
 *   store a drain has no end.
 */
export async function runNodeProcess(
  run: RunNode,
  start: Omit<StartMessage, 'type'>,
  ports: NodeProcessPorts,
  orphanMs: number = limits.supervisorStopMs,
): Promise<void> {
  let node: RunningNode | undefined;
  let stopping = false;
  const end = (ending: Ending): void => {
    void ports.onEnding(ending).finally(() => process.exit(ending.code));
  };
  const stop = (signal: string): void => {
    if (stopping || node === undefined) return end({ code: exitCodes.ok, message: `stopped at once by ${signal}` });
    stopping = true;
    node.drain().then(
      () => end({ code: exitCodes.ok, message: `drained after ${signal}` }),
      (error: unknown) => end(endingOf(error)),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // Without its supervisor a node cannot be stopped as a part of its cluster, so it leaves in order.
  process.on('disconnect', () => {
    stop('the end of the supervisor');
    setTimeout(
      () => end({ code: exitCodes.internal, message: 'not drained in time after the end of the supervisor' }),
      orphanMs,
    ).unref();
  });
  try {
    node = await run(start.config, {
      incarnation: start.incarnation,
      logLevel: start.logLevel,
      onReady: () => ports.onReady(),
      onExit: (code, message) => end({ code, message }),
    });
    watchHeapRest();
  } catch (error) {
    end(endingOf(error));
  }
}

/** The node of a supervisor: the configuration comes by IPC, and the news go back the same way. */
export async function runSupervised(run: RunNode, orphanMs?: number): Promise<void> {
  const orphaned = (): never => process.exit(exitCodes.internal);
  process.once('disconnect', orphaned);
  const start = await new Promise<StartMessage>((resolve) => {
    process.on('message', (message) => {
      if (isStartMessage(message)) resolve(message);
    });
  });
  process.off('disconnect', orphaned);
  // Resolves when the message is on its way, or will never be.
  const tell = async (message: ChildMessage): Promise<void> =>
    new Promise((resolve) => {
      if (process.send === undefined || !process.connected) resolve();
      else process.send(message, undefined, undefined, () => resolve());
    });
  setInterval(() => void tell({ type: 'alive' }), limits.supervisorAliveMs).unref();
  await runNodeProcess(
    run,
    start,
    {
      onReady: () => void tell({ type: 'ready' }),
      onEnding: async ({ code, message }) => tell({ type: 'ending', code, message }),
    },
    orphanMs,
  );
}

/** The node of `carillon start`. */
export async function runAlone(run: RunNode, config: Config, logLevel: LogLevel): Promise<void> {
  await runNodeProcess(
    run,
    { config, incarnation: Date.now(), logLevel },
    {
      onReady: () => console.log(`node ${config.node.id} is ready`),
      onEnding: async ({ code, message }) => (code === 0 ? console.log(message) : console.error(message)),
    },
  );
}
