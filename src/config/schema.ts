/**
 * The configuration of a node, field by field: the one schema that checks a file, fills in the defaults and writes
 * docs/CONFIG.md. Unknown fields are refused. Values that begin with `env:` were replaced before (src/cli/config-file.ts).
 */
import * as z from 'zod';
import { limits } from '../limits.ts';
import { isIpv4, isIpv6, isNetwork, parseHostPort, type HostPort } from './address.ts';
import { parseAdvertised, parseListener, type Advertised, type Listener } from './listener.ts';

const hostName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

const hostPort = z.string().transform((text, context): HostPort => {
  const parsed = parseHostPort(text);
  if (parsed !== undefined) return parsed;
  context.issues.push({
    code: 'custom',
    message: 'write ADDRESS:PORT, such as 127.0.0.1:7000 or [::1]:7000',
    input: text,
  });
  return z.NEVER;
});

const listener = z.string().transform((text, context): Listener => {
  const parsed = parseListener(text);
  if (parsed !== undefined) return parsed;
  const message = text.includes('?')
    ? 'write PROTOCOL:ADDRESS:PORT?advertise=HOST:PORT&proxy=NETWORK,NETWORK, either of the two or both, and no proxy for udp but perhaps shared=yes'
    : 'write PROTOCOL:ADDRESS:PORT with udp, tcp, tls, ws or wss, such as udp:127.0.0.1:5060';
  context.issues.push({ code: 'custom', message, input: text });
  return z.NEVER;
});

const advertised = z.string().transform((text, context): Advertised => {
  const parsed = parseAdvertised(text);
  if (parsed !== undefined) return parsed;
  const message = 'write HOST or HOST:PORT, such as sip.example.test, 203.0.113.7:5080 or [2001:db8::1]';
  context.issues.push({ code: 'custom', message, input: text });
  return z.NEVER;
});

const domain = z
  .string()
  .refine((text) => hostName.test(text) || isIpv4(text) || isIpv6(text.replace(/^\[|\]$/g, '')), {
    error: 'write a domain name or an IP address, such as example.test',
  })
  .transform((text) => text.toLowerCase());

const storeUrl = z.string().regex(/^(memory:$|sqlite:.+|rediss?(\+sentinel|\+cluster)?:\/\/.+)/, {
  error: 'write memory:, sqlite:PATH, redis://HOST, redis+sentinel://HOST,HOST/MASTER or redis+cluster://HOST,HOST',
});

const cluster = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{0,63}$/i, { error: 'use 1 to 64 letters, digits, dots and dashes' })
    .default('carillon')
    .describe('Name of the cluster. Nodes of different names refuse each other.'),
  store: storeUrl
    .default('sqlite:./data/carillon.db')
    .describe(
      'Where leases, the partition table, snapshots and users are kept. `sqlite:PATH`: one file shared by all nodes of ' +
        'this machine. `memory:`: nothing outlives the process, one node only. For nodes on several machines Redis or Valkey: ' +
        '`redis://:PASSWORD@HOST:6379/0`, `redis+sentinel://HOST:26379,HOST:26379/MASTER` or ' +
        '`redis+cluster://HOST:6379,HOST:6379`; `rediss` instead of `redis` for TLS, `?prefix=NAME` so that clusters can share a ' +
        'database. What Redis must be configured with: docs/adr/redis-store.md.',
    ),
  secret: z
    .string()
    .min(1, { error: 'must not be empty' })
    .max(1_024, { error: 'at most 1024 characters' })
    .describe(
      'Secret shared by all nodes: links, nonces and tags are authenticated with it. At least 16 characters when a link ' +
        'leaves this machine. Write it as `env:NAME`; `openssl rand -hex 32` makes a good one.',
    ),
  profile: z
    .enum(['default', 'fast'])
    .default('default')
    .describe(
      'How long a node may be silent before the others take over what it has: `default`, about three seconds; `fast`, about ' +
        'one, for hosts, networks and a store that never stand still for half a second. The same on all nodes: one with another ' +
        'is refused.',
    ),
  gate: z
    .enum(['buddy', 'store', 'off'])
    .default('buddy')
    .describe(
      'What a packet waits for when others may rely on what it says: `buddy`, the memory of a second node (the store gets it ' +
        'within a second; a changed registration waits for the store all the same); `store`, a commit; `off`, nothing: a node ' +
        'that dies takes the last second of its calls along, and what is repeated of one that ended half a minute before is ' +
        'not known any more.',
    ),
  forward: z
    .enum(['links', 'datagrams'])
    .optional()
    .describe(
      'How a packet that came by UDP to another worker than the one which has its call gets there: `datagrams`, straight from ' +
        'worker to worker, between the addresses of `node.link`, from and to UDP ports that the system chooses, sealed but not ' +
        'encrypted; where they do not come through, the links are used. `links`: always in order with everything else between ' +
        'the nodes, for more processor time. Default: `datagrams`, and `links` with `node.linkTls`, which excludes the other.',
    ),
});

