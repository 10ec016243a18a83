import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { CgroupLayout } from './cgroups.ts';

/** For how long a move surely stays cheap after another one: below a grace period. */
const CHEAP_MS = 5;

/**
 * Makes moves of processes between cgroups cheap for some milliseconds, so that a runtime that makes one does not wait.
 *
 * The kernel guards such a move by a lock that is free for forks and dear for movers (`cgroup_threadgroup_rwsem`): the
 * first mover waits for an RCU grace period, some 10 ms on an idle machine; those who come within the next one do not.
 * So this process moves first, from its cgroup to its cgroup, with expedited grace periods (`/sys/kernel/rcu_expedited`,
 * the kernel's Documentation/RCU) for just that call: 0.1 ms. Where that file is not ours to write, moves wait as ever.
 */
export class CgroupMoves implements Disposable {
  readonly #descriptors = new DisposableStack();
  #procs: number | undefined;
  #expedited: number | undefined;
  #cheapUntilMs = 0;

  constructor(layout: CgroupLayout) {
    this.#expedited = isExpeditable() ? this.#open('/sys/kernel/rcu_expedited', 'r+') : undefined;
    const path = ownProcsPath(layout);
    if (this.#expedited !== undefined && path !== undefined) this.#procs = this.#open(path, 'w');
  }

  /** Call it right before a process is started that moves itself or another. */
  expect(): void {
    const nowMs = performance.now();
    if (this.#procs === undefined || this.#expedited === undefined || nowMs < this.#cheapUntilMs) return;
    this.#cheapUntilMs = nowMs + CHEAP_MS;
    const isOn = readFlag(this.#expedited) !== '0';
    if (!isOn) write(this.#expedited, '1');
    write(this.#procs, '0');
    if (!isOn) write(this.#expedited, '0');
  }

  #open(path: string, flags: string): number | undefined {
    try {
      const fd = openSync(path, flags);
      this.#descriptors.defer(() => closeSync(fd));
      return fd;
    } catch {
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    this.#procs = undefined;
    this.#expedited = undefined;
    this.#descriptors.dispose();
  }
}

/** Real-time kernels are told never to expedite (`rcu_normal`): the move would wait, and this thread with it. */
function isExpeditable(): boolean {
  try {
    return readFileSync('/sys/kernel/rcu_normal', 'latin1').trim() === '0';
  } catch {
    return false;
  }
}

/** Of any hierarchy: one lock guards them all. */
function ownProcsPath({ v1Controllers, unifiedPath }: CgroupLayout): string | undefined {
  for (const line of readFileSync('/proc/self/cgroup', 'utf8').split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const root = controllers === '' ? unifiedPath : v1Controllers.get(controllers.split(',')[0] ?? '');
    if (root !== undefined && path !== '') return join(root, path, 'cgroup.procs');
  }
  return undefined;
}

function readFlag(fd: number): string {
  const text = Buffer.alloc(1);
  readSync(fd, text, 0, 1, 0);
  return text.toString('latin1');
}

/** A move that the kernel refuses has paid for the lock all the same. */
function write(fd: number, text: string): void {
  try {
    writeSync(fd, text, 0);
  } catch {
    // The runtime waits then.
  }
}
