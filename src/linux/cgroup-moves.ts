import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { CgroupLayout } from './cgroup-layout.ts';
import { openPipe } from './descriptors.ts';
import { watchExit } from './process.ts';
import { spawnProcess } from './spawn.ts';

/** How long a move surely stays cheap after another one: less than a grace period. */
const CHEAP_MS = 5;

/** Moves itself from its cgroup ($1) to its cgroup for each line that it reads. */
const SCRIPT = `expedited=/sys/kernel/rcu_expedited
while read -r _; do
  read -r was <$expedited
  [ "$was" = 0 ] && echo 1 >$expedited
  echo 0 >"$1"
  [ "$was" = 0 ] && echo 0 >$expedited
done`;

/**
 * Makes moves of processes between cgroups cheap for some milliseconds, so that a runtime that makes one does not wait.
 *
 * The kernel guards such a move by a lock that is free for forks and dear for movers (`cgroup_threadgroup_rwsem`): the
 * first mover waits for an RCU grace period, some 10 ms on an idle machine; those who come within the next one do not.
 * So a shell moves first, with grace periods expedited (`/sys/kernel/rcu_expedited`, the kernel's Documentation/RCU)
 * for just that moment of 0.1 ms; where it may not, it waits for its own. It is a process of its own so that the end of
 * this one, however sudden, leaves that setting as it was.
 */
export class CgroupMoves implements Disposable {
  #procs: string | undefined;
  #mover: number | undefined;
  #cheapUntilMs = 0;

  constructor(layout: CgroupLayout) {
    this.#procs = ownProcsPath(layout);
  }

  /** Call it right before a process is started that moves itself or another. Does not wait. */
  expect(): void {
    const nowMs = performance.now();
    if (this.#procs === undefined || nowMs < this.#cheapUntilMs) return;
    this.#cheapUntilMs = nowMs + CHEAP_MS;
    try {
      writeSync((this.#mover ??= this.#startMover(this.#procs)), '\n');
    } catch {
      // It was killed; the next one is started when it is needed. This time the runtime waits.
      this.#endMover();
    }
  }

  /** The mover ends when its input does. */
  #startMover(procs: string): number {
    using nowhere = openNowhere();
    const { reader, writer } = openPipe();
    try {
      const pid = spawnProcess({
        path: '/bin/sh',
        args: ['sh', '-c', SCRIPT, 'caisson-cgroups', procs],
        cwd: '/',
        stdio: [reader, nowhere.fd, nowhere.fd],
      });
      // Reaps it.
      watchExit(pid);
      return writer;
    } catch (error) {
      closeSync(writer);
      throw error;
    } finally {
      closeSync(reader);
    }
  }

  #endMover(): void {
    if (this.#mover !== undefined) closeSync(this.#mover);
    this.#mover = undefined;
  }

  [Symbol.dispose](): void {
    this.#procs = undefined;
    this.#endMover();
  }
}

function openNowhere(): Disposable & { readonly fd: number } {
  const fd = openSync('/dev/null', 'r+');
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}

/** Any hierarchy will do, since one lock guards them all. */
function ownProcsPath({ v1Controllers, unifiedPath }: CgroupLayout): string | undefined {
  for (const line of readFileSync('/proc/self/cgroup', 'utf8').split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const root = controllers === '' ? unifiedPath : v1Controllers.get(controllers.split(',')[0] ?? '');
    if (root !== undefined && path !== '') return join(root, path, 'cgroup.procs');
  }
  return undefined;
}
