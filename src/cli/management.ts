/** Commands that ask a running cluster: users, registrations, calls, cluster status, node drain. */
import { text as readAll } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { formatHostPort } from '../config/address.ts';
import { AdminClient } from './admin-client.ts';
import { loadConfig } from './config-file.ts';
import { ExitError, exitCodes } from './exit.ts';
import { progressText, watchDrain } from './watch-drain.ts';
import { statusText } from './status-text.ts';
import { durationText, tableText } from './table.ts';

interface ClientOptions {
  readonly admin?: string;
  readonly token?: string;
  readonly config?: string;
  readonly json?: boolean;
}

interface StatusOptions extends ClientOptions {
  readonly watch?: boolean;
}

interface PasswordOptions extends ClientOptions {
  readonly password?: string;
  readonly passwordStdin?: boolean;
}

/** Hang the management commands below `program`; `cluster` is the command that also starts one. */
export function addManagement(program: Command, cluster: Command): void {
  const user = program.command('user').description('users that may register and call');
  withClient(
    user.command('add').description('add a user, or give one a new password').argument('<aor>', 'sip:USER@DOMAIN'),
  )
    .option('--password <text>', 'visible to others in the list of processes; CARILLON_PASSWORD or stdin is better')
    .option('--password-stdin', 'read the password from stdin')
    .addHelpText('after', '\nExample:\n  carillon user add sip:1001@example.test --password-stdin < password.txt')
    .action(addUser);
  withClient(user.command('remove').description('remove a user').argument('<aor>', 'sip:USER@DOMAIN')).action(
    async (aor: string, options: ClientOptions) => {
      await (await client(options)).removeUser(aor);
      print(options, { removed: aor }, () => `${aor} removed`);
    },
  );
  withClient(user.command('list').description('list all users')).action(async (options: ClientOptions) => {
    const users = await (await client(options)).users();
    print(options, users, () =>
      tableText(
        ['user', 'since'],
        users.map((one) => [one.aor, new Date(one.createdMs).toISOString()]),
      ),
    );
  });
  withClient(
    program
      .command('registrations')
      .description('where users can be reached now')
      .argument('[aor]', 'only this sip:USER@DOMAIN'),
  ).action(listRegistrations);
  withClient(program.command('calls').description('calls that are up or being set up')).action(listCalls);
  withClient(
    program
      .command('limits')
      .description('what routes count: calls at once and requests in a span of time')
      .argument('[name]', 'only this one, with the calls that hold its places'),
  )
    .addHelpText('after', '\nExample:\n  carillon limits trunk:acme')
    .action(listLimits);
  withClient(cluster.command('status').description('nodes, links, partitions, copies and load of a running cluster'))
    .option('--watch', 'again every second, until it is ended')
    .addHelpText('after', '\nExample:\n  carillon cluster status --watch')
    .action(showStatus);
  const node = program.command('node').description('one node of the cluster');
  withClient(
    node.command('drain').description('hand its partitions over and let it leave').argument('<id>', 'a, b, c, ...'),
  )
    .option('--watch', 'say how it goes, and end when the node has left')
    .addHelpText('after', '\nExample:\n  carillon node drain b --watch')
    .action(async (id: string, options: ClientOptions & { readonly watch?: boolean }) => {
      const admin = await client(options);
      await admin.drain(id);
      print(options, { draining: id }, () => `node ${id} is draining`);
      if (options.watch !== true) return;
      await watchDrain(admin, id, (progress) => print(options, progress, () => progressText(progress)));
    });
}

async function addUser(aor: string, options: PasswordOptions): Promise<void> {
  const fromStdin = options.passwordStdin === true ? (await readAll(process.stdin)).replace(/\r?\n$/, '') : undefined;
  const password = fromStdin ?? options.password ?? process.env['CARILLON_PASSWORD'];
  if (password === undefined || password === '') {
    throw new ExitError(exitCodes.usage, 'say the password: --password-stdin, CARILLON_PASSWORD or --password');
  }
  await (await client(options)).putUser({ aor, password });
  print(options, { added: aor }, () => `${aor} added`);
}

