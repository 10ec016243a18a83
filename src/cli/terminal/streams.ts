import type { Hijacked } from '#client/client.ts';
import type { Context } from '../context.ts';
import type { Output } from '../output.ts';
import { DetachScanner } from '#base/detach-keys.ts';
import { FrameSplitter } from './frame-splitter.ts';

/** Writes a stream of stdout and stderr frames to the two streams it came from, in order. */
export async function copyFrames(
  source: AsyncIterable<Buffer>,
  stdout: Output | undefined,
  stderr: Output | undefined,
): Promise<void> {
  const outputs = { stdout, stderr };
  const splitter = new FrameSplitter((stream, data) => outputs[stream]?.write(data));
  for await (const chunk of source) splitter.feed(chunk);
}

/** Writes a raw stream, such as a terminal's, as it comes. */
export async function copyRaw(source: AsyncIterable<Buffer>, target: Output | undefined): Promise<void> {
  for await (const chunk of source) target?.write(chunk);
}

export interface StreamChoice {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** The container has a terminal: its output is one raw stream. */
  readonly tty: boolean;
  /** The key sequence that leaves the container; none without a terminal. */
  readonly detachKeys: Buffer | undefined;
}

/** How streaming ended: the container closed its side, or the user left it. */
export type StreamEnd = 'ended' | 'detached';

/** Joins this process's standard streams to a hijacked connection until its output ends or the user detaches. */
export async function joinStreams(
  context: Context,
  connection: Hijacked,
  choice: StreamChoice,
): Promise<StreamEnd> {
  const detached = choice.stdin ? sendInput(connection, choice.detachKeys) : noInput(connection);
  const stdout = choice.stdout ? context.stdout : undefined;
  const stderr = choice.stderr ? context.stderr : undefined;
  const output = choice.tty
    ? copyRaw(connection.output, stdout ?? stderr)
    : copyFrames(connection.output, stdout, stderr);
  return Promise.race([output.then(() => 'ended' as const), detached]);
}

function noInput(connection: Hijacked): Promise<StreamEnd> {
  connection.endInput();
  return NEVER;
}

const NEVER = Promise.race<never>([]);

/** Sends standard input; resolves only if the user detaches. */
function sendInput(connection: Hijacked, keys: Buffer | undefined): Promise<StreamEnd> {
  const scanner = new DetachScanner(keys ?? Buffer.alloc(0));
  const { promise, resolve } = Promise.withResolvers<StreamEnd>();
  const { stdin } = process;
  stdin.on('data', (chunk: Buffer) => {
    const { data, detached } = scanner.scan(chunk);
    if (data.length > 0) {
      stdin.pause();
      void connection.write(data).then(() => stdin.resume());
    }
    if (detached) resolve('detached');
  });
  stdin.on('end', () => connection.endInput());
  // Reading fails with EIO where the terminal is gone, with EISDIR for `< directory`: both are an end of input.
  stdin.on('error', () => connection.endInput());
  return promise;
}
