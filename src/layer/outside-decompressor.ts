/** Compressions that a program of the system takes off, as Docker has it: xz and bzip2. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { pipeline, Readable } from 'node:stream';
import type { CompressionFormat } from '#oci/compression.ts';
import { layerError } from './layer-errors.ts';

export type OutsideFormat = Extract<CompressionFormat, 'xz' | 'bzip2'>;

export type Decompressor = ChildProcess & {
  readonly stdin: NodeJS.WritableStream;
  readonly stdout: Readable;
};

export function isOutsideFormat(format: CompressionFormat): format is OutsideFormat {
  return format === 'xz' || format === 'bzip2';
}

/** Reads the standard input that it is given. @throws {EngineError} `unavailable` where it is not installed */
export async function startDecompressor(format: OutsideFormat): Promise<Decompressor> {
  const child = spawn(format, ['-dc'], { stdio: ['pipe', 'pipe', 'ignore'] });
  // It may end before it has read everything.
  child.stdin.on('error', () => undefined);
  try {
    await once(child, 'spawn');
    return child;
  } catch (cause) {
    throw layerError('decompressor-missing', { details: { format }, cause });
  }
}

/**
 * The source without its compression; the program ends when either end of it does.
 *
 * @throws {EngineError} `unavailable`; reading it throws `invalid` for damaged data, and what the source throws
 */
export async function decompressOutside(source: Readable, format: OutsideFormat): Promise<Readable> {
  const child = await startDecompressor(format);
  const exited = once(child, 'exit');
  // What fails here is told below.
  pipeline(source, child.stdin, () => undefined);
  const output = Readable.from(outputOf(child, source, format, exited), { objectMode: false });
  output.once('close', () => {
    child.kill('SIGKILL');
    source.destroy();
  });
  return output;
}

/** All that could be unpacked comes before the program says that it was not everything. */
async function* outputOf(
  { stdout }: Decompressor,
  source: Readable,
  format: OutsideFormat,
  exited: Promise<readonly unknown[]>,
): AsyncGenerator<Buffer, void> {
  yield* stdout as AsyncIterable<Buffer>;
  const [code] = await exited;
  if (source.errored) throw source.errored;
  if (code !== 0) throw layerError('archive-data-damaged', { details: { format } });
}
