/** Keeps the images within their budget. */
import { isEngineError } from '#base/errors.ts';
import { matchesLabels } from '#base/filters.ts';
import { shortId } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { Semaphore } from '#base/semaphore.ts';
import type { LayerStore } from '#layer/layer.ts';
import type { Digest } from '#oci/digest.ts';
import { globPattern } from '#oci/glob.ts';
import { familiarName, familiarReference } from '#oci/reference.ts';
import type { ContentReader } from '#store/content.ts';
import { type BudgetImage, type BudgetPlan, planBudget } from './image-budget.ts';
import { tagsOf } from './image-inspect.ts';
import { blobsOf, type ImageRecord } from './image-record.ts';
import { removeImage, type RemovalRoles } from './image-remove.ts';
import type { ImageBudget, ImageBudgetReport } from './image.ts';

export interface GcRoles {
  readonly removal: RemovalRoles;
  readonly content: ContentReader;
  readonly layers: LayerStore;
  readonly logger: Logger;
}

interface GcRun {
  readonly isDryRun: boolean;
  readonly signal: AbortSignal;
}

export class ImageGc implements AsyncDisposable {
  readonly #roles: GcRoles;
  readonly #budget: ImageBudget | undefined;
  /** One at a time: the next looks at what the last has left. */
  readonly #turn = new Semaphore(1);
  readonly #closing = new AbortController();
  readonly #sizes = new Map<Digest, number>();
  #pending: Promise<void> | undefined;

  /** @param budget that is kept by itself; absent: only where it is asked for */
  constructor(roles: GcRoles, budget?: ImageBudget) {
    this.#roles = roles;
    this.#budget = budget;
  }

  get budget(): ImageBudget | undefined {
    return this.#budget;
  }

  /** Collects soon, in the background; requests until then are one. */
  request(): void {
    this.#pending ??= this.#collect();
  }

  async #collect(): Promise<void> {
    const { removal, logger } = this.#roles;
    const { signal } = this.#closing;
    try {
      // What is requested from here on may come too late for this round.
      await Promise.resolve();
      using _turn = await this.#turn.acquire(signal);
      this.#pending = undefined;
      await removal.garbage.collectUnfinished();
      if (this.#budget) await this.#run(this.#budget, { isDryRun: false, signal });
    } catch (error) {
      if (!signal.aborted) logger.error('Cannot keep the image budget', { error });
    }
  }

  /** See `ImageStore.keepBudget`. */
  async run(budget: ImageBudget, run: GcRun): Promise<ImageBudgetReport> {
    using _turn = await this.#turn.acquire(run.signal);
    return await this.#run(budget, run);
  }

  async #run(budget: ImageBudget, { isDryRun, signal }: GcRun): Promise<ImageBudgetReport> {
    const { removal } = this.#roles;
    const records = [...removal.table.all()];
    const sizeOf = await this.#partSizes(records);
    const images = records.map((record) => toBudgetImage(removal, record, budget));
    const plan = planBudget(images, sizeOf, budget.maximumBytes);
    // Before they go.
    const namesOf = new Map(records.map(({ id }) => [id, tagsOf(removal.table.namesOf(id))]));
    const removed = isDryRun ? plan.removed : await this.#remove(plan.removed, signal);
    const report = reportOf({ budget, images, plan, removed, sizeOf, isDryRun, namesOf });
    if (!isDryRun && removed.length > 0) this.#tell(report);
    return report;
  }

  /**
   * Bytes on disk: of a blob where there is one (the tar of a layer that came uncompressed is its blob), else of the
   * layer. They never change, so each is looked up once.
   */
  async #partSizes(records: readonly ImageRecord[]): Promise<(part: Digest) => number> {
    const { content, layers } = this.#roles;
    const parts = new Set(records.flatMap((record) => [...partsOf(record)]));
    for (const known of this.#sizes.keys()) if (!parts.has(known)) this.#sizes.delete(known);
    const unknown = [...parts].filter((part) => !this.#sizes.has(part));
    const looked = unknown.map(async (part) => {
      const sizeBytes = (await content.stat(part))?.sizeBytes ?? layers.get(part)?.sizeBytes;
      if (sizeBytes !== undefined) this.#sizes.set(part, sizeBytes);
    });
    await Promise.all(looked);
    return (part) => this.#sizes.get(part) ?? 0;
  }

  /** @returns those that are gone */
  async #remove(images: readonly BudgetImage[], signal: AbortSignal): Promise<readonly BudgetImage[]> {
    const { removal } = this.#roles;
    const removed: BudgetImage[] = [];
    for (const image of images) {
      signal.throwIfAborted();
      // A container may have come since the plan was made.
      if (isUsed(removal, image.id)) continue;
      try {
        await removeImage(removal, image.id, { force: true, prune: false });
        removed.push(image);
      } catch (error) {
        if (!isEngineError(error, 'conflict') && !isEngineError(error, 'not-found')) throw error;
      }
    }
    return removed;
  }

  #tell({ images, reclaimedBytes, maximumBytes, sizeBytes }: ImageBudgetReport): void {
    const { removal, logger } = this.#roles;
    const gone = images.filter(({ isRemoved }) => isRemoved);
    const names = gone.map(({ tags, id }) => tags[0] ?? shortId(id));
    const attributes = {
      removed: String(gone.length),
      reclaimed: String(reclaimedBytes),
      budget: String(maximumBytes),
    };
    removal.emit({ type: 'image', action: 'gc', id: '', attributes });
    logger.info('Removed images above the budget', {
      images: names.join(' '),
      reclaimed: reclaimedBytes,
      size: sizeBytes,
      budget: maximumBytes,
    });
  }

  /** Ends what collects in the background before the next image, and waits for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#pending;
    using _turn = await this.#turn.acquire();
  }
}

function isUsed({ use, uses }: RemovalRoles, id: Digest): boolean {
  return uses.isHeld(id) || use.containersOf(id).length > 0;
}

function partsOf(record: ImageRecord): ReadonlySet<Digest> {
  return new Set([...blobsOf(record), ...record.layers.map(({ diffId }) => diffId)]);
}

function toBudgetImage(roles: RemovalRoles, record: ImageRecord, budget: ImageBudget): BudgetImage {
  const lastUsedMs = lastUseOf(roles, record.id);
  const keptBecause = reasonToKeep(roles, record, budget, lastUsedMs);
  return {
    id: record.id,
    lastUsedMs,
    parts: partsOf(record),
    ...(record.parent ? { parent: record.parent } : undefined),
    ...(keptBecause === undefined ? undefined : { keptBecause }),
  };
}

/** Uses before there was a budget were not noted: for those it is when the image was named. */
function lastUseOf({ uses, table }: RemovalRoles, id: Digest): number {
  return uses.lastMs(id) ?? Math.max(0, ...table.namesOf(id).map(({ taggedAtMs }) => taggedAtMs));
}

