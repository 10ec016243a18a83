import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { EngineError } from '#base/errors.ts';
import { plainDescriptor } from '#linux/plain-socket.ts';
import { sendFileRange } from '#linux/sendfile.ts';
import type { ByteRange } from './byte-range.ts';

const CHUNK_BYTES = 256 * 1024;
/** Below, leaving the file to the kernel costs more than it saves. */
const MINIMUM_SENDFILE_BYTES = 64 * 1024;

/**
 * Sends a part of a file as the body of an answer whose head is written, and ends the answer. Plain connections get it
 * from the kernel; where the bytes must be encrypted, or cannot be bypassed, they are read in chunks.
 */
export async function sendFile(response: ServerResponse, path: string, range: ByteRange): Promise<void> {
  if (range.lengthBytes === 0) return void response.end();
  if (range.lengthBytes < MINIMUM_SENDFILE_BYTES || !plainSocket(response))
    return sendChunks(response, path, range);
  await using file = await open(path);
  await flushed(response);
  await sendByKernel(response, file, range);
  response.end();
}

async function sendChunks(
  response: ServerResponse,
  path: string,
  { offset, lengthBytes }: ByteRange,
): Promise<void> {
  const end = offset + lengthBytes - 1;
  await pipeline(createReadStream(path, { start: offset, end, highWaterMark: CHUNK_BYTES }), response);
}

async function sendByKernel(response: ServerResponse, file: FileHandle, range: ByteRange): Promise<void> {
  const plain = plainSocket(response);
  if (!plain) throw goneAway();
  const { socket, fd } = plain;
  const gone = new AbortController();
  const onClose = () => gone.abort(goneAway());
  response.once('close', onClose);
  try {
    const sentBytes = await sendFileRange({
      ...range,
      socketFd: fd,
      fileFd: file.fd,
      signal: gone.signal,
      // What node:http does not write does not count as activity.
      onProgress: () => socket.setTimeout(socket.timeout ?? 0),
    });
    if (sentBytes < range.lengthBytes)
      throw new EngineError('internal', 'Cannot send blob: it is shorter than it was');
  } finally {
    response.off('close', onClose);
  }
}

interface PlainSocket {
  readonly socket: Socket;
  readonly fd: number;
}

/** The answer's socket, if the answer has it for itself and nothing stands between it and the kernel. */
function plainSocket({ socket }: ServerResponse): PlainSocket | undefined {
  const fd = socket ? plainDescriptor(socket) : undefined;
  return socket && fd !== undefined ? { socket, fd } : undefined;
}

/** Everything that was written before is the kernel's. */
async function flushed(response: ServerResponse): Promise<void> {
  response.flushHeaders();
  const { socket } = response;
  if (!socket || socket.writableLength === 0) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.write('', (error) => (error ? reject(error) : resolve()));
  await promise;
}

function goneAway(): EngineError {
  return new EngineError('aborted', 'Cannot send blob: the client went away');
}
