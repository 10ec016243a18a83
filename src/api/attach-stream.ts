import type { Readable, Writable } from 'node:stream';
import type { Attachment, OutputChunk } from '#container/container.ts';
import { encodeFrameHeader } from '#wire/stdcopy.ts';
import type { RawStream } from './hijack.ts';

/**
 * Connects a client with a container's or exec's streams until the output ends or the client is gone, and disposes
 * the attachment.
 *
 * The output is framed unless it comes from a terminal, or the client's transport never frames. The client's half-close
 * ends the input; `detachesAtEnd` then says whether the client wanted no more than that, since only some inputs are
 * closed by it (see Docker's `StdinOnce`).
 */
export async function pumpAttachment(
  attachment: Attachment,
  client: RawStream,
  detachesAtEnd: () => Promise<boolean>,
  framed = !attachment.tty,
): Promise<void> {
  using _ = attachment;
  const { promise: detached, resolve: detach } = Promise.withResolvers<void>();
  connectInput(attachment.input, client.input, detachesAtEnd, detach);
  await Promise.race([sendOutput(attachment.output, client, framed), detached]);
  client.output.end();
}

function connectInput(
  target: Writable | undefined,
  source: Readable,
  detachesAtEnd: () => Promise<boolean>,
  detach: () => void,
): void {
  if (target === undefined) {
    source.resume();
    return;
  }
  // The process may close its stdin, or end, at any time: what the client sends then goes nowhere.
  target.on('error', () => source.unpipe(target).resume());
  source.pipe(target);
  source.once('end', () => {
    void detachesAtEnd().then((detaches) => detaches && detach());
  });
}

/** Resolves after the last output, or when the client is gone. */
async function sendOutput(
  output: Readable,
  { output: target, ready }: RawStream,
  framed: boolean,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  output.once('end', resolve);
  output.once('error', () => resolve());
  output.once('close', resolve);
  target.once('close', resolve);
  if (target.destroyed) resolve();
  await ready;
  output.on('data', (chunk: OutputChunk) => {
    if (!writeChunk(target, chunk, framed)) output.pause();
  });
  target.on('drain', () => output.resume());
  await promise;
}

function writeChunk(target: Writable, { stream, data }: OutputChunk, framed: boolean): boolean {
  if (!framed) return target.write(data);
  target.cork();
  target.write(encodeFrameHeader(stream, data.length));
  const more = target.write(data);
  target.uncork();
  return more;
}
