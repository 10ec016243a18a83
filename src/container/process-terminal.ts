import { closeSync, openSync } from 'node:fs';
import { openTtyStream, setWindowSize } from '#linux/pty.ts';
import { pidfdGetFd, pidfdOpen } from '#linux/process.ts';
import { ownFd } from '#linux/descriptors.ts';
import { spawnProcess } from '#linux/spawn.ts';
import type { TerminalSize } from './container.ts';
import type { ProcessStreams } from './process-pipes.ts';

/** The descriptor under which a holder has the master. */
const HELD_FD = 3;
/** Blocks until the monitor's acknowledgement is given, or for ever. */
const HOLD = 'read x <ack';

/** The daemon's end of a process's terminal. */
export class ProcessTerminal {
  readonly #fd: number;
  readonly #stream: ReturnType<typeof openTtyStream>;

  /** Takes the master over. */
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

/** Starts a process that keeps the terminal open while no daemon runs; returns its pid. */
export function holdTerminal(directory: string, master: number): number {
  const nowhere = openSync('/dev/null', 'r+');
  try {
    return spawnProcess({
      path: '/bin/sh',
      args: ['sh', '-c', HOLD, 'caisson-terminal'],
      cwd: directory,
      stdio: [nowhere, nowhere, nowhere, master],
    });
  } finally {
    closeSync(nowhere);
  }
}

/** Takes the terminal from its holder; the caller owns the descriptor. */
export function takeTerminal(holderPid: number): number {
  using holder = ownFd(pidfdOpen(holderPid));
  return pidfdGetFd(holder.fd, HELD_FD);
}
