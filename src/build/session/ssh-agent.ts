import { chmodSync, chownSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { EngineError } from '#base/errors.ts';
import { ownFd } from '#linux/descriptors.ts';
import { openDirectory } from '#linux/files.ts';
import type { BuildSession } from './build-session.ts';
import type { SshMount } from '../definition/exec-mount.ts';

/** The caller removes its directory. */
export interface AgentSocket extends Disposable {
  readonly path: string;
  /** The socket's path for other processes of this machine. It is short, as addresses of sockets have to be. */
  readonly address: string;
  /** The directory of the socket, by such a short path. */
  readonly directory: string;
}

export type AgentWish = Pick<SshMount, 'id' | 'required' | 'owner'>;

export interface AgentOptions {
  readonly session?: BuildSession;
  readonly signal: AbortSignal;
}

const NAME = 'agent';

/**
 * Serves the client's agent on a socket. Undefined for an optional one that the client does not forward.
 *
 * @throws {EngineError} `invalid` where it is required
 */
export async function serveSshAgent(
  wish: AgentWish & { readonly required: true },
  directory: string,
  options: AgentOptions,
): Promise<AgentSocket>;
export async function serveSshAgent(
  wish: AgentWish,
  directory: string,
  options: AgentOptions,
): Promise<AgentSocket | undefined>;
export async function serveSshAgent(
  { id, required, owner }: AgentWish,
  directory: string,
  { session, signal }: AgentOptions,
): Promise<AgentSocket | undefined> {
  if (!session || !(await session.hasSshAgent(id, signal))) {
    if (required) throw new EngineError('invalid', `no SSH key "${id}" forwarded from the client`);
    return undefined;
  }
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    forward(session, id, socket).catch(() => socket.destroy());
  });
  const path = join(directory, NAME);
  using undo = new DisposableStack();
  // A path by the descriptor is short enough wherever the directory is.
  const { fd } = undo.use(ownFd(openDirectory(directory)));
  undo.defer(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  server.listen(`/proc/self/fd/${fd}/${NAME}`);
  await once(server, 'listening');
  chownSync(path, owner.uid, owner.gid);
  chmodSync(path, owner.mode);
  const held = undo.move();
  const short = `/proc/${process.pid}/fd/${fd}`;
  return {
    path,
    address: `${short}/${NAME}`,
    directory: short,
    [Symbol.dispose]: () => held.dispose(),
  };
}

async function forward(session: BuildSession, id: string, socket: Socket): Promise<void> {
  const agent = await session.openSshAgent(id);
  if (socket.destroyed) return void agent.destroy();
  pipeline(socket, agent, () => agent.destroy());
  pipeline(agent, socket, () => socket.destroy());
}
