/** Commands that ask a running cluster: users, registrations, calls, cluster status, node drain. */
import { text as readAll } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { ClusterView } from '../admin/port.ts';
import { formatHostPort } from '../config/address.ts';
import { AdminClient } from './admin-client.ts';
import { loadConfig } from './config-file.ts';
import { ExitError, exitCodes } from './exit.ts';
import { progressText, watchDrain } from './watch-drain.ts';
import { durationText, tableText } from './table.ts';

interface ClientOptions {
  readonly admin?: string;
  readonly token?: string;
  readonly config?: string;
  readonly json?: boolean;
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
  withClient(cluster.command('status').description('nodes, partitions and load of a running cluster')).action(
    showStatus,
  );
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

async function showStatus(options: ClientOptions): Promise<void> {
  const view = await (await client(options)).cluster();
  print(options, view, () => statusText(view, Date.now()));
}

export function statusText(view: ClusterView, nowMs: number): string {
  const unowned = view.owners.filter((owner) => owner < 0).length;
  const rows = view.nodes.map((node) => [
    node.id,
    node.status,
    node.partitions,
    node.load?.calls ?? '-',
    node.load?.registrations ?? '-',
    node.zone === '' ? '-' : node.zone,
    node.workers,
    node.link,
    node.admin === '' ? '-' : node.admin,
    node.status === 'dead' ? '-' : durationText(nowMs - node.incarnation),
  ]);
  const head = ['node', 'status', 'partitions', 'calls', 'registrations', 'zone', 'workers', 'link', 'admin', 'up for'];
  const facts = [
    `cluster ${view.name}, table epoch ${view.epoch}, ${view.owners.length} partitions`,
    unowned === 0 ? 'all served' : `${unowned} without owner`,
    `${view.moving} moving`,
    view.storeUp ? 'store up' : 'store does not answer',
  ];
  return `${facts.join(', ')}\n\n${tableText(head, rows)}`;
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
