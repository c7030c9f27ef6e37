/**
 * The HTTP API, metrics and console of a node. Every refusal is JSON with a code and one sentence; no stack, path or
 * message of an unexpected error ever leaves. Bounds: heads 16 KiB, bodies 64 KiB, 10 s for a whole request.
 */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { HostPort } from '../config/address.ts';
import { isLoopback } from '../config/address.ts';
import type { Log } from '../outside.ts';
import { isTooDeep, readAor, readLimitQuery, readNewUser, readPageQuery, readRegistrationQuery } from './body.ts';
import { refusal, type GuardRules, type RequestHead } from './guard.ts';
import { metricsText } from './metrics.ts';
import { AdminError, type AdminPort } from './port.ts';

export interface AdminOptions {
  /** Port 0 takes any free one. */
  readonly listen: HostPort;
  readonly token: string | undefined;
  readonly log: Log;
}

export interface AdminServer {
  /** Where it listens. */
  readonly address: HostPort;
  /** Ends open connections too. */
  close(): Promise<void>;
}

/** Rejects with the system's error (`EADDRINUSE`, `EACCES`) when the address cannot be had. */
export async function openAdmin(port: AdminPort, options: AdminOptions): Promise<AdminServer> {
  const app = buildAdmin(port, options);
  await app.listen({ host: options.listen.host, port: options.listen.port });
  const bound = app.server.address();
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : options.listen.port;
  return {
    address: { host: options.listen.host, port: boundPort },
    close: async () => app.close(),
  };
}

/** The application without a socket: tests inject requests into it. */
export function buildAdmin(port: AdminPort, options: Pick<AdminOptions, 'listen' | 'token' | 'log'>): FastifyInstance {
  const rules: GuardRules = { token: options.token, loopback: isLoopback(options.listen.host) };
  const app = fastify({
    bodyLimit: 65_536,
    connectionTimeout: 30_000,
    requestTimeout: 10_000,
    keepAliveTimeout: 15_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 4_096 },
    http: { maxHeaderSize: 16_384, headersTimeout: 10_000 },
    clientErrorHandler: answerBrokenHttp,
    frameworkErrors: (error, _request, reply) =>
      void sendError(reply, error.statusCode ?? 400, 'refused', 'not understood'),
  });

  app.addHook('onRequest', async (request, reply) => {
    for (const [name, value] of securityHeaders) reply.header(name, value);
    const refused = refusal(headOf(request), rules);
    if (refused === undefined) return;
    options.log.write('warn', 'admin-refused', { status: refused.status, address: request.ip, method: request.method });
    // The body was not read and will not be: the connection cannot be used again.
    reply.header('connection', 'close');
    if (refused.status === 401) reply.header('www-authenticate', 'Bearer');
    await sendError(reply, refused.status, 'refused', refused.message);
  });
  app.removeAllContentTypeParsers();
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (isTooDeep(String(body))) done(new AdminError('refused', 'the JSON is nested too deeply'), undefined);
    else if (body === '') done(null, {});
    else void parseJson(request, String(body), done);
  });
  app.setNotFoundHandler(async (_request, reply) =>
    sendError(reply, 404, 'not-found', 'there is nothing under this path'),
  );
  app.setErrorHandler(async (error, _request, reply) => answerError(error, reply, options.log));

  addRoutes(app, port);
  addConsole(app);
  return app;
}

function addRoutes(app: FastifyInstance, port: AdminPort): void {
  app.get('/healthz', async () => ({ alive: true }));
  app.get('/readyz', async (_request, reply) => {
    const readiness = await port.ready();
    return reply.code(readiness.ready ? 200 : 503).send(readiness);
  });
  app.get('/metrics', async (_request, reply) => {
    const text = metricsText(await port.counters());
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(text);
  });
  app.get('/v1/cluster', async () => port.cluster());
  app.get('/v1/users', async (request) => port.users(readPageQuery(request.query)));
  app.post('/v1/users', async (request, reply) => {
    const user = readNewUser(request.body);
    await port.putUser(user);
    return reply.code(201).send({ aor: user.aor });
  });
  app.delete<{ Params: { aor: string } }>('/v1/users/:aor', async (request, reply) => {
    const aor = readAor(request.params.aor);
    if (!(await port.removeUser(aor))) throw new AdminError('not-found', 'there is no such user');
    return reply.code(204).send();
  });
  app.get('/v1/registrations', async (request) => port.registrations(readRegistrationQuery(request.query)));
  app.get('/v1/calls', async (request) => port.calls(readPageQuery(request.query)));
  app.get('/v1/limits', async (request) => port.limits(readLimitQuery(request.query)));
  app.post<{ Params: { id: string } }>('/v1/nodes/:id/drain', async (request, reply) => {
    await port.drain(request.params.id);
    return reply.code(202).send({ draining: request.params.id });
  });
}

/** The page and its two files, read once. They hold no data of the cluster and need no token. */
function addConsole(app: FastifyInstance): void {
  const files = [
    ['/', 'index.html', 'text/html; charset=utf-8'],
    ['/console.js', 'console.js', 'text/javascript; charset=utf-8'],
    ['/console.css', 'console.css', 'text/css; charset=utf-8'],
  ] as const;
  for (const [path, name, type] of files) {
    const content = readFileSync(new URL(`./console/${name}`, import.meta.url));
    app.get(path, async (_request, reply) => reply.type(type).send(content));
  }
}

const securityHeaders = [
  ['cache-control', 'no-store'],
  [
    'content-security-policy',
    "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  ],
  ['referrer-policy', 'no-referrer'],
  ['x-content-type-options', 'nosniff'],
] as const;

function headOf(request: FastifyRequest): RequestHead {
  const { host, authorization, origin } = request.headers;
  const fetchSite = request.headers['sec-fetch-site'];
  return {
    method: request.method,
    url: request.raw.url ?? '',
    host,
    authorization,
    origin,
    fetchSite: typeof fetchSite === 'string' ? fetchSite : undefined,
  };
}

const statusOf = { 'refused': 400, 'not-found': 404, 'unavailable': 503 } as const;

function answerError(error: unknown, reply: FastifyReply, log: Log): FastifyReply {
  if (error instanceof AdminError) return sendError(reply, statusOf[error.code], error.code, error.message);
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status >= 400 && status < 500) {
    const message =
      status === 413 ? 'the body is too large' : status === 415 ? 'send application/json' : 'not understood';
    return sendError(reply, status, 'refused', message);
  }
  log.write('error', 'admin-failed', {
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  return sendError(reply, 500, 'internal', 'the node failed to answer; its log says why');
}

function sendError(reply: FastifyReply, status: number, code: string, message: string): FastifyReply {
  return reply.code(status).send({ error: { code, message } });
}

/** What Node could not read as HTTP. Nothing of it is repeated. */
function answerBrokenHttp(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