const linkTls = z.strictObject({
  cert: z
    .string()
    .min(1)
    .describe('PEM file with the certificate chain of this node. Relative paths start at the configuration file.'),
  key: z.string().min(1).describe('PEM file with its private key.'),
  ca: z
    .string()
    .min(1)
    .describe('PEM file with the authority that signs the certificates of all nodes, and of nobody else.'),
});

const node = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,31}$/i, { error: 'use 1 to 32 letters, digits and dashes' })
    .default('a')
    .describe('Name of this node, unique in the cluster. `carillon cluster` names its nodes a, b, c, ...'),
  workers: z
    .int()
    .min(1)
    .max(limits.workersPerNodeMax)
    .default(1)
    .describe('Worker threads that handle SIP. One for each core that the node may use is a good number.'),
  link: hostPort
    .prefault('127.0.0.1:7000')
    .describe('Address on which the other nodes reach this one. `carillon cluster` adds i to the port of node i.'),
  advertiseLink: hostPort
    .optional()
    .describe(
      'Address that the other nodes are told instead of `link`, when a proxy or an address translation stands in between. `carillon cluster` adds i to the port of node i.',
    ),
  datagrams: z
    .enum(['auto', 'native', 'node'])
    .default('auto')
    .describe(
      'How UDP is read and written: `native`, in batches by the addon that the installation compiles when there is a C compiler ' +
        '(Linux); `node`, by the sockets of Node, for up to twice the processor time of each packet; `auto`, natively where ' +
        'that is possible. The log (`datagrams`) and the metric `carillon_datagrams_info` say which it is.',
    ),
  zone: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{0,63}$/i, { error: 'use 1 to 64 letters, digits, dots and dashes' })
    .optional()
    .describe(
      'What this node shares its fate with: a rack, a room, a data centre. The second copy of a call is kept in another zone ' +
        'when there is one.',
    ),
  linkTls: linkTls
    .optional()
    .describe(
      'Links by TLS 1.3, both sides with a certificate of the same authority: on every node or on none. New files are taken ' +
        'within seconds, without a restart.',
    ),
});

const tls = z.strictObject({
  cert: z
    .string()
    .min(1)
    .describe('PEM file with the certificate chain. Relative paths start at the configuration file.'),
  key: z.string().min(1).describe('PEM file with the private key.'),
});

const user = z.strictObject({
  aor: z
    .string()
    .max(limits.uriBytesMax)
    .regex(/^sip:[^@\s<>"]+@[^@\s<>";?]+$/i, { error: 'write sip:USER@DOMAIN' })
    .describe('Address-of-record of the user, `sip:user@domain` with one of the `domains`.'),
  password: z.string().min(1, { error: 'must not be empty' }).max(256).describe('Password for digest authentication.'),
});

const registrar = z.strictObject({
  minExpires: z
    .int()
    .min(1)
    .max(3_600)
    .default(60)
    .describe('Seconds. A shorter registration is answered 423 (RFC 3261 10.3 allows that only below one hour).'),
  maxExpires: z
    .int()
    .min(60)
    .max(604_800)
    .default(7_200)
    .describe('Seconds. A longer registration is shortened to this.'),
  maxContacts: z
    .int()
    .min(1)
    .max(limits.contactsPerRegisterMax)
    .default(10)
    .describe('Contacts that one address-of-record may have at a time; one more is answered 403.'),
});

const calls = z.strictObject({
  noAnswerSeconds: z
    .int()
    .min(1)
    .max(3_600)
    .default(120)
    .describe('Seconds that a call may ring before it is cancelled and the caller gets a 408.'),
});

