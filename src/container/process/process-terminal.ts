import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openTtyStream, setWindowSize } from '#linux/pty.ts';
import { pidfdGetFd, pidfdOpen, processStartTime } from '#linux/process.ts';
import { ownFd } from '#linux/descriptors.ts';
import { spawnProcess } from '#linux/spawn.ts';
import { readIfThere } from '#linux/read-if-there.ts';
import type { TerminalSize } from '../container-spec.ts';
import type { ProcessStreams } from './process-pipes.ts';
import type { ProcessIdentity } from '../run/state.ts';

/** The descriptor under which a holder has the master. */
const HELD_FD = 3;
/** Blocks until the monitor's acknowledgement is given, or for ever. */
const HOLD = 'read x <ack';
const HOLDER = 'holder';

/** The daemon's end of a process's terminal. */
export class ProcessTerminal {
  readonly #fd: number;
  readonly #stream: ReturnType<typeof openTtyStream>;

  /** @param master belongs to the terminal from now on */
  constructor(master: number) {
    this.#fd = master;
    this.#stream = openTtyStream(master);
  }

  get streams(): ProcessStreams {
    return { sources: new Map([[this.#stream, 'stdout']]), input: this.#stream };
  }

  /** Does nothing once the terminal is closed. */
  resize(size: TerminalSize): void {
    if (!this.#stream.destroyed) setWindowSize(this.#fd, size.rows, size.columns);
  }
}

/**
 * Starts a process that keeps the terminal open while no daemon runs; returns its pid, which the directory tells too.
 */
export function holdTerminal(directory: string, master: number): number {
  const nowhere = openSync('/dev/null', 'r+');
  try {
    const pid = spawnProcess({
      path: '/bin/sh',
      args: ['sh', '-c', HOLD, 'caisson-terminal'],
      cwd: directory,
      stdio: [nowhere, nowhere, nowhere, master],
    });
    writeFileSync(join(directory, HOLDER), `${pid}\n`);
    return pid;
  } finally {
    closeSync(nowhere);
  }
}

/** The living holder of a directory, for a process that is in no record. */
export function readHolder(directory: string): ProcessIdentity | undefined {
  const pid = Number(readIfThere(join(directory, HOLDER)) ?? 0);
  const startTime = pid > 0 ? processStartTime(pid) : undefined;
  return startTime === undefined ? undefined : { pid, startTime };
}

/** Takes the terminal from its holder; the caller owns the descriptor. */
export function takeTerminal(holderPid: number): number {
  using holder = ownFd(pidfdOpen(holderPid));
  return pidfdGetFd(holder.fd, HELD_FD);
}
