import { closeSync, existsSync, fstatSync } from 'node:fs';
import { join } from 'node:path';
import { unlessErrno } from '#base/errno.ts';
import { ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { openFifoReader, openFifoWriter } from '#linux/fifo.ts';
import { pidfdGetFd, pidfdOpen } from '#linux/process.ts';
import { HELD_FD } from './monitor.ts';
import { type InputMode, type ProcessStreams, pipeStreams } from './process-pipes.ts';

/** A process of a former daemon. */
export interface OrphanProcess {
  readonly directory: string;
  /** Undefined if it does not live any more. */
  readonly monitorPid: number | undefined;
  readonly input: InputMode;
}

/**
 * Takes the pipes of a process that a former daemon started from its monitor, which holds them. An input that was to
 * end once has ended with that daemon. Undefined where there are none: the process has a terminal, or its monitor has
 * been killed.
 */
export function adoptPipes(orphan: OrphanProcess): ProcessStreams | undefined {
  const named = join(orphan.directory, 'out');
  if (existsSync(named)) return adoptNamedPipes(orphan);
  const output = takeHeld(orphan, HELD_FD.output);
  if (output === undefined) return undefined;
  const errors = takeHeld(orphan, HELD_FD.errors);
  if (errors === undefined) {
    closeSync(output);
    return undefined;
  }
  const input = orphan.input === 'kept' ? takeHeld(orphan, HELD_FD.input) : undefined;
  return pipeStreams(output, errors, input);
}

function takeHeld({ monitorPid }: OrphanProcess, fd: number): number | undefined {
  if (monitorPid === undefined) return undefined;
  try {
    using monitor = ownFd(pidfdOpen(monitorPid));
    const taken = pidfdGetFd(monitor.fd, fd);
    if (fstatSync(taken).isFIFO()) return taken;
    closeSync(taken);
    return undefined;
  } catch (error) {
    if (isErrno(error, 'ESRCH', 'EBADF')) return undefined;
    throw error;
  }
}

/** Versions before pipes had no names (commit 90fc381) left FIFOs in the directory of a process. */
function adoptNamedPipes({ directory, input }: OrphanProcess): ProcessStreams {
  const at = (name: string) => join(directory, name);
  const writer = input === 'kept' ? openNamedInput(at('in')) : undefined;
  return pipeStreams(openFifoReader(at('out')), openFifoReader(at('err')), writer);
}

/** Undefined once the process has closed it. */
function openNamedInput(path: string): number | undefined {
  return unlessErrno(() => openFifoWriter(path), 'ENXIO');
}
