/** The builder's part of the disk: what is on it, and what may stay. */
import { EngineError } from '#base/errors.ts';
import type { Filters } from '#base/filters.ts';
import type { BuildParts } from '../build-parts.ts';
import { budgetLimits } from './cache-budget.ts';
import { cacheSelection } from './cache-filters.ts';
import { type CacheDirectorySource, type CacheRecord, cacheRecords } from './cache-records.ts';
import { pruneCache, type PruneReport } from './prune-cache.ts';

/** The next build comes first. */
const COLLECT_DELAY_MS = 500;

export interface PruneRequest {
  readonly filters: Filters;
  /** Also what images share, and what the builder notes for itself. */
  readonly all: boolean;
  /** Stops once no more than this is left; 0: nothing is kept for its size. */
  readonly keepBytes: number;
}

/** Disposing it waits for what is being removed. */
export class BuilderDisk implements AsyncDisposable {
  readonly #parts: BuildParts;
  readonly #others: readonly CacheDirectorySource[];
  /** One after the other: each looks at what the one before has left. */
  #working: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: BuildParts, others: readonly CacheDirectorySource[]) {
    this.#parts = parts;
    this.#others = others;
  }

  records(): readonly CacheRecord[] {
    return cacheRecords(this.#parts, this.#others);
  }

  /** @throws {EngineError} `invalid` */
  async prune({ filters, all, keepBytes }: PruneRequest): Promise<PruneReport> {
    if (!Number.isSafeInteger(keepBytes) || keepBytes < 0)
      throw new EngineError('invalid', 'keep-storage is in bytes and expects an integer');
    const selection = cacheSelection(filters);
    return await this.#enqueue(() => pruneCache(this.#parts, this.#others, { selection, all, keepBytes }));
  }

  /** Applies the budget a moment later; nobody waits for it. Several calls at once are one. */
  collectSoon(): void {
    if (this.#timer || !this.#parts.budget.enabled) return;
    this.#timer = setTimeout(() => this.#collect(), COLLECT_DELAY_MS).unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await this.#working;
  }

  #collect(): void {
    this.#timer = undefined;
    const { budget, workDirectory, logger } = this.#parts;
    const apply = async () => {
      for (const limits of budgetLimits(budget, workDirectory, this.#totalBytes()))
        await pruneCache(this.#parts, this.#others, limits);
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