function reasonToKeep(
  { use, uses, table }: RemovalRoles,
  { id, config }: ImageRecord,
  { keep, minimumAgeMs }: ImageBudget,
  lastUsedMs: number,
): string | undefined {
  const [container] = use.containersOf(id);
  if (uses.isHeld(id)) return 'used by a container in the making';
  if (container) return `used by container ${shortId(container.id)}`;
  const labels = config.config.Labels ?? null;
  const names = table.namesOf(id).map(({ reference }) => reference);
  const pattern = keep.find((text) =>
    text.startsWith('label=')
      ? matchesLabels([text.slice('label='.length)], labels)
      : names.some((name) => fitsName(text, familiarReference(name), familiarName(name))),
  );
  if (pattern !== undefined) return `kept by ${JSON.stringify(pattern)}`;
  return Date.now() - lastUsedMs < minimumAgeMs ? 'used too recently' : undefined;
}

function fitsName(pattern: string, ...names: readonly string[]): boolean {
  const glob = globPattern(pattern);
  return names.some((name) => glob.test(name));
}

interface Reported {
  readonly budget: ImageBudget;
  readonly namesOf: ReadonlyMap<Digest, readonly string[]>;
  readonly images: readonly BudgetImage[];
  readonly plan: BudgetPlan;
  readonly removed: readonly BudgetImage[];
  readonly sizeOf: (part: Digest) => number;
  readonly isDryRun: boolean;
}

function reportOf({ budget, images, plan, removed, sizeOf, isDryRun, namesOf }: Reported): ImageBudgetReport {
  const gone = new Set(removed.map(({ id }) => id));
  const users = countUsers(images);
  const left = countUsers(images.filter(({ id }) => !gone.has(id)));
  const bytesOf = (parts: Iterable<Digest>) => [...parts].reduce((sum, part) => sum + sizeOf(part), 0);
  const oldestFirst = images.toSorted((a, b) => a.lastUsedMs - b.lastUsedMs);
  const rows = oldestFirst.map(({ id, lastUsedMs, parts, keptBecause }) => ({
    id,
    tags: namesOf.get(id) ?? [],
    lastUsedMs,
    uniqueBytes: bytesOf([...parts].filter((part) => users.get(part) === 1)),
    isRemoved: gone.has(id),
    reason: gone.has(id) ? 'least recently used' : (keptBecause ?? 'within the budget'),
  }));
  return {
    maximumBytes: budget.maximumBytes,
    sizeBytes: plan.sizeBytes,
    reclaimedBytes: bytesOf([...users.keys()].filter((part) => !left.has(part))),
    isDryRun,
    images: rows,
  };
}

/** How many images have each part. */
function countUsers(images: readonly BudgetImage[]): ReadonlyMap<Digest, number> {
  const users = new Map<Digest, number>();
  for (const { parts } of images) for (const part of parts) users.set(part, (users.get(part) ?? 0) + 1);
  return users;
}
