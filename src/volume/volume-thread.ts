import { Worker } from 'node:worker_threads';
import { receiveError, type TransferredError } from '#base/error-transfer.ts';
import { EngineError } from '#base/errors.ts';
import { Semaphore } from '#base/semaphore.ts';
import { workerModule } from '#base/worker-module.ts';

export type VolumeJob =
  | { readonly kind: 'copy'; readonly source: string; readonly destination: string }
  | { readonly kind: 'usage' | 'delete'; readonly path: string };

export type VolumeAnswer =
  | { readonly ok: true; readonly bytes: number }
  | { readonly ok: false; readonly error: TransferredError };

const IDLE_MS = 4000;

/** A thread for walking and copying large trees: starts when it is needed, stops when it is idle. */
export class VolumeThread {
  readonly #permit = new Semaphore(1);
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;

  /** Returns the bytes that were counted, for `usage`. */
  async run(job: VolumeJob): Promise<number> {
    using _permit = await this.#permit.acquire();
    clearTimeout(this.#idle);
    const worker = (this.#worker ??= startWorker());
    worker.ref();
    try {
      const answer = await ask(worker, job);
      if (answer.ok) return answer.bytes;
      throw receiveError(answer.error);
    } finally {
      worker.unref();
      this.#idle = setTimeout(() => this.#stop(), IDLE_MS).unref();
    }
  }

  #stop(): void {
    void this.#worker?.terminate();
    this.#worker = undefined;
  }
}

function startWorker(): Worker {
  return new Worker(workerModule('volume-worker', import.meta.url), { trackUnmanagedFds: false });
}

async function ask(worker: Worker, job: VolumeJob): Promise<VolumeAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<VolumeAnswer>();
  const lost = () =>
    reject(new EngineError('aborted', 'Cannot finish work on a volume: its thread was stopped'));
  worker.once('message', resolve);
  worker.once('error', reject);
  worker.once('exit', lost);
  worker.postMessage(job, []);
  try {
    return await promise;
  } finally {
    worker.off('message', resolve);
    worker.off('error', reject);
    worker.off('exit', lost);
  }
}
