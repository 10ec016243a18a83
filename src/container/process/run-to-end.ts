import { signalIfAlive } from '#linux/process.ts';
import type { OutputStream } from '#log/log.ts';
import { containerError } from '../container-errors.ts';
import { untilDrained } from './drain.ts';
import type { SupervisedProcess } from './supervised-process.ts';

const SIGKILL = 9;

export interface ProcessListener {
  readonly onOutput: (stream: OutputStream, data: Buffer) => void;
  /** Kills the process. */
  readonly signal: AbortSignal;
}

/**
 * Reads a process's output until it has ended; the caller releases it.
 *
 * @returns its exit code, after its last output
 * @throws {EngineError} `aborted` when the signal has fired
 */
export async function runToEnd(
  process: SupervisedProcess,
  { onOutput, signal }: ProcessListener,
): Promise<number> {
  const { pid, startTime } = process.identity;
  const kill = () => signalIfAlive(pid, SIGKILL, startTime);
  signal.addEventListener('abort', kill);
  try {
    if (signal.aborted) kill();
    const ended = [...process.streams.sources].map(
      ([source, stream]) =>
        new Promise<void>((resolve) => {
          source.on('data', (data: Buffer) => onOutput(stream, data));
          source.once('close', resolve);
        }),
    );
    const { exitCode } = await process.exited;
    await untilDrained(Promise.all(ended).then(() => undefined));
    for (const source of process.streams.sources.keys()) source.destroy();
    if (signal.aborted) throw containerError('process-abandoned', { subject: String(pid) });
    return exitCode;
  } finally {
    signal.removeEventListener('abort', kill);
  }
}
