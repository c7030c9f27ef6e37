/**
 * TLS for the links between nodes: both sides show a certificate of the cluster's own authority, in TLS 1.3 and nothing
 * older. Names in the certificates are not looked at, since every certificate of that authority is a node; who a node is
 * it proves inside, by the secret (cluster/handshake.ts).
 *
 * The files are looked at every `linkTlsCheckMs`: new ones count for new links, and links that are up stay up. Files that do
 * not fit together are reported, and the old ones stay in use.
 */
import { readFileSync, statSync } from 'node:fs';
import { connect, createSecureContext, createServer } from 'node:tls';
import type { SecureContext, SecureContextOptions, TLSSocket } from 'node:tls';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import type { Server, Socket } from 'node:net';
import { limits } from '../limits.ts';
import type { Log } from '../outside.ts';

/** PEM files: the node's certificate with its chain, its private key, and the authority of all nodes. */
export interface LinkTlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** A connection that ended before it was a link; `reason` is `tls:` and a code of OpenSSL, of Node or of the system. */
export type TlsRefusal = (remote: string, reason: string) => void;

export class LinkTls {
  readonly #files: LinkTlsFiles;
  readonly #log: Log;
  readonly #servers = new Set<{ setSecureContext(options: SecureContextOptions): void }>();
  #seen: string;
  #options: SecureContextOptions;
  #context: SecureContext;
  #timer: NodeJS.Timeout | undefined;

  /** @throws Error that names the file and what is wrong with it. */
  constructor(files: LinkTlsFiles, log: Log) {
    this.#files = files;
    this.#log = log;
    this.#seen = stateOf(files);
    this.#options = read(files);
    this.#context = createSecureContext(this.#options);
  }

  /** Begins to look for new files. */
  watch(): void {
    this.#timer = setInterval(() => this.reload(), limits.linkTlsCheckMs);
    this.#timer.unref();
  }

  /** Reads the files again if they changed. True when other certificates are in use now. */
  reload(): boolean {
    try {
      const state = stateOf(this.#files);
      if (state === this.#seen) return false;
      this.#seen = state;
      const options = read(this.#files);
      this.#context = createSecureContext(options);
      this.#options = options;
    } catch (error) {
      this.#log.write('error', 'link-tls', { error, advice: 'the certificates read before stay in use' });
      return false;
    }
    for (const server of this.#servers) server.setSecureContext(this.#options);
    this.#log.write('info', 'link-tls', { read: this.#files.cert });
    return true;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  dial(host: string, port: number): Socket {
    return connect({
      host,
      port,
      secureContext: this.#context,
      minVersion: 'TLSv1.3',
      rejectUnauthorized: true,
      checkServerIdentity: () => undefined,
    }).setNoDelay(true);
  }

  /** A server, not listening yet, that gives only connections whose other side has shown a good certificate. */
  serve(accept: (socket: TLSSocket) => void, refused: TlsRefusal): Server {
    const server = createServer({
      ...this.#options,
      minVersion: 'TLSv1.3',
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: limits.linkHandshakeMs,
      noDelay: true,
    });
    this.#servers.add(server);
    // Handshakes under way, oldest first: whoever only connects must not gather here.
    const pending = new Map<string, Socket>();
    server.on('connection', (socket: Socket) => {
      const name = remoteOf(socket);
      if (pending.size >= limits.linkHandshakesMax) pending.values().next().value!.destroy();
      pending.set(name, socket);
      socket.once('close', () => pending.delete(name));
    });
    server.on('secureConnection', (socket) => {
      pending.delete(remoteOf(socket));
      accept(socket);
    });
    server.on('tlsClientError', (error, socket) => {
      // The types say Error; it is the code of what OpenSSL found wrong with the certificate.
      const found: unknown = Reflect.get(socket, 'authorizationError');
      const code = 'code' in error ? String(error.code) : error.message;
      refused(remoteOf(socket), `tls:${typeof found === 'string' ? found : code}`);
    });
    server.once('close', () => this.#servers.delete(server));
    return server;
  }
}

/** What to do about the end of a connection that never was a link; undefined when that is not known. */
export function linkAdvice(reason: string, hasTls: boolean): string | undefined {
  const code = reason.replace(/^(stranger:)?(tls:)?/, '');
  if (code.includes('EXPIRED'))
    return 'renew the certificate that has expired (node.linkTls.cert), and look at the clocks';
  if (code === 'CERT_NOT_YET_VALID') return 'look at the clocks of both nodes, or wait until the certificate is valid';
  if (code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' || code.includes('CERTIFICATE_REQUIRED'))
    return 'give the dialling node its certificate: node.linkTls';
  if (/SELF_SIGNED|UNABLE_TO|CERT_SIGNATURE|UNKNOWN_CA|BAD_CERTIFICATE|INVALID_(CA|PURPOSE)/.test(code))
    return 'both nodes need certificates of one authority, and that authority as node.linkTls.ca';
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_HTTP_REQUEST' || code.includes('PACKET_LENGTH'))
    return 'the other side speaks without TLS: give every node node.linkTls, or none';
  if (code.includes('PROTOCOL')) return 'the other side does not speak TLS 1.3';
  if (code === 'frame-too-long' && !hasTls)
    return 'if that is a node of ours, it dials with node.linkTls and this one has none: give it to every node, or to none';
  return undefined;
}

function remoteOf(socket: {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}): string {
  return `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`;
}

/** Changes with every change of the files, also when they are links that now point elsewhere. */
function stateOf(files: LinkTlsFiles): string {
  return [files.cert, files.key, files.ca]
    .map((file) => {
      const { ino, mtimeMs, size } = statSync(file);
      return `${ino} ${mtimeMs} ${size}`;
    })
    .join(', ');
}

function read(files: LinkTlsFiles): SecureContextOptions {
  const [cert, key, ca] = [readFileSync(files.cert), readFileSync(files.key), readFileSync(files.ca)];
  const own = fromPem(files.cert, () => new X509Certificate(cert));
  const privateKey = fromPem(files.key, () => createPrivateKey(key));
  if (!own.checkPrivateKey(privateKey)) throw new Error(`${files.key} is not the key of ${files.cert}`);
  fromPem(files.ca, () => new X509Certificate(ca));
  return { cert, key, ca };
}

function fromPem<T>(file: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new Error(`${file} cannot be read as PEM: ${error instanceof Error ? error.message : String(error)}`);
  }
}
