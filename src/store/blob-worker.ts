/**
 * The thread behind {@link BlobPool}: appends shared segments to files and hashes them on the way, synchronously,
 * in the order in which they arrive.
 */
import { createHash, type Hash } from 'node:crypto';
import { readSync, writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { errnoOf } from '#base/errno.ts';
import { messageOf } from '#base/errors.ts';
import { tellProgress } from './arriving-file.ts';

/** `fd` stays open, and its sender's, until the answer to `finish` or `abandon`. */
export type BlobJob =
  /** Hashes what the file holds already. */
  | {
      readonly kind: 'begin';
      readonly job: number;
      readonly fd: number;
      readonly offset: number;
      readonly progress: BigInt64Array | undefined;
    }
  | { readonly kind: 'append'; readonly job: number; readonly data: Uint8Array; readonly lengthBytes: number }
  | { readonly kind: 'finish'; readonly job: number }
  | { readonly kind: 'abandon'; readonly job: number };

/** One for each job message, in order. */
export type BlobAnswer =
  | { readonly job: number; readonly hex?: string }
  | { readonly job: number; readonly error: string; readonly code: string };

interface Stream {
  readonly fd: number;
  readonly hash: Hash;
  readonly progress: BigInt64Array | undefined;
  offset: number;
}

const streams = new Map<number, Stream>();

function run(message: BlobJob): BlobAnswer {
  const { job } = message;
  if (message.kind === 'begin') {
    streams.set(job, begin(message));
    return { job };
  }
  const stream = streams.get(job);
  if (!stream) return { job };
  if (message.kind === 'append') {
    append(stream, message.data.subarray(0, message.lengthBytes));
    return { job };
  }
  streams.delete(job);
  return message.kind === 'finish' ? { job, hex: stream.hash.digest('hex') } : { job };
}

function begin({ fd, offset, progress }: BlobJob & { readonly kind: 'begin' }): Stream {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(Math.min(offset, 1 << 20));
  for (let at = 0; at < offset; ) {
    const length = readSync(fd, buffer, 0, Math.min(buffer.length, offset - at), at);
    if (length === 0) throw new Error('the file is shorter than it was');
    hash.update(buffer.subarray(0, length));
    at += length;
  }
  return { fd, hash, progress, offset };
}

function append(stream: Stream, data: Uint8Array): void {
  stream.hash.update(data);
  for (let at = 0; at < data.length; ) {
    const written = writeSync(stream.fd, data, at, data.length - at, stream.offset);
    at += written;
    stream.offset += written;
  }
  if (stream.progress) tellProgress(stream.progress, stream.offset);
}

parentPort?.on('message', (message: BlobJob) => {
  parentPort?.postMessage(answer(message), []);
});

function answer(message: BlobJob): BlobAnswer {
  try {
    return run(message);
  } catch (error) {
    return { job: message.job, error: messageOf(error), code: errnoOf(error) };
  }
}