const drain = z.strictObject({
  connectionsSeconds: z
    .int()
    .min(0)
    .max(86_400)
    .default(600)
    .describe(
      'Seconds that a node which leaves keeps the TCP connections of its clients, after it has handed everything over. It ends ' +
        'earlier when the last of them is gone, and at once when all nodes leave.',
    ),
});

const defence = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe(
      'Watch for floods, scanners and password guessing, and block their sources. Not active yet in this version.',
    ),
  trusted: z
    .array(z.string().refine(isNetwork, { error: 'write a network or an address, such as 10.0.0.0/8' }))
    .max(256)
    .default([])
    .describe('Networks that are never blocked.'),
});

const admin = z.strictObject({
  listen: hostPort
    .prefault('127.0.0.1:8080')
    .describe('Address of the HTTP API, metrics and console. `carillon cluster` adds i to the port of node i.'),
  token: z
    .string()
    .min(1, { error: 'must not be empty' })
    .max(256)
    .optional()
    .describe(
      'Bearer token that the API asks for. Needed, with at least 16 characters, when `listen` is not a loopback address. Write it as `env:NAME`.',
    ),
});

/** The whole file. */
export const configSchema = z.strictObject({
  cluster: cluster.describe('What all nodes of the cluster share.'),
  node: node.prefault({}).describe('What belongs to this node alone.'),
  listen: z
    .array(listener)
    .min(1, { error: 'name at least one address to listen on' })
    .max(32)
    .prefault(['udp:127.0.0.1:5060', 'tcp:127.0.0.1:5060'])
    .describe(
      'SIP addresses, `PROTOCOL:ADDRESS:PORT`. All nodes of one machine share them. What one of them has of its own follows a ' +
        '`?`, joined by `&`: `advertise=HOST:PORT` as the field of that name; `proxy=NETWORK,NETWORK` (not for udp): who ' +
        'connects from there is a balancer and begins with a header of the PROXY protocol, version 1 or 2, as in ' +
        '`tcp:10.0.0.1:5060?proxy=10.0.0.0/8`; `shared=yes` (udp only): every node of the cluster listens at this very ' +
        'address (a virtual or an anycast address, or all run on one machine), so that any of them may send from it; without ' +
        'it packets leave by the node that the phone speaks to. `carillon cluster` sets it. Nodes on hosts of their own ' +
        'write the same listeners in the same order, each with its own address. All addresses at once (`0.0.0.0`, `[::]`) only together with `advertise`. ' +
        'What stands in front of a cluster: docs/fronts.md.',
    ),
  tls: tls.optional().describe('Certificate for the `tls:` and `wss:` addresses of `listen`.'),
  advertise: advertised
    .optional()
    .describe(
      'Host name or address that the cluster writes into Via and Record-Route instead of the addresses of `listen`, when ' +
        'others reach it by another one. With `:PORT` that port too, else the port of the listener.',
    ),
  domains: z
    .array(domain)
    .min(1, { error: 'name at least one domain' })
    .max(1_024)
    .describe('Domains this cluster is responsible for.'),
  authenticate: z
    .boolean()
    .default(true)
    .describe('Challenge REGISTER and requests of local users by digest. False only for tests.'),
  users: z
    .array(user)
    .max(100_000)
    .default([])
    .describe('Users put into the store at start. More can be added with `carillon user add`.'),
  registrar: registrar.prefault({}).describe('Registrations.'),
  calls: calls.prefault({}).describe('Calls.'),
  drain: drain.prefault({}).describe('Leaving: `carillon node drain` and SIGTERM.'),
  defence: defence.prefault({}).describe('Defence against abuse.'),
  gateways: z
    .array(z.unknown())
    .max(0, { error: 'this version knows no gateways yet: leave the list empty' })
    .default([])
    .describe('Gateways to other networks. This version has none: the list must be empty.'),
  admin: admin.prefault({}).describe('Management over HTTP.'),
  routes: z
    .string()
    .min(1)
    .optional()
    .describe('TypeScript module with your own routing. Default: registrar and proxy for `domains`.'),
});

/** What a file may say. */
export type ConfigInput = z.input<typeof configSchema>;