async function listRegistrations(aor: string | undefined, options: ClientOptions): Promise<void> {
  const entries = await (await client(options)).registrations(aor);
  const nowMs = Date.now();
  const rows = entries.map((one) => [
    one.aor,
    one.contact,
    one.flow,
    durationText(one.expiresAtMs - nowMs),
    one.q,
    one.node,
    one.userAgent,
  ]);
  print(options, entries, () => tableText(['user', 'contact', 'flow', 'expires in', 'q', 'node', 'user agent'], rows));
}

async function listCalls(options: ClientOptions): Promise<void> {
  const entries = await (await client(options)).calls();
  const nowMs = Date.now();
  const rows = entries.map((one) => [
    one.from,
    one.to,
    one.state,
    durationText(nowMs - one.startedAtMs),
    one.node,
    one.callId,
  ]);
  print(options, entries, () => tableText(['from', 'to', 'state', 'for', 'node', 'call-id'], rows));
}

async function listLimits(name: string | undefined, options: ClientOptions): Promise<void> {
  const entries = await (await client(options)).limits(name);
  const rows = entries.map((one) => [
    one.name,
    one.limit === 0 ? '' : `${one.value} of ${one.limit}`,
    one.requests === 0 ? '' : `${one.used} of ${one.requests} in ${one.perMs / 1_000} s`,
    one.node,
  ]);
  const nowMs = Date.now();
  const holders = entries.flatMap(({ holders: calls }) =>
    calls.map(({ callId, sinceMs }) => [durationText(nowMs - sinceMs), callId]),
  );
  print(options, entries, () => {
    const text = tableText(['name', 'calls', 'requests', 'node'], rows);
    return holders.length === 0 ? text : `${text}\n\n${tableText(['holds for', 'call-id'], holders)}`;
  });
}

const watchMs = 1_000;

async function showStatus(options: StatusOptions): Promise<void> {
  const admin = await client(options);
  if (options.watch !== true) {
    const view = await admin.cluster();
    return print(options, view, () => statusText(view, Date.now()));
  }
  // Whoever reads it may stop reading (`| head`).
  process.stdout.on('error', () => process.exit(exitCodes.ok));
  // Until somebody ends it. A node that does not answer is asked again: it is watched because something goes on.
  for (;;) {
    const shown = await admin.cluster().then(
      (view) => (options.json === true ? JSON.stringify(view) : statusText(view, Date.now())),
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    const clear = options.json !== true && process.stdout.isTTY;
    console.log(clear ? `\x1b[H\x1b[J${shown}` : shown);
    await delay(watchMs);
  }
}

function withClient(command: Command): Command {
  return command
    .option('--admin <url>', 'API of any node (default: http://127.0.0.1:8080, or as --config says)')
    .option('--token <text>', 'token of the API; CARILLON_TOKEN does the same')
    .option('--config <file>', 'take address and token of the API from this configuration')
    .option('--json', 'print JSON');
}

/** Flags before environment before configuration before defaults. */
async function client(options: ClientOptions): Promise<AdminClient> {
  const config = options.config === undefined ? undefined : await loadConfig(options.config, process.env);
  const listen = config?.admin.listen ?? { host: '127.0.0.1', port: 8_080 };
  // A node that listens everywhere is asked on this machine.
  const reachable = listen.host === '0.0.0.0' ? '127.0.0.1' : listen.host === '::' ? '::1' : listen.host;
  const url = options.admin ?? `http://${formatHostPort({ ...listen, host: reachable })}`;
  return new AdminClient(url, options.token ?? process.env['CARILLON_TOKEN'] ?? config?.admin.token);
}

function print(options: ClientOptions, value: unknown, text: () => string): void {
  console.log(options.json === true ? JSON.stringify(value, null, 2) : text());
}
