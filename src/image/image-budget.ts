/** Which images go so that the rest fits into a budget: the least recently used, and no more than needed. */
import type { Digest } from '#oci/digest.ts';

export interface BudgetImage {
  readonly id: Digest;
  readonly lastUsedMs: number;
  /** Layers and blobs, by digest; shared ones stand in every image that has them. */
  readonly parts: ReadonlySet<Digest>;
  readonly parent?: Digest;
  /** Why it stays, whatever the budget. */
  readonly keptBecause?: string;
}

export interface BudgetPlan {
  readonly sizeBytes: number;
  /** Bytes of the images that stay. */
  readonly remainingBytes: number;
  /** Children before their parents, otherwise the least recently used first. */
  readonly removed: readonly BudgetImage[];
}

/** Pure: the same images give the same plan. An image goes only after those that were made from it. */
export function planBudget(
  images: readonly BudgetImage[],
  sizeOf: (part: Digest) => number,
  maximumBytes: number,
): BudgetPlan {
  const disk = new Disk(images, sizeOf);
  const { sizeBytes } = disk;
  const waiting = images.toSorted((a, b) => a.lastUsedMs - b.lastUsedMs);
  const removed: BudgetImage[] = [];
  while (disk.sizeBytes > maximumBytes) {
    const index = waiting.findIndex((image) => !image.keptBecause && !hasChild(waiting, image.id));
    const [image] = index < 0 ? [] : waiting.splice(index, 1);
    if (!image) break;
    disk.remove(image);
    removed.push(image);
  }
  return { sizeBytes, ...giveBack(disk, removed, maximumBytes) };
}

/** What went first may be more than was needed once a large image went, or nothing at all if others share its parts. */
function giveBack(disk: Disk, removed: readonly BudgetImage[], maximumBytes: number) {
  const gone = new Set(removed.map(({ id }) => id));
  for (const image of removed.toReversed()) {
    const addedBytes = disk.addedBy(image);
    const fits = addedBytes === 0 || disk.sizeBytes + addedBytes <= maximumBytes;
    // A parent that goes takes its children along.
    if (!fits || (image.parent && gone.has(image.parent))) continue;
    disk.add(image);
    gone.delete(image.id);
  }
  return { remainingBytes: disk.sizeBytes, removed: removed.filter(({ id }) => gone.has(id)) };
}

function hasChild(images: readonly BudgetImage[], id: Digest): boolean {
  return images.some(({ parent }) => parent === id);
}

/** What images take together: each part once. */
class Disk {
  readonly #users = new Map<Digest, number>();
  readonly #sizeOf: (part: Digest) => number;
  #sizeBytes = 0;

  constructor(images: readonly BudgetImage[], sizeOf: (part: Digest) => number) {
    this.#sizeOf = sizeOf;
    for (const image of images) this.add(image);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  add({ parts }: BudgetImage): void {
    for (const part of parts) {
      const users = this.#users.get(part) ?? 0;
      if (users === 0) this.#sizeBytes += this.#sizeOf(part);
      this.#users.set(part, users + 1);
    }
  }

  remove({ parts }: BudgetImage): void {
    for (const part of parts) {
      const users = this.#users.get(part) ?? 0;
      if (users === 1) this.#sizeBytes -= this.#sizeOf(part);
      this.#users.set(part, users - 1);
    }
  }

  addedBy({ parts }: BudgetImage): number {
    return [...parts].reduce((sum, part) => sum + (this.#users.get(part) ? 0 : this.#sizeOf(part)), 0);
  }
}
