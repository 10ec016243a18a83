import { closeSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { unlessErrno } from '#base/errno.ts';
import { openPipe } from '#linux/descriptors.ts';
import { readStream, setPipeSize, writeStream } from '#linux/fifo.ts';
import type { NullDevices } from '#linux/null-device.ts';
import type { OutputStream } from '#log/log.ts';

/**
 * The kinds of a process's standard input: `none` is a null device, `once` ends when its one client ends it,
 * `kept` stays open for the next client, and for the next daemon.
 */
export type InputMode = 'none' | 'once' | 'kept';

/**
 * The largest size for unprivileged users (pipe(7)): a process can write on while the daemon is busy or not running.
 */
export const PIPE_BYTES = 1 << 20;

/** The daemon's ends of a process's streams. */
export interface ProcessStreams {
  readonly sources: ReadonlyMap<Readable, OutputStream>;
  readonly input?: Writable;
}

/** What a monitor gets: its 0, 1 and 2, which are the process's, and what it only holds for the next daemon. */
export interface MonitorDescriptors {
  readonly stdio: readonly [input: number, output: number, errors: number];
  /** The daemon's ends of the pipes: output, errors and, where it is kept, input. */
  readonly held: readonly number[];
}

/** Fresh pipes: either their streams are opened or they are abandoned. */
export interface OpenPipes {
  readonly forMonitor: MonitorDescriptors;
  /** Closes the process's ends in this process, once the monitor has them. */
  readonly closeOthers: () => void;
  readonly openStreams: () => ProcessStreams;
  readonly abandon: () => void;
}

/** Makes a process's standard streams: pipes without a name, and a null device where there is no input. */
export function createPipes(mode: InputMode, nullDevices: NullDevices): OpenPipes {
  using undo = new DisposableStack();
  const own = (fd: number) => {
    undo.defer(() => closeSync(fd));
    return fd;
  };
  const output = outputPipe(own);
  const errors = outputPipe(own);
  const input = mode === 'none' ? { reader: own(nullDevices.open()) } : ownPipe(own);
  undo.move();
  const writer = 'writer' in input ? input.writer : undefined;
  const kept = mode === 'kept' && writer !== undefined ? [writer] : [];
  return {
    forMonitor: {
      stdio: [input.reader, output.writer, errors.writer],
      held: [output.reader, errors.reader, ...kept],
    },
    closeOthers: () => closeAll([input.reader, output.writer, errors.writer]),
    openStreams: () => pipeStreams(output.reader, errors.reader, writer),
    abandon: () => closeAll([output.reader, errors.reader, ...(writer === undefined ? [] : [writer])]),
  };
}

/** Streams over the daemon's ends of the pipes; they own the descriptors. */
export function pipeStreams(output: number, errors: number, input: number | undefined): ProcessStreams {
  const sources = new Map<Readable, OutputStream>([
    [readStream(output), 'stdout'],
    [readStream(errors), 'stderr'],
  ]);
  return { sources, ...(input !== undefined && { input: writeStream(input) }) };
}

function closeAll(fds: readonly number[]): void {
  for (const fd of fds) closeSync(fd);
}

interface Pipe {
  readonly reader: number;
  readonly writer: number;
}

function ownPipe(own: (fd: number) => number): Pipe {
  const { reader, writer } = openPipe();
  return { reader: own(reader), writer: own(writer) };
}

function outputPipe(own: (fd: number) => number): Pipe {
  const pipe = ownPipe(own);
  enlarge(pipe.reader);
  return pipe;
}

/** A smaller pipe only makes a process wait sooner. */
function enlarge(pipe: number): void {
  unlessErrno(() => setPipeSize(pipe, PIPE_BYTES), 'EPERM');
}
