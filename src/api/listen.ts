/** Where the API listens, and how such a place comes to be. */
import { chmod, chown, mkdir, readFile, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { EngineError } from '#base/errors.ts';

export interface TlsOptions {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** Given, only clients with a certificate of this authority may speak. */
  readonly ca?: string | Buffer;
}

/** Name or number of a group that must exist, or names of which the first counts that does; none: root's own group. */
type SocketGroup = string | readonly string[];

export type ListenTarget =
  | {
      readonly kind: 'unix';
      readonly path: string;
      /** Permissions of the socket; absent: 0o660. */
      readonly mode?: number;
      /** Who may connect beside root. */
      readonly group?: SocketGroup;
    }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls?: TlsOptions }
  /** A socket that listens already, as systemd passes it. */
  | { readonly kind: 'fd'; readonly fd: number };

/** The kernel cuts it to `net.core.somaxconn`; below a thousand, bursts of clients get EAGAIN on a unix socket. */
const BACKLOG = 4096;

/** @returns the address as clients write it */
export async function listenOn(server: Server, target: ListenTarget): Promise<string> {
  if (target.kind === 'unix') return listenOnPath(server, target);
  if (target.kind === 'fd') {
    await listening(server, () => server.listen({ fd: target.fd, backlog: BACKLOG }));
    return `fd://${target.fd}`;
  }
  await listening(server, () => server.listen({ host: target.host, port: target.port, backlog: BACKLOG }));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : target.port;
  return `tcp://${target.host.includes(':') ? `[${target.host}]` : target.host}:${port}`;
}

async function listenOnPath(server: Server, target: ListenTarget & { kind: 'unix' }): Promise<string> {
  const { path, mode = 0o660, group = [] } = target;
  const gid = await groupId(group);
  await mkdir(dirname(path), { recursive: true, mode: 0o711 });
  await removeStale(path);
  // No client may connect before the group is set; the socket is bound before listen() returns.
  const umask = process.umask(0o777);
  try {
    const bound = listening(server, () => server.listen({ path, backlog: BACKLOG }));
    process.umask(umask);
    await bound;
  } finally {
    process.umask(umask);
  }
  await chown(path, 0, gid);
  await chmod(path, mode);
  return `unix://${path}`;
}

/** A socket without a listener is what a killed server left behind. */
async function removeStale(path: string): Promise<void> {
  const state = await probe(path);
  if (state === 'listening') {
    throw new EngineError('conflict', `Cannot listen on ${path}: another server listens there`);
  }
  if (state === 'stale') await unlink(path);
}

async function probe(path: string): Promise<'absent' | 'stale' | 'listening'> {
  const { promise, resolve, reject } = Promise.withResolvers<'absent' | 'stale' | 'listening'>();
  const socket = connect({ path }, () => resolve('listening'));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') resolve('absent');
    else if (error.code === 'ECONNREFUSED') resolve('stale');
    else if (error.code === 'EAGAIN') resolve('listening');
    else reject(new EngineError('conflict', `Cannot listen on ${path}: ${error.message}`, { cause: error }));
  });
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

async function listening(server: Server, listen: () => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (error: NodeJS.ErrnoException) => {
    const code = error.code === 'EADDRINUSE' ? 'conflict' : error.code === 'EACCES' ? 'forbidden' : 'invalid';
    reject(new EngineError(code, `Cannot listen: ${error.message}`, { cause: error }));
  };
  server.once('error', fail);
  server.once('listening', resolve);
  listen();
  try {
    await promise;
  } finally {
    server.off('error', fail);
    server.off('listening', resolve);
  }
}

/** @throws {EngineError} `invalid` for a group that must exist and does not */
async function groupId(group: SocketGroup): Promise<number> {
  if (typeof group === 'string' && /^\d+$/.test(group)) return Number(group);
  const text = await readFile('/etc/group', 'utf8').catch(() => '');
  const lines = text.split('\n').map((line) => line.split(':'));
  const known = new Map(lines.map(([name = '', , id]) => [name, Number(id)]));
  for (const name of [group].flat()) {
    const id = known.get(name);
    if (id !== undefined) return id;
  }
  if (typeof group !== 'string') return 0;
  throw new EngineError('invalid', `Cannot give the socket to group ${group}: there is no such group`);
}
