/**
 * The socket by which `caisson registry gc` reaches a registry that serves. It is in the registry's root, for users
 * that may write there. A connection carries one JSON object each way.
 */
import { unlinkSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { unlessErrno } from '#base/errno.ts';
import { EngineError, messageOf } from '#base/errors.ts';
import { isErrno } from '#linux/errno.ts';
import { JsonShape } from '#oci/json-shape.ts';
import type { GarbageOptions, GarbageReport } from './registry-server.ts';

const NAME = 'control.sock';
const MAXIMUM_MESSAGE_BYTES = 64 * 1024;

/** Answers until it is disposed. The root's lock must be held: a socket that is there was left by a former registry. */
export async function openControlSocket(
  root: string,
  collect: (options: GarbageOptions) => Promise<GarbageReport>,
): Promise<AsyncDisposable> {
  const path = join(root, NAME);
  removeSocket(path);
  const server = createServer({ allowHalfOpen: true }, (socket) => void answer(socket, collect));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  const umask = process.umask(0o177);
  server.listen(path, resolve);
  process.umask(umask);
  await promise;
  return {
    [Symbol.asyncDispose]: async () => {
      await new Promise<void>((closed) => {
        server.close(() => closed());
      });
    },
  };
}

/**
 * Has the registry that serves `root` collect its garbage.
 *
 * @returns undefined if none serves it
 */
export async function collectThroughSocket(
  root: string,
  options: GarbageOptions,
): Promise<GarbageReport | undefined> {
  const socket = await connectTo(join(root, NAME));
  if (!socket) return undefined;
  socket.end(JSON.stringify(options));
  const shape = new JsonShape("the registry's answer");
  const answered = shape.parse(Buffer.from(await text(socket)), MAXIMUM_MESSAGE_BYTES);
  const error = shape.optionalString(answered, 'error');
  if (error !== undefined) throw new EngineError('internal', error);
  const count = (field: string) => shape.optionalInteger(answered, field) ?? 0;
  return { manifests: count('manifests'), blobs: count('blobs'), bytes: count('bytes') };
}

async function answer(
  socket: Socket,
  collect: (options: GarbageOptions) => Promise<GarbageReport>,
): Promise<void> {
  socket.on('error', () => socket.destroy());
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) chunks.push(chunk);
    const request = Buffer.concat(chunks);
    socket.end(JSON.stringify(await collect(optionsOf(request))));
  } catch (error) {
    socket.end(JSON.stringify({ error: messageOf(error) }));
  }
}

function optionsOf(request: Buffer): GarbageOptions {
  const shape = new JsonShape('the request');
  const value = shape.parse(request, MAXIMUM_MESSAGE_BYTES);
  const graceMs = shape.optionalInteger(value, 'graceMs');
  return {
    deleteUntagged: shape.optionalBoolean(value, 'deleteUntagged') ?? false,
    dryRun: shape.optionalBoolean(value, 'dryRun') ?? false,
    ...(graceMs === undefined ? {} : { graceMs }),
  };
}

async function connectTo(path: string): Promise<Socket | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket | undefined>();
  const socket = connect(path, () => resolve(socket));
  socket.once('error', (error) => {
    if (isErrno(error, 'ENOENT', 'ECONNREFUSED')) resolve(undefined);
    else reject(error);
  });
  return promise;
}

function removeSocket(path: string): void {
  unlessErrno(() => unlinkSync(path), 'ENOENT');
}
