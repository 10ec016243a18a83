/** The builder's part of the disk: what is on it, and what may stay. */
import { EngineError } from '#base/errors.ts';
import type { EmitEvent } from '#base/event.ts';
import type { Logger } from '#base/log.ts';
import { type CacheBudget, budgetLimits } from './cache-budget.ts';
import { cacheSelection } from './cache-filters.ts';
import { type CachedLayers, type CacheDirectorySource, cacheRecords } from './cache-records.ts';
import type { CacheRecord, PruneReport, PruneRequest } from './disk.ts';
import { pruneCache } from './prune-cache.ts';

/** Leaves the next build of a series its turn first. */
const COLLECT_DELAY_MS = 500;

export interface DiskWork {
  readonly cached: CachedLayers;
  /** How much the cache may keep. */
  readonly budget: CacheBudget;
  readonly workDirectory: string;
  readonly emit: EmitEvent;
  readonly logger: Logger;
}

/** Disposing it waits for what is being removed. */
export class BuilderDisk implements AsyncDisposable {
  readonly #work: DiskWork;
  readonly #others: readonly CacheDirectorySource[];
  /** Prunes run one after the other, since each looks at what the one before has left. */
  #working: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(work: DiskWork, others: readonly CacheDirectorySource[]) {
    this.#work = work;
    this.#others = others;
  }

  records(): readonly CacheRecord[] {
    return cacheRecords(this.#work.cached, this.#others);
  }

  /** @throws {EngineError} `invalid` */
  async prune({ filters, all, keepBytes }: PruneRequest): Promise<PruneReport> {
    if (!Number.isSafeInteger(keepBytes) || keepBytes < 0)
      throw new EngineError('invalid', 'keep-storage is in bytes and expects an integer');
    const selection = cacheSelection(filters);
    const report = await this.#enqueue(() =>
      pruneCache(this.#work.cached, this.#others, { selection, all, keepBytes }),
    );
    const attributes = { reclaimed: String(report.spaceReclaimed) };
    this.#work.emit({ type: 'builder', action: 'prune', id: '', attributes });
    return report;
  }

  /** Applies the budget a moment later, in the background. Several calls at once are one. */
  collectSoon(): void {
    if (this.#timer || !this.#work.budget.enabled) return;
    this.#timer = setTimeout(() => this.#collect(), COLLECT_DELAY_MS).unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await this.#working;
  }

  #collect(): void {
    this.#timer = undefined;
    const { budget, workDirectory, logger } = this.#work;
    const apply = async () => {
      for (const limits of budgetLimits(budget, workDirectory, this.#totalBytes()))
        await pruneCache(this.#work.cached, this.#others, limits);
    };
    this.#enqueue(apply).catch((error: unknown) =>
      logger.warn('Cannot keep the build cache in its budget', { error }),
    );
  }

  #totalBytes(): number {
    return this.records().reduce((sum, { isShared, sizeBytes }) => (isShared ? sum : sum + sizeBytes), 0);
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#working.then(work);
    this.#working = done.catch(() => undefined);
    return done;
  }
}
